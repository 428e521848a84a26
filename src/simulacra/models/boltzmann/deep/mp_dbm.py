"""The multi-prediction deep Boltzmann machine: trained by the predictions of its mean field inference.

Mean field in a deep Boltzmann machine predicts any variables, pixels or the label, from any others. Unrolled
to T updates it is a recurrent network whose weights are those of the machine. Training draws for each row a
random set S of variables to predict and minimizes

    -sum_(i in S) log q_i(x_i),   q = mean field given the variables not in S       (1)

by backpropagation through the T updates. There are no chains and no log Z. The label is classified by

    p(y | v) ~ q(y) = softmax(d + U'(mu_L - o_L))  given all of v                   (2)

Reference: Goodfellow, Mirza, Courville and Bengio 2013. Row A11.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Classifies, Completes, TakesCondition
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Stage, Update
from simulacra.models.boltzmann.deep.layered import Layered, biases_from_data
from simulacra.models.boltzmann.machine.energy_model import Layers


class MultiPredictionDBM(Layered, Completes, Classifies, TakesCondition):
    """Deep Boltzmann machine over binary data and labels, trained to predict any of them from the rest.

    With labels it classifies; some of the training labels may be missing.

    Args:
        space: a `Binary` space.
        condition: space of the labels, `Categorical`; None without labels.
        hidden: sizes of the hidden layers, bottom to top; two or more.
        mean_field_steps: number T of mean field updates of all layers.
        predicted: probability that a variable belongs to S.
        burn_in: Gibbs sweeps for a sample, starting from independent units.

    Raises:
        ValueError: if the space is not binary, the condition is no label, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = MultiPredictionDBM(Binary((4,)), Categorical((), 3), hidden=(3, 2))
        >>> model.classify(torch.zeros(2, 4)).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: tuple[int, ...] = (500, 500),
        mean_field_steps: int = 10,
        predicted: float = 0.5,
        burn_in: int = 1000,
        *,
        seed: int = 0,
    ):
        if not 0 < predicted <= 1:
            raise ValueError(f"predicted is {predicted}, but a share to predict lies above 0 and up to 1.")
        super().__init__(space, _label(condition), hidden, mean_field_steps, burn_in)
        self.predicted = predicted
        for w in [*self.W, *([] if condition is None else [self.U])]:
            # initialized as a feed-forward network, because gradients are backpropagated through all layers
            nn.init.normal_(w, std=len(w) ** -0.5)
        if condition is None:
            self.remove(Classifies)

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which initializes the biases from the data.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        update = Update("predict", ("",), predict)
        return Stage("train", [update], self.length, start=Initial(biases_from_data)) if i == 0 else None

    def label_logits(self, x: Tensor) -> Tensor:
        """Computes the logits of equation (2), shape (B, classes)."""
        v = self.visible(x)
        unknown = v.new_zeros(v.shape[0], 1, dtype=torch.bool)
        given = {"v": v, "y": v.new_zeros(v.shape[0], len(self.d))}
        # (2)
        return self.field("y", self.mean_field(given, {"y": unknown}))

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with each missing entry drawn from its mean field marginal, shape (B, *).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        q = self.posterior_means(x, c, known)
        return self.observed(rng.bernoulli("x", q["v"]))


@dataclass(frozen=True)
class Question:
    """A prediction task: the given variables of each layer, and those to predict; others are missing.

    Args:
        known: True where a layer is given, shape (B, units), or (B, 1) for a label.
        asked: True where it belongs to S, in the same shapes.
    """

    known: Layers
    asked: Layers


def predict(model: MultiPredictionDBM, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (1) in nats, shape (B,), for a random set S of each row."""
    given = model.given(batch.x, batch.c)
    return Terms(missed(model, given, question(model, batch, given, rng)))


def question(model: MultiPredictionDBM, batch: Batch, given: Layers, rng: Rng) -> Question:
    """Draws S at random among the observed variables of the batch.

    Args:
        model: the machine.
        batch: rows of data.
        given: values of v, and of y if there is one.
        rng: source of random numbers.
    """
    n = len(batch)
    there = {"v": torch.ones_like(given["v"], dtype=torch.bool)}
    if batch.known is not None:
        there["v"] = batch.known.reshape(n, -1)
    if "y" in given:
        has = batch.c_known if batch.c_known is not None else there["v"].new_ones(n)
        there["y"] = has.reshape(n, 1)
    asked = {}
    for name, has in there.items():
        share = torch.full(has.shape, model.predicted, device=has.device)
        asked[name] = has & rng.bernoulli(f"ask {name}", share).bool()
    return Question({name: has & ~asked[name] for name, has in there.items()}, asked)


def missed(model: MultiPredictionDBM, given: Layers, ask: Question) -> dict[str, Tensor]:
    """Computes -log q(x_S) of each layer in nats, each of shape (B,).

    Args:
        model: the machine.
        given: values of v, and of y if there is one.
        ask: the variables that are given and to be predicted.
    """
    q = model.mean_field(given, ask.known)
    # (1), from the fields, because logs of the means may be infinite
    loss = F.binary_cross_entropy_with_logits(model.field("v", q), given["v"], reduction="none")
    terms = {"entries": (loss * ask.asked["v"]).sum(1)}
    if "y" in given:
        log_q = model.field("y", q).log_softmax(1)
        terms["label"] = -(log_q * given["y"] * ask.asked["y"]).sum(1)
    return terms


def _label(condition: Space | None) -> Categorical | None:
    """Returns the condition, after checking that it is a single label or None."""
    if condition is None or (isinstance(condition, Categorical) and condition.shape == ()):
        return condition
    given = load_with(condition="label")
    raise Refusal(
        f"the condition of a multi-prediction DBM is one label, but it is {condition}: load the data with "
        f"{given}, or without a condition.",
        given,
    )
