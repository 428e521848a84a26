"""The chemical VAE: a VAE of texts whose code also predicts numbers, such as properties of molecules.

    L(x, y) = E_{q(z|x)} [ log p(x|z) - w l(y, f(z)) ] - KL(q(z|x) || N(0, I))   (1)
    l(y, f) = 1/2 sum_j (y_j - f_j)^2                               (`squared`)  (2)
    l(y, f) = sum_j [ (y_j - f_j)^2 / (2 s_j^2) + log s_j + 1/2 log 2 pi ]  (`gaussian`)  (3)
    y(x) = f(mu(x))                                                              (4)

y are the numbers of the condition, each with mean 0 and standard deviation 1 in the training rows. Training
on them arranges the codes by y, so that gradient ascent on f finds texts of a higher y
(`exploration.optimize`). The model is one of p(x): y is needed in training only. With w = 1, (1) and (3)
bound log p(x, y) where all rows have y; otherwise the mean of (2) or (3) runs over the rows that do.

Reference: Gomez-Bombarelli et al., Automatic Chemical Design Using a Data-Driven Continuous Representation of
Molecules, 2018 (2016). Row E24.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import PredictsFromCode, TakesCondition
from simulacra.core.distributions.divergences import kl_by_entry
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.labels import known_labels
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.updates import Update
from simulacra.models.variational.parts.weighed_kl import anneal, bound_terms
from simulacra.models.variational.texts.sentence_vae import SentenceVAE, dropped_words
from simulacra.nets.mlp import mlp


class ChemicalVAE(SentenceVAE, PredictsFromCode):
    """Variational autoencoder of texts with a head that predicts numbers from the code.

    Args:
        space: space of texts, such as SMILES of molecules.
        condition: space of the numbers that are predicted, `Real`; training needs them, p(x) does not.
        latent: size of the code z.
        hidden: size of the states of both networks.
        width: number of features of a token.
        property_hidden: sizes of the hidden layers of f.
        property_loss: `squared` of equation (2), or `gaussian` of (3) with a learned standard deviation of
            each number.
        property_weight: w of equation (1).
        word_dropout: probability that the decoder does not see a token, in training only.
        kl_warmup: share of training over which the weight of the KL rises linearly from 0 to 1; 0 has weight
            1 throughout.
        free_bits: KL of each unit of the code that costs nothing in training, in nats.

    Raises:
        ValueError: if the space holds no texts, the condition no real numbers, or an option is out of range.

    Example:
        >>> from simulacra import Tokens
        >>> space = Tokens((4,), 3, ("<end>", "C", "O"), unit="smiles")
        >>> model = ChemicalVAE(space, Real((2,)), latent=3, hidden=5, width=3)
        >>> model.predict(["CCO", "C"]).shape, model.encode(["CO"]).shape
        ((2, 2), torch.Size([1, 3]))
    """

    log_s: nn.Parameter | None

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 56,
        hidden: int = 256,
        width: int = 64,
        property_hidden: tuple[int, ...] = (128, 128),
        property_loss: Literal["squared", "gaussian"] = "squared",
        property_weight: float = 1.0,
        word_dropout: float = 0.25,
        kl_warmup: float = 0.5,
        free_bits: float = 0.0,
        *,
        seed: int = 0,
    ):
        check_properties(condition, property_weight, property_loss)
        super().__init__(space, None, latent, hidden, width, word_dropout, kl_warmup, free_bits)
        assert condition is not None
        # the code predicts y; neither network is given it
        self.condition = condition
        self.remove(TakesCondition)
        self.property_loss, self.property_weight = property_loss, property_weight
        self.f = mlp([latent, *property_hidden, condition.dims], "tanh")
        learned = property_loss == "gaussian"
        self.register_parameter("log_s", nn.Parameter(torch.zeros(condition.dims)) if learned else None)

    def updates(self) -> list[Update]:
        """Returns the only update: all parameters minimize -L(x, y); rows without y weigh only in L(x)."""
        weights = {"property": known_labels}
        return [Update("vae", ("",), joint_loss, after=anneal, weights=weights)]

    def response_at(self, z: Tensor) -> Tensor:
        """Returns f(z), shape (B, *condition.shape).

        Args:
            z: codes, shape (B, latent).
        """
        assert self.condition is not None
        y: Tensor = self.f(z)
        return y.reshape(len(z), *self.condition.shape)

    def response(self, x: Tensor) -> Tensor:
        """Returns y(x) of equation (4), shape (B, *condition.shape).

        Args:
            x: texts, shape (B, T).
        """
        # (4)
        return self.response_at(self.infer(x))

    def property_terms(self, z: Tensor, y: Tensor) -> Tensor:
        """Returns l(y, f(z)) of equation (2) or (3), shape (B,).

        Args:
            z: codes, shape (B, latent).
            y: the numbers, shape (B, *condition.shape).
        """
        off = (y.flatten(1) if y.dim() > 1 else y.unsqueeze(1)).to(z.dtype) - self.f(z)
        if self.log_s is None:
            # (2)
            return 0.5 * off.square().sum(1)
        # (3)
        return (0.5 * (off / self.log_s.exp()).square() + self.log_s + 0.5 * math.log(2 * math.pi)).sum(1)

    def _features(self, c: Tensor | None) -> Tensor | None:
        """Returns None: the networks do not receive the numbers."""
        return None


def joint_loss(model: ChemicalVAE, batch: Batch, rng: Rng) -> Terms:
    """Computes -L(x, y) of equation (1) as reconstruction, KL and property, each (B,).

    The logged `elbo` is that of x alone, for the decoder which does not see the dropped tokens.

    Args:
        model: the model.
        batch: rows of data, with the numbers as c; `c_known` marks rows that have them.
        rng: source of random numbers.
    """
    assert batch.c is not None
    q = model.posterior(batch.x)
    z = q.sample(rng, "z")
    p = model.likelihood(z)
    p.dropped = dropped_words(batch.x, model.word_dropout, rng)
    terms = bound_terms(model, -p.log_prob(batch.x), kl_by_entry(q))
    # (1); the update's weights leave out the rows without y, whose c may hold any value
    y = batch.c if batch.c_known is None else torch.where(_beside(batch.c_known, batch.c), batch.c, 0.0)
    terms.loss["property"] = model.property_weight * model.property_terms(z, y)
    return terms


def _beside(known: Tensor, c: Tensor) -> Tensor:
    """Returns a mask of rows, shape (B,), with further dimensions of size 1, so that it broadcasts with c."""
    return known.view(-1, *[1] * (c.dim() - 1))


def check_properties(condition: Space | None, weight: float, loss: str) -> None:
    """Raises ValueError unless the condition holds real numbers, and weight and loss are possible.

    Args:
        condition: space of the condition, or None.
        weight: weight of the property's loss.
        loss: its name.
    """
    if type(condition) is not Real:
        raise ValueError(
            f"a chemical VAE predicts numbers of each row, but the condition is {condition or 'none'}: name "
            "columns of numbers when the data are loaded, as in condition='logP', or take a sentence VAE."
        )
    if loss not in ("squared", "gaussian"):
        raise ValueError(f"property_loss is {loss!r}: 'squared' or 'gaussian'.")
    if not 0 < weight < float("inf"):
        one = build_with(property_weight=1.0)
        raise Refusal(f"property_weight is {weight}, but a loss weighs more than 0: take {one}.", one)
