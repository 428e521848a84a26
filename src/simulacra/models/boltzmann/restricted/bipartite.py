"""The shared base of RBMs: one visible and one hidden layer, with pairwise terms between them only.

    E(v, h) = -p b'(v - mu) - c'(h - lambda) - p (v - mu)' W (h - lambda)        (1)

p is 1 for binary visible units and 1 / s^2 for Gaussian ones, so that E[v | h] = b + W h for these. mu and
lambda are offsets: zero, or the running means of the layers. They change the parametrization of the machine
but not the distributions that it can represent. The gradient of (1) at the running means, called centred or
enhanced, is invariant to flips of 0 and 1.

A condition u shifts the biases: b(u) = b + A u, c(u) = c + B u.

Reference: Smolensky 1986; Montavon and Mueller 2012, Melchior, Fischer and Wiskott 2016 (centring); Taylor,
Hinton and Roweis 2007, Mnih, Larochelle and Hinton 2011 (conditions). Rows A2, A17.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch
from simulacra.core.capabilities.chains import ChainSampler
from simulacra.core.capabilities.general import Decodes, Encodes, HasFilters, TakesCondition
from simulacra.core.numerics import moments
from simulacra.core.numerics.exchange import row_mean
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Source, Stage
from simulacra.models.boltzmann.machine.denoising import Denoiser, noise_of
from simulacra.models.boltzmann.machine.energy_model import Layers
from simulacra.models.boltzmann.machine.learning import Learning, check_at_least, few
from simulacra.models.boltzmann.machine.units import Bernoulli, Units

MEAN_RATE = 0.01  # weight of a batch in the running means of the layers


class Restricted(Denoiser, ChainSampler, Encodes, Decodes, HasFilters, TakesCondition):
    """Abstract base with equation (1); subclasses choose the visible units.

    Args:
        space: space of one observation.
        visible: kind of the visible units.
        precision: p of (1).
        condition: space of the condition u; None for p(v).
        hidden: number of hidden units.
        learning: options of the estimator of the expectation under the model.
        burn_in: Gibbs sweeps for a sample, starting from independent units.
        above: kind of the hidden units; None: binary ones.
    """

    sharded = ("persistent",)
    mu: Tensor
    lam: Tensor

    def __init__(
        self,
        space: Space,
        visible: Units,
        precision: float,
        condition: Space | None,
        hidden: int,
        learning: Learning,
        burn_in: int,
        above: Units | None = None,
    ):
        check_at_least(1, hidden=hidden, burn_in=burn_in)
        units: dict[str, Units] = {"v": visible, "h": Bernoulli() if above is None else above}
        d = space.dims
        super().__init__(space, units, {"v": (d,), "h": (hidden,)}, (("h",), ("v",)), condition, burn_in)
        self.learning, self.precision, self.code_size = learning, precision, hidden
        self.corruption = noise_of(visible)
        if len(space.shape) != 3:
            self.remove(HasFilters)
        self.W = nn.Parameter(0.01 * torch.randn(d, hidden))
        self.b, self.c = nn.Parameter(torch.zeros(d)), nn.Parameter(torch.zeros(hidden))
        if condition is not None:
            size = math.prod(condition.features_shape)
            self.A, self.B = nn.Parameter(torch.zeros(d, size)), nn.Parameter(torch.zeros(hidden, size))
        self.register_buffer("mu", torch.zeros(d))
        self.register_buffer("lam", torch.zeros(hidden))
        learning.prepare(self)

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which initializes the biases from the data.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        if i:
            return None
        return Stage(
            "train", [self.learning.update(before=recentre)], self.length, start=Initial(biases_from_data)
        )

    # ---- energy and fields

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes the energy E of equation (1) in nats, shape (B,).

        Args:
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        v, h = self.precision * (layers["v"] - self.mu), layers["h"] - self.lam
        b, bias = self.biases(c)
        # (1)
        return -(v * b).sum(1) - (h * bias).sum(1) - ((v @ self.W) * h).sum(1)

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Returns p (b + W (h - lambda)) on v, c + p W' (v - mu) on h, shape (B, units).

        Args:
            name: name of the layer.
            layers: values of the layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        b, bias = self.biases(c)
        if name == "v":
            return self.precision * torch.addmm(b, layers["h"] - self.lam, self.W.T)
        return torch.addmm(bias, self.precision * (layers["v"] - self.mu), self.W)

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """Returns E(v, 0), shape (B,), and the field on h.

        Args:
            layers: values of the other layers by name, each (B, *).
            c: conditions, shape (B, *), or None.
        """
        b, bias = self.biases(c)
        v = self.precision * (layers["v"] - self.mu)
        field = torch.addmm(bias, v, self.W)
        # the same order of summation with and without a condition
        return field @ self.lam - (v * b).sum(1), {"h": field}

    def biases(self, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Returns b(u) and c(u), each of shape (units,), or (B, units) with a condition."""
        if self.condition is None or c is None:
            return self.b, self.c
        u = self.condition.vectors(c, self.dtype)
        return self.b + u @ self.A.T, self.c + u @ self.B.T

    def hidden_given_visible(self, v: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns E[h | v], shape (B, hidden).

        Args:
            v: visible units, shape (B, visible).
            c: conditions, or None.
        """
        return self.units["h"].mean(self.field("h", {"v": v}, c))

    def visible_given_hidden(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns E[v | h], shape (B, visible).

        Args:
            h: hidden units, shape (B, hidden).
            c: conditions, or None.
        """
        return self.units["v"].mean(self.field("v", {"h": h}, c))

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the code E[h | x], shape (B, hidden).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        return self.hidden_given_visible(self.visible(x), c)

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns E[v | h] at h = z, shape (B, *).

        Args:
            z: codes, shape (B, latent).
            c: conditions, shape (B, *), or None.
        """
        return self.observed(self.visible_given_hidden(z, c))

    def filters(self) -> Tensor:
        """Returns the weights of each hidden unit, shape (hidden, *shape of x)."""
        return self.W.detach().T.unflatten(1, self.space.shape)


def biases_from_data(model: Restricted, source: Source, rng: Rng) -> None:
    """Initializes visible biases, `base`, offsets and chains from the mean of the data.

    Args:
        model: a restricted machine.
        source: the training split.
        rng: random numbers of the preprocessing and of the chains.
    """
    mean = moments.mean(model, source, rng).flatten().to(model.b)
    binary = isinstance(model.units["v"], Bernoulli)
    mean = mean.clamp(0.01, 0.99) if binary else mean
    model.b.copy_(torch.logit(mean) if binary else mean)
    model.base.copy_(model.precision * model.b)
    if model.learning.centred:
        # at W = 0 the mean of the hidden units is 1/2
        model.mu.copy_(mean)
        model.lam.fill_(0.5)
    model.learning.start(model, rng)


def recentre(model: Restricted, batch: Batch, rng: Rng) -> None:
    """Moves the offsets towards the means of the batch, and the biases such that p(v) does not change."""
    if not model.learning.centred:
        return
    v = model.visible(batch.x)
    part = few(batch)
    h = model.hidden_given_visible(model.visible(part.x), part.c)
    by_v, by_h = MEAN_RATE * (row_mean(v) - model.mu), MEAN_RATE * (row_mean(h) - model.lam)
    model.b.add_(model.W @ by_h)
    model.c.add_(model.precision * by_v @ model.W)
    model.mu += by_v
    model.lam += by_h
