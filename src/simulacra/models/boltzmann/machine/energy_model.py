"""The shared base of all Boltzmann machines: conditionals, chains and annealing from one energy.

    p(x) = exp(-E(x)) m(x) / Z                                                   (1)

over layers of units x = (v, h, ...), with E linear in each layer while the others are held fixed, and m the
base measure of the units. The field on a layer is f = -dE/dx; given the others, the units of a layer depend
on their field alone. One block of layers is summed out in closed form:

    -log sum_h exp(-E(r, h)) m(h) = E(r, 0) - A(f(r))                            (2)

with r the other layers and A the log-partition function of the units. A Gibbs sweep draws the summed block
given the rest, then the rest given it. The annealing path runs from independent units, with `base` as the
field of the visible ones, to this machine:

    E_beta = beta E + (1 - beta) E_0,   E_0(v) = -base'v                         (3)

Reference: Ackley, Hinton and Sejnowski 1985; Salakhutdinov and Murray 2008, equations 10 to 16. Rows A1, A2,
A5, A7, A30.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.capabilities.chains import BurnIn, ChainDraws
from simulacra.core.capabilities.general import HasAnnealingPath, HasDensity, HasEnergy
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng, RowKeys
from simulacra.core.spaces.plain import Space
from simulacra.models.boltzmann.machine.partition import CONDITIONS, can_sum, conditions_of, log_z
from simulacra.models.boltzmann.machine.units import Units

Layers = dict[str, Tensor]


class Machine(Model, ChainDraws, HasDensity, HasEnergy, HasAnnealingPath):
    """Abstract base with equations (1) to (3); subclasses provide layers and energy.

    Args:
        space: space of one observation, whose entries are the layer `v`.
        units: kind of the units of each layer, including `v`.
        shapes: shape of each layer, without the batch dimension.
        blocks: groups of layers that are drawn together given the others. The first block is summed out; the
            others are the state of a chain. With more than two, a sweep goes through them forth and back.
        condition: space of the condition, or None.
        burn_in: Gibbs sweeps for a sample, starting from independent units.
    """

    base: Tensor
    drawing = BurnIn

    def __init__(
        self,
        space: Space,
        units: dict[str, Units],
        shapes: dict[str, tuple[int, ...]],
        blocks: tuple[tuple[str, ...], ...],
        condition: Space | None = None,
        burn_in: int = 1000,
    ):
        super().__init__(space, condition)
        self.units, self.shapes, self.blocks, self.burn_in = units, shapes, blocks, burn_in
        self.register_buffer("base", torch.zeros(shapes["v"]))
        if self.rest != ("v",):
            self.remove(HasEnergy)
        if self.rest != ("v",) or not self.summable:
            self.remove(HasDensity)

    # ---- energy, provided by subclasses

    @abstractmethod
    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes E of (1) without the units' base measure, linear in each layer, in nats, shape (B,).

        Args:
            layers: values of all layers by name, each (B, *).
            c: conditions, or None.
        """

    def field(self, name: str, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Returns the field f = -dE/dx on a layer given the others, in the shape of that layer (B, *).

        Args:
            name: name of the layer.
            layers: values of the layers by name, each (B, *).
            c: conditions, or None.
        """
        with torch.enable_grad():
            x = torch.zeros_like(layers[name]).requires_grad_()
            e = self.energy({**layers, name: x}, c)
            (slope,) = torch.autograd.grad(e.sum(), x)
        return -slope

    def opened(self, layers: Layers, c: Tensor | None = None) -> tuple[Tensor, Layers]:
        """Computes the energy with the summed block at 0, and the fields on it; differentiable.

        Args:
            layers: values of the layers of the state by name, each (B, *).
            c: conditions, or None.

        Returns:
            E(r, 0) in nats, shape (B,), and the field on each layer of the summed block.
        """
        n, like = layers["v"].shape[0], layers["v"]
        kept = torch.is_grad_enabled()
        with torch.enable_grad():
            zero = {name: like.new_zeros(n, *self.shapes[name]).requires_grad_() for name in self.summed}
            e = self.energy({**layers, **zero}, c)
            slopes = torch.autograd.grad(e.sum(), list(zero.values()), create_graph=kept)
        fields = {name: -slope for name, slope in zip(zero, slopes)}
        return (e, fields) if kept else (e.detach(), {k: f.detach() for k, f in fields.items()})

    # ---- layers and states

    @property
    def summed(self) -> tuple[str, ...]:
        """Names of the layers in the block that is summed out."""
        return self.blocks[0]

    @property
    def rest(self) -> tuple[str, ...]:
        """Names of the layers in the state of a chain, `v` first."""
        others = [name for block in self.blocks[1:] for name in block]
        return ("v", *[name for name in others if name != "v"])

    @property
    def sides(self) -> tuple[tuple[str, ...], ...]:
        """Sets of layers over which log Z can be summed: the state and, with two blocks, the summed block."""
        return (self.rest, self.summed) if len(self.blocks) == 2 else (self.rest,)

    def packed(self, layers: Layers) -> Tensor:
        """Concatenates the layers of a chain's state, shape (B, entries)."""
        return torch.cat([layers[name].flatten(1) for name in self.rest], 1)

    def unpacked(self, state: Tensor) -> Layers:
        """Splits the state of a chain into its layers by name."""
        parts = state.split([math.prod(self.shapes[name]) for name in self.rest], 1)
        return {name: part.unflatten(1, self.shapes[name]) for name, part in zip(self.rest, parts)}

    def visible(self, x: Tensor) -> Tensor:
        """Converts observations to the layer v, shape (B, *)."""
        return self.features(x).reshape(x.shape[0], *self.shapes["v"])

    def observed(self, v: Tensor) -> Tensor:
        """Converts the layer v to observations, shape (B, *)."""
        return v.reshape(v.shape[0], *self.space.shape)

    # ---- energies

    def marginal(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes equation (2), including the base measure of the state, in nats, shape (B,).

        Args:
            layers: values of the layers of the state by name, each (B, *).
            c: conditions, or None.
        """
        e, fields = self.opened(layers, c)
        # (2)
        for name, field in fields.items():
            e = e - self.units[name].log_partition(field)
        for name in self.rest:
            e = e - self.units[name].log_measure(layers[name])
        return e

    def free_energy(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Computes the free energy F(x) in nats, shape (B,), so that log p(x) = -F(x) - log Z.

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        return self.marginal({"v": self.visible(x)}, c)

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Computes log p(x) = -F(x) - log Z in nats, exact, in float64, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        return -to_float64(self.free_energy(x, c)) - self.log_z(c)

    def log_z(self, c: Tensor | None = None) -> Tensor:
        """Computes log Z in nats, exact, by a sum over the states of the smaller side in float64.

        Args:
            c: conditions, shape (B, *), each of which has its own Z; None without conditions.

        Returns:
            log Z, shape (), or (B,) with conditions.

        Raises:
            ValueError: if there are more than 2^20 states to sum over.
        """
        return log_z(self, c)

    @property
    def summable(self) -> bool:
        """True if log Z is a sum over at most 2^20 states, those of all conditions together."""
        each = math.log(min(conditions_of(self.condition), CONDITIONS))
        return can_sum(min(map(self.log_states, self.sides)) + each)

    def log_states(self, names: tuple[str, ...]) -> float:
        """Returns the log of the number of joint states of some layers."""
        return sum(self.units[name].log_states(self.shapes[name]) for name in names)

    # ---- terms of the gradient

    def positive(self, batch: Batch, rng: Rng) -> Tensor:
        """Computes the energy of the data in nats, shape (B,), which learning lowers.

        Args:
            batch: rows of data.
            rng: source of random numbers, for subclasses that sample.
        """
        return self.free_energy(batch.x, batch.c)

    def start_from(self, batch: Batch, rng: Rng) -> Layers:
        """Returns the state of chains that start at the data, for contrastive divergence.

        Args:
            batch: rows of data.
            rng: source of random numbers, for subclasses that sample.
        """
        return {"v": self.visible(batch.x)}

    # ---- chains

    def start_chain(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Draws independent units as a chain's initial state, with the field `base` on v, (B, entries).

        Args:
            rng: source of random numbers.
            c: not used: the units have no condition.
        """
        return self.packed({name: self._free(name, rng, rng.rows) for name in self.rest})

    def chain_at(self, x: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns a state with the layer v of observations; the other layers are independent units.

        Args:
            x: observations, shape (B, *).
            rng: source of random numbers.
            c: not used: the units have no condition.
        """
        return self.packed({**self.unpacked(self.start_chain(rng)), "v": self.visible(x)})

    def clamp(self, state: Tensor, x: Tensor, known: Tensor) -> Tensor:
        """Returns the states with the known entries of observations in the layer v, shape (B, entries).

        Args:
            state: state of the chains, shape (B, entries).
            x: observations, shape (B, *).
            known: True where x is known, shape (B, *).
        """
        # with more blocks a sweep would draw the last one given units that were not reset
        assert len(self.blocks) == 2
        layers, keep = self.unpacked(state), known.reshape(len(x), *self.shapes["v"])
        return self.packed({**layers, "v": torch.where(keep, self.visible(x), layers["v"])})

    def _free(self, name: str, rng: Rng, rows: RowKeys) -> Tensor:
        field = self._base(name).expand(len(rows), *self.shapes[name])
        return self.units[name].draw(
            field.to(self.dtype), rng, "start" if name == "v" else f"start {name}", rows
        )

    def _base(self, name: str) -> Tensor:
        return self.base if name == "v" else self.base.new_zeros(self.shapes[name])

    def step(self, state: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Runs one sweep of block Gibbs sampling on the state of a chain, shape (B, entries).

        Args:
            state: state of the chains, shape (B, entries).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        return self.packed(self.sweep(self.unpacked(state), rng, rng.rows, c))

    def shown(self, state: Tensor) -> Tensor:
        """Returns the observations of chain states, shape (B, *)."""
        return self.observed(self.unpacked(state)["v"])

    def sweep(
        self, layers: Layers, rng: Rng, rows: RowKeys, c: Tensor | None = None, beta: float | Tensor = 1.0
    ) -> Layers:
        """Runs one Gibbs sweep: draws the summed block given the rest, then the rest given it.

        Args:
            layers: values of the layers of the state by name, each (B, *).
            rng: source of random numbers.
            rows: row keys of the random numbers.
            c: conditions, or None.
            beta: position on the annealing path (3), from 0 (independent units) to 1 (this machine).
        """
        _, fields = self.opened(layers, c)
        return self.swept(layers, fields, rng, rows, c, beta)

    def swept(
        self,
        layers: Layers,
        fields: Layers,
        rng: Rng,
        rows: RowKeys,
        c: Tensor | None = None,
        beta: float | Tensor = 1.0,
    ) -> Layers:
        """Runs one Gibbs sweep like `sweep`, for known fields on the summed block.

        Args:
            layers: values of the layers of the state by name, each (B, *).
            fields: fields on the layers of the summed block, as `opened` returns them.
            rng: source of random numbers.
            rows: row keys of the random numbers.
            c: conditions, or None.
            beta: position on the annealing path (3), from 0 to 1.
        """
        whole = dict(layers)
        for name, field in fields.items():
            whole[name] = self.units[name].draw(beta * field, rng, name, rows)
        there = self.blocks[1:]
        # forth and back, so that a sweep is reversible, as reverse annealing requires
        for turn, block in enumerate((*there, *there[-2::-1])):
            for name in block:
                field = self._tempered(name, whole, c, beta)
                whole[name] = self.units[name].draw(field, rng, f"{name} {turn}" if turn else name, rows)
        return {name: whole[name] for name in self.rest}

    def _tempered(self, name: str, layers: Layers, c: Tensor | None, beta: float | Tensor) -> Tensor:
        field = self.field(name, layers, c)
        if isinstance(beta, float) and beta == 1.0:
            return field
        # (3)
        return beta * field + (1 - beta) * self._base(name)

    # ---- annealing

    def base_log_z(self) -> Tensor:
        """Computes log Z of the independent units at the start of the path, in nats, shape ()."""
        each = [self.units[n].log_partition(self._base(n).unsqueeze(0)) for n in (*self.rest, *self.summed)]
        return to_float64(torch.stack(each).sum())

    def anneal(
        self, state: Tensor, before: float, after: float, rng: Rng, c: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Takes one annealing step from `before` to `after` on the path.

        Args:
            state: state of the chains, shape (B, entries).
            before: position on the path (3).
            after: next position on the path.
            rng: source of random numbers.
            c: conditions, or None.

        Returns:
            The log-weights log p*_after(state) - log p*_before(state) in nats, shape (B,), and the state
            after a
            sweep at `after`.
        """
        layers = self.unpacked(state)
        e, fields = self.opened(layers, c)
        gain = self._gain(layers, e, fields, before, after)
        return gain, self.packed(self.swept(layers, fields, rng, rng.rows, c, after))

    def log_ratio(self, state: Tensor, before: float, after: float, c: Tensor | None = None) -> Tensor:
        """Computes log p*_after(state) - log p*_before(state) in nats, shape (B,).

        Args:
            state: state of the chains, shape (B, entries).
            before: position on the path (3).
            after: another position on the path.
            c: conditions, or None.
        """
        layers = self.unpacked(state)
        return self._gain(layers, *self.opened(layers, c), before, after)

    def _gain(self, layers: Layers, e: Tensor, fields: Layers, before: float, after: float) -> Tensor:
        free = (layers["v"] * self.base).flatten(1).sum(1)
        # (3), the summed block summed out by (2)
        gain = -(after - before) * (to_float64(e) + to_float64(free))
        for name, field in fields.items():
            units = self.units[name]
            gain = gain + to_float64(units.log_partition(after * field) - units.log_partition(before * field))
        return gain
