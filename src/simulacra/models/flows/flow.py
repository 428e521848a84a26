"""Flows of vectors and tables: layers that move each entry by an increasing map, which others choose.

    z ~ N(0, I),   x = m + s h,   z = g_n(... g_1(h, c), c)                                            (1)
    log p(x | c) = log N(z; 0, I) + sum_l sum_i log f_l'(h_i) - sum_i log s_i                          (2)
    cnf:   dh / dt = net(h, t, c),   h(0) = z,   h(1) = h                                              (3)

A kind is a map f and the entries that choose its parameters: see `models.flows.univariate` and
`models.flows.layers`. The orders of the entries are drawn from the model's seed, two layers from one: the
second has the reverse of the first. m and s are the mean and the deviation of each entry of the training
rows. Training is by maximum likelihood, and (2) is exact. Of (3) it is the solution of a differential
equation in steps, and its score an estimate.

Reference: Dinh et al. 2017 (nice); Papamakarios et al. 2017 (maf); Durkan et al. 2019 (nsf); Sick et al. 2020
(bpf); Chen et al. 2018, Grathwohl et al. 2019 (cnf). Row C9.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.estimates import DensityEstimate
from simulacra.core.capabilities.general import (
    Encodes,
    EstimatesDensity,
    HasDensity,
    HasPrior,
    Samples,
    TakesCondition,
)
from simulacra.core.densities import continuous
from simulacra.core.densities.bijections import Bijection, Chain, Standard
from simulacra.core.errors.other_data import as_real
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import is_real
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Stage, Update
from simulacra.models.flows import univariate
from simulacra.models.flows.layers import Autoregressive, Coupled
from simulacra.models.flows.real_nvp import standardize
from simulacra.nets.velocity import build_velocity

Kind = Literal["nice", "maf", "nsf", "bpf", "cnf"]
MAPS: dict[str, Callable[[], univariate.Univariate]] = {
    "nice": univariate.affine,
    "maf": univariate.affine,
    "nsf": univariate.spline,
    "bpf": univariate.bernstein,
}
KINDS = (*MAPS, "cnf")
TRAINED, STEPS = 8, 20  # steps of a continuous flow in training, and elsewhere


class Flow(Model, Samples, HasDensity, EstimatesDensity, Encodes, HasPrior, TakesCondition):
    """A normalizing flow of vectors or tables, by kind of its layers.

    Args:
        space: a `Real` space, or a table of real columns.
        condition: space of the condition c of p(x | c); None for p(x).
        kind: `nice`, couplings with affine maps; `maf`, autoregressive affine maps; `nsf`, autoregressive
            splines; `bpf`, autoregressive polynomials of Bernstein, whose samples are found by bisection
            to 1e-6; `cnf`, a continuous flow, whose score is an estimate.
        layers: number of layers; a continuous flow has one.
        hidden: sizes of the hidden layers of each network.
        activation: activation of the hidden layers; that of a continuous flow is `silu`.

    Raises:
        ValueError: if the space is not real, on which a density would be unbounded, an option is unknown or
            below 1, or couplings are asked for where there is one entry.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> model = Flow(Real((3,)), kind="maf", layers=2, hidden=(16,))
        >>> x = model.sample(4, seed=0)
        >>> torch.allclose(model.decode(model.encode(x)), x, atol=1e-5)
        True
    """

    location: Tensor
    deviation: Tensor
    exact = True

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        kind: Kind = "nsf",
        layers: int = 4,
        hidden: tuple[int, ...] = (64, 64),
        activation: str = "relu",
        *,
        seed: int = 0,
    ):
        super().__init__(space, condition)
        _check(space, kind, layers, hidden)
        self.kind, self.code_size = kind, space.dims
        self.register_buffer("location", torch.zeros(space.shape))
        self.register_buffer("deviation", torch.ones(space.shape))
        if kind == "cnf":
            given = 0 if condition is None else math.prod(condition.features_shape)
            self.velocity = build_velocity((space.dims,), "mlp", hidden, given)
        else:
            orders = _orders(space.dims, layers, seed)
            self.layers = nn.ModuleList(
                _layer(kind, condition, order, hidden, activation) for order in orders
            )
        self.remove(HasDensity if kind == "cnf" else EstimatesDensity)

    def updates(self) -> list[Update]:
        """Returns the only update, of all parameters, by maximum likelihood."""
        params = ("velocity.",) if self.kind == "cnf" else ("layers.",)
        return [Update("flow", params, negative_log_likelihood)]

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which takes m and s of equation (1) from the training rows first.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("train", self.updates(), self.length, start=Initial(standardize)) if i == 0 else None

    # ---- the map

    @property
    def _place(self) -> Standard:
        """The map from h to x of equation (1), of flattened rows."""
        return Standard(self.location.reshape(-1), self.deviation.reshape(-1))

    def bijection(
        self, c: Tensor | None = None, signs: Tensor | None = None, steps: int = STEPS
    ) -> Bijection:
        """Returns the map from z to h of equation (1) or (3), of vectors of shape (B, d).

        Args:
            c: conditions, shape (B, *), or None.
            signs: entries that estimate the trace of (3), shape (B, d); None: it is computed.
            steps: number of steps in which (3) is solved.
        """
        if self.kind != "cnf":
            return Chain(tuple(layer.at(c) for layer in reversed(self.layers)))  # type: ignore[operator]
        return continuous.Continuous(lambda h, t: self._velocity(h, t, c), steps, signs=signs)

    def _velocity(self, h: Tensor, t: Tensor, c: Tensor | None) -> Tensor:
        given = None if self.condition is None or c is None else self.condition.vectors(c, h.dtype)
        # (3)
        return self.velocity(h, t, given)[:, 0]

    def _vectors(self, x: Tensor) -> Tensor:
        """Returns h of equation (1), shape (B, d)."""
        return self._place.inverse(x.to(self.dtype).unsqueeze(1).flatten(1))

    # ---- what it says of observations

    def log_density(self, x: Tensor, c: Tensor | None = None, signs: Tensor | None = None) -> Tensor:
        """Computes log p(x | c) of equation (2) in nats, shape (B,); in few steps, for training, of (3).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            signs: entries that estimate the trace of (3), shape (B, d); None: it is computed.
        """
        h = self._vectors(x)
        z, log_det = self.bijection(c, signs, TRAINED).undone(h)
        normal = -0.5 * (z.square().sum(1) + self.code_size * math.log(2 * math.pi))
        # (2)
        found = normal - log_det - self._place.log_det(h)
        # rows beyond the range of the networks have no finite density
        return found.nan_to_num(-math.inf, math.inf, -math.inf)

    def estimated_density(self, x: Tensor, c: Tensor | None, rng: Rng) -> DensityEstimate:
        """Estimates log p(x | c) of a continuous flow in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of the signs where there are many entries.
        """
        h, flow = self._vectors(x), self.bijection(c)
        assert isinstance(flow, continuous.Continuous)
        found = continuous.estimate(flow, h, rng)
        return DensityEstimate(found.value - self._place.log_det(h), found.off, found.method)

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns z of equation (1), shape (B, d).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        return self.bijection(c).inverse(self._vectors(x)).nan_to_num()

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns x of equation (1), shape (B, *).

        Args:
            z: codes, shape (B, d).
            c: conditions, shape (B, *), or None.
        """
        x = self._place.forward(self.bijection(c).forward(z))
        return x.unflatten(1, self.space.shape) if self.space.shape else x.squeeze(1)

    def prior(self, rng: Rng, name: str = "z") -> Tensor:
        """Draws z from N(0, I), shape (B, d).

        Args:
            rng: source of random numbers.
            name: name of the draw.
        """
        return rng.normal(name, self.code_size, dtype=self.dtype)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Samples z, and returns x of equation (1), shape (B, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: conditions, shape (B, *), or None.
        """
        return self.emit(self.prior(rng), c)


def negative_log_likelihood(model: Flow, batch: Batch, rng: Rng) -> Terms:
    """Computes -log p(x | c) of equation (2) in nats, shape (B,)."""
    signs = None
    if model.kind == "cnf" and model.code_size > continuous.LARGEST:
        signs = continuous.drawn_signs(rng, model.code_size, model.dtype)
    return Terms({"nll": -model.log_density(batch.x, batch.c, signs)})


def _orders(d: int, layers: int, seed: int | None) -> list[Tensor]:
    """Returns an order of the entries for each layer, shape (d,) each; two layers have it and its reverse."""
    rng = Rng(seed or 0, "flow")
    drawn = [rng.permutation(f"order {i // 2}", d) for i in range(layers)]
    return [order.flip(0) if i % 2 else order for i, order in enumerate(drawn)]


def _layer(
    kind: str, condition: Space | None, order: Tensor, hidden: tuple[int, ...], act: str
) -> Autoregressive | Coupled:
    """Returns the layer of a kind whose entries have this order."""
    d = len(order)
    if kind == "nice":
        kept = torch.zeros(d, dtype=torch.bool, device="cpu")
        kept[order[: (d + 1) // 2]] = True
        return Coupled(kept, condition, MAPS[kind](), hidden, act)
    return Autoregressive(d, condition, MAPS[kind](), order, hidden, act)


def _check(space: Space, kind: str, layers: int, hidden: tuple[int, ...]) -> None:
    """Raises ValueError unless a flow can be built from these options."""
    if not is_real(space):
        mend = as_real(space)
        raise Refusal(f"Flow is a continuous density, but the space is {space}: {mend}.", mend)
    if layers < 1:
        some = build_with(layers=4)
        raise Refusal(f"layers is {layers}, but a flow has at least one: take {some}.", some)
    if hidden and min(hidden) < 1:
        some = build_with(hidden=(64, 64))
        raise Refusal(f"hidden is {tuple(hidden)}, but a layer has at least one unit: take {some}.", some)
    if kind == "nice" and space.dims < 2:
        other = build_with(kind="maf")
        raise Refusal(
            f"a coupling lets some entries shape the others, but {space} has one: take {other}.", other
        )
    if kind == "nice" and layers < 2:
        some = build_with(layers=4)
        raise Refusal(
            f"layers is {layers}, but every entry changes only from 2 couplings on: take {some}.", some
        )
