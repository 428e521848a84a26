"""The deep autoencoder: a stack of RBMs, unrolled into an encoder and a decoder, then fine-tuned.

    up:    h_l = s_l(c_l + W_l' h_(l-1) / v_l),   h_0 = features of x                               (1)
    down:  g_(l-1) = s_(l-1)(b_l + D_l g_l),      g_L = h_L                                         (2)
    min    |h_0 - g_0|^2,   or the cross-entropy of h_0 and g_0                                     (3)

Layer by layer, (W_l, b_l, c_l) is trained as an RBM on the means h_(l-1) of the layer below, by contrastive
divergence with k sweeps:

    -d log p(h_(l-1)) ~ d F(h_(l-1)) - d F(h'),   h' after k Gibbs sweeps from h_(l-1)              (4)

Meanwhile D_l = W_l, so that (1) and (2) are the means of the RBMs upwards and downwards. They are the start
of fine-tuning, in which W_l and D_l part. s_l is the logistic function, but for the top code, whose units are
Gaussian with variance 1, and real data, whose units are Gaussian with variance v_1: there it is the identity.
v_l is 1 for all other layers. Data of 0/1, and levels as features from 0 to 1, are taken for the
probabilities of binary units.

Reference: Hinton and Salakhutdinov 2006. Row D5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Decodes, Encodes
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.model import Model
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Positive, Real, Space
from simulacra.core.updates import Epochs, Initial, Source, Stage, Update
from simulacra.models.boltzmann.deep.below import Below
from simulacra.models.boltzmann.machine.learning import (
    Learning,
    check_at_least,
    check_scale,
    contrastive_divergence,
)
from simulacra.models.boltzmann.machine.units import Bernoulli, Gaussian, Units
from simulacra.models.boltzmann.restricted.bipartite import Restricted, biases_from_data


class DeepAutoencoder(Model, Encodes, Decodes):
    """Deep autoencoder whose layers are trained as RBMs first, equations (1) to (4).

    Args:
        space: space of 0/1, levels or numbers; real data should be standardized.
        layers: sizes of the layers from bottom to top; the last one is the linear code.
        pretrain: number of layers, from the bottom, that are trained as RBMs; None: all. The others begin at
            random weights; 0 trains all at once.
        error: error of fine-tuning, `squared` on features, or `cross-entropy` for 0/1 and levels.
        scale: standard deviation of real data given the layer above, in features.
        gibbs_steps: Gibbs sweeps k of (4).
        lr: learning rate of fine-tuning.
        pretrain_lr: learning rate of the RBMs.

    Raises:
        ValueError: if the layers are empty or one has no unit, `pretrain` is no number of them, the space is
            not one of these, or an option is out of range.

    Example:
        >>> model = DeepAutoencoder(Binary((8,)), layers=(6, 3))
        >>> [model.stage(i, []).name for i in range(3)], model.encode(torch.zeros(2, 8)).shape
        (['layer-1', 'layer-2', 'fine-tune'], torch.Size([2, 3]))
    """

    length = Epochs(50)
    pretraining = Epochs(10)  # length of each RBM

    def __init__(
        self,
        space: Space,
        layers: tuple[int, ...] = (1000, 500, 250, 30),
        pretrain: int | None = None,
        error: Literal["squared", "cross-entropy"] = "squared",
        scale: float = 1.0,
        gibbs_steps: int = 1,
        lr: float = 3e-3,
        pretrain_lr: float = 3e-3,
        *,
        seed: int = 0,
    ):
        super().__init__(space)
        check_stack(space, layers, pretrain)
        check_scale(scale)
        check_at_least(1, gibbs_steps=gibbs_steps)
        visible = units_of(space, scale)
        if error == "cross-entropy" and isinstance(visible, Gaussian):
            other = build_with(error="squared")
            said = f"error={error!r} needs 0/1 or levels, but the space is {space}: use {other}."
            raise Refusal(said, other)
        self.error, self.lr, self.pretrain_lr, self.code_size = error, lr, pretrain_lr, layers[-1]
        self.pretrained = len(layers) if pretrain is None else pretrain
        learning = Learning("cd", gibbs_steps)
        spaces = [space, *[Binary((n,)) for n in layers[:-1]]]
        kinds: list[Units] = [visible, *[Bernoulli()] * (len(layers) - 1), Gaussian()]
        self.rbms = nn.ModuleList(
            Restricted(s, v, scale**-2 if isinstance(v, Gaussian) else 1.0, None, n, learning, 1, h)
            for s, v, h, n in zip(spaces, kinds, kinds[1:], layers)
        )
        for rbm in self.stack:
            nn.init.xavier_normal_(rbm.W)
        self.D = nn.ParameterList(rbm.W.detach().clone() for rbm in self.stack)

    @property
    def stack(self) -> list[Restricted]:
        """The RBMs, bottom to top."""
        return cast(list[Restricted], list(self.rbms))

    # ---- stages

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns stage i: one for each RBM, then one that fine-tunes all.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        if i < self.pretrained:
            update = Update(
                "rbm",
                (f"rbms.{i}.",),
                partial(layer_divergence, level=i),
                after=partial(mirror, level=i),
                optimizer=Adam(lr=self.pretrain_lr),
            )
            start, view = Initial(partial(begin, level=i)), partial(means_below, level=i) if i else None
            return Stage(f"layer-{i + 1}", [update], self.pretraining, start=start, view=view)
        if i == self.pretrained:
            update = Update("all", ("",), reconstruction_error, optimizer=Adam(lr=self.lr))
            return Stage("fine-tune", [update], self.length, start=None if i else Initial(start_at_means))
        return None

    # ---- up and down

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the code h_L of (1), shape (B, code).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        return self.upwards(x, len(self.rbms))

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the reconstruction g_0 of (2) in the units of x, shape (B, *).

        Args:
            z: codes, shape (B, code).
            c: not used.
        """
        g = self.stack[0].units["v"].mean(self.output_field(z))
        return self.space.from_features(g.unflatten(1, self.space.features_shape))

    def upwards(self, x: Tensor, level: int) -> Tensor:
        """Returns h of (1) at a level; level 0 is x, shape (B, units).

        Args:
            x: observations, shape (B, *).
            level: number of the layer.
        """
        h = self.features(x).flatten(1)
        for rbm in self.stack[:level]:
            # (1)
            h = rbm.hidden_given_visible(h)
        return h

    def output_field(self, z: Tensor) -> Tensor:
        """Returns the field on the units of the data at codes z, of which g_0 is the mean, (B, features).

        Args:
            z: codes, shape (B, code).
        """
        g, field = z, z
        for rbm, D in zip(reversed(self.stack), reversed(list(self.D))):
            # (2)
            field = rbm.precision * torch.addmm(rbm.b, g, D.T)
            g = rbm.units["v"].mean(field)
        return field


def layer_divergence(model: DeepAutoencoder, batch: Batch, rng: Rng, level: int) -> Terms:
    """Computes equation (4) of one RBM in nats, per example.

    Args:
        model: the autoencoder.
        batch: means of the layer below, shape (B, units); for level 0 observations.
        rng: source of random numbers.
        level: index of the RBM, from 0.
    """
    return contrastive_divergence(model.stack[level], batch, rng)


def means_below(model: DeepAutoencoder, batch: Batch, rng: Rng, level: int) -> Batch:
    """Returns the batch with the means of (1) at a level instead of x.

    Args:
        model: the autoencoder.
        batch: rows of data.
        rng: not used.
        level: number of the layer; 0 is x.
    """
    return replace(batch, x=model.upwards(batch.x, level)) if level else batch


@torch.no_grad()
def mirror(model: DeepAutoencoder, terms: Mapping[str, Tensor], progress: float, level: int) -> None:
    """Copies the weights of an RBM to the decoder, D_l = W_l.

    Args:
        model: the autoencoder.
        terms: not used.
        progress: not used.
        level: index of the RBM, from 0.
    """
    model.D[level].copy_(model.stack[level].W)


def begin(model: DeepAutoencoder, source: Source, rng: Rng, level: int) -> None:
    """Initializes the visible biases of an RBM from the mean of its data.

    Args:
        model: the autoencoder.
        source: the training split.
        rng: source of random numbers.
        level: index of the RBM, from 0.
    """
    view: Callable[[Batch, Rng], Batch] = partial(means_below, model, level=level)
    biases_from_data(model.stack[level], Below(source, view, model.device), rng)


def start_at_means(model: DeepAutoencoder, source: Source, rng: Rng) -> None:
    """Initializes the biases of the output from the mean of the data, where no RBM was trained."""
    begin(model, source, rng, 0)


def reconstruction_error(model: DeepAutoencoder, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (3) per example, summed over entries."""
    target, z = model.features(batch.x).flatten(1), model.infer(batch.x)
    field = model.output_field(z)
    # (3)
    if model.error == "cross-entropy":
        entries = F.binary_cross_entropy_with_logits(field, target, reduction="none")
    else:
        entries = (target - model.stack[0].units["v"].mean(field)).square()
    return Terms({"reconstruction": entries.sum(1)})


def units_of(space: Space, scale: float) -> Units:
    """Returns the kind of units that take data: binary for features from 0 to 1, else Gaussian.

    Args:
        space: space of 0/1, levels or numbers.
        scale: standard deviation of Gaussian units.

    Example:
        >>> units_of(Levels((2,), 17), 1.0), units_of(Real((2,)), 0.5)
        (Bernoulli(), Gaussian(scale=0.5))
    """
    unbounded = not isinstance(space, Binary | Levels) or (isinstance(space, Levels) and space.ranged)
    return Gaussian(scale) if unbounded else Bernoulli()


def check_stack(space: Space, layers: tuple[int, ...], pretrain: int | None) -> None:
    """Raises ValueError if the space has no units, or the layers cannot be built or trained first.

    Args:
        space: space of one observation.
        layers: sizes of the layers.
        pretrain: number of layers to train as RBMs, or None.
    """
    if not isinstance(space, Binary | Levels | Real | Positive):
        raise ValueError(f"a deep autoencoder needs 0/1, levels or numbers, but the space is {space}.")
    if not layers or min(layers) < 1:
        usual = build_with(layers=(128, 30))
        raise Refusal(
            f"layers is {tuple(layers)}, but a deep autoencoder has at least one layer, each of at least one "
            f"unit: use {usual}.",
            usual,
        )
    if pretrain is not None and not 0 <= pretrain <= len(layers):
        every = build_with(pretrain=len(layers))
        raise Refusal(
            f"pretrain is {pretrain}, but there are {len(layers)} layers to train first: use {every}.", every
        )
