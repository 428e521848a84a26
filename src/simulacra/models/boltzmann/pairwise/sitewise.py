"""Machines whose units interact within one layer: Gibbs sampling site by site.

    p(x) = exp(s(x)) / Z,   x = (v, h) binary                                  (1)

For any s, a unit is on given all others with probability sigmoid(f_i), where f_i is the difference

    f_i(x) = s(x with x_i = 1) - s(x with x_i = 0)                             (2)

A sweep goes through the sites forth and back, so that it is reversible, as reverse annealing requires. Sites
that do not interact are drawn together. On the path to independent units s is
beta s + (1 - beta) base'v.

With at most 20 units all states are summed: log Z is exact, and so is p(v) = sum_h exp(s(v, h)) / Z.

Reference: Ackley, Hinton and Sejnowski 1985; Geman and Geman 1984. Rows A1, A12, A25, A29.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from simulacra.core.capabilities.general import HasDensity, HasEnergy
from simulacra.core.numerics.precision import to_float64
from simulacra.core.progress.tasks import stage
from simulacra.core.random.keyed import Rng, RowKeys
from simulacra.core.spaces.plain import Space
from simulacra.models.boltzmann.machine.energy_model import Layers, Machine
from simulacra.models.boltzmann.machine.learning import check_at_least
from simulacra.models.boltzmann.machine.needs import need_binary
from simulacra.models.boltzmann.machine.partition import STATES, Part, can_sum, log_sum
from simulacra.models.boltzmann.machine.units import Bernoulli, Units


class Walk:
    """Chains that move from site to site; subclasses cache what a change of one site updates cheaply.

    Args:
        model: the machine with the differences (2).
        x: all units, shape (B, sites); changed in place.
    """

    def __init__(self, model: Sitewise, x: Tensor):
        self.model, self.x = model, x

    def differences(self, sites: list[int]) -> Tensor:
        """Computes equation (2) at the current state, shape (B, len(sites))."""
        return self.model.differences(self.x, sites)

    def put(self, sites: list[int], values: Tensor) -> None:
        """Sets the units at the sites of the last call of `differences`.

        Args:
            sites: indices of the sites.
            values: new values, shape (B, len(sites)).
        """
        self.x[:, columns_of(sites)] = values


def columns_of(sites: list[int]) -> slice | list[int]:
    """Returns an index for columns; for a single one a slice, which avoids a copy."""
    return slice(sites[0], sites[0] + 1) if len(sites) == 1 else sites


class Sitewise(Machine):
    """Abstract base with equations (1) and (2); subclasses provide s and its differences.

    Args:
        name: name of the model, for the message when its space does not fit.
        space: a `Binary` space.
        hidden: number of hidden units; 0 has none.
        burn_in: Gibbs sweeps for a sample, starting from independent units.

    Raises:
        ValueError: if the space is not binary, or a number is out of range.
    """

    def __init__(self, name: str, space: Space, hidden: int, burn_in: int):
        need_binary(name, space)
        check_at_least(0, hidden=hidden)
        check_at_least(1, burn_in=burn_in)
        shapes: dict[str, tuple[int, ...]] = {"v": (space.dims,)}
        if hidden:
            shapes["h"] = (hidden,)
        units: dict[str, Units] = {layer: Bernoulli() for layer in shapes}
        # no layer is summed out in closed form: all layers are one block
        super().__init__(space, units, shapes, ((), tuple(shapes)), None, burn_in)
        self.sites = space.dims + hidden
        few = can_sum(self.log_states(self.rest))
        # hidden units are summed state by state, which the blocks do not tell
        self._removed = frozenset() if few else frozenset({HasDensity} | ({HasEnergy} if hidden else set()))

    # ---- energy, provided by subclasses

    @abstractmethod
    def score(self, x: Tensor) -> Tensor:
        """Computes s of (1) in nats for all units x (B, sites), shape (B,)."""

    @abstractmethod
    def differences(self, x: Tensor, sites: list[int]) -> Tensor:
        """Computes equation (2) at sites that do not interact, shape (B, len(sites)).

        Args:
            x: all units, shape (B, sites).
            sites: indices of the sites.
        """

    @property
    def groups(self) -> list[list[int]]:
        """The sites in groups whose members do not interact."""
        return [[i] for i in range(self.sites)]

    # ---- energies

    @property
    def sides(self) -> tuple[tuple[str, ...], ...]:
        """All layers together, because no side is summed in closed form."""
        return (self.rest,)

    def energy(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes the energy -s in nats, shape (B,).

        Args:
            layers: values of the layers by name, each (B, *).
            c: not used.
        """
        return -self.score(self.packed(layers))

    def marginal(self, layers: Layers, c: Tensor | None = None) -> Tensor:
        """Computes -s in nats, shape (B,).

        Args:
            layers: values of the layers by name, each (B, *).
            c: not used.
        """
        return self.energy(layers)

    def free_energy(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Computes -log sum_h exp(s(x, h)) in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        if self.rest == ("v",):
            return self.marginal({"v": self.visible(x)})
        # with duplicates merged there are at most 2^visible rows, so at most 2^20 states are summed
        v, row = self.visible(x).unique(dim=0, return_inverse=True)
        total = v.new_full((len(v),), -math.inf)
        for h in self._bits(self.shapes["h"][0], max(STATES // len(v), 1)):
            pairs = [v.repeat_interleave(len(h), 0), h.repeat(len(v), 1)]
            total = torch.logaddexp(total, self.score(torch.cat(pairs, 1)).view(len(v), -1).logsumexp(1))
        return -total[row]

    def log_z(self, c: Tensor | None = None) -> Tensor:
        """Computes log Z in nats, exact, by a sum over all states in float64.

        Raises:
            ValueError: if there are more than 2^20 states.
        """
        if not can_sum(self.log_states(self.rest)):
            return super().log_z()
        with stage("partition function", 2**self.sites, "state") as progress:

            def parts() -> Iterator[Part]:
                for x in self._bits(self.sites, STATES):
                    yield partial(self._part, x)
                    progress.advance(len(x))

            return log_sum(parts, list(self.parameters()))

    def _part(self, x: Tensor) -> Tensor:
        return to_float64(self.score(x)).logsumexp(0)

    def _bits(self, n: int, size: int) -> Iterator[Tensor]:
        """Yields all states of n units in chunks of at most `size`, shape (size, n)."""
        for start in range(0, 2**n, size):
            bits = Bernoulli().states(start, min(start + size, 2**n), (n,))
            yield bits.to(self.device, self.dtype)

    # ---- chains

    def sweep(
        self, layers: Layers, rng: Rng, rows: RowKeys, c: Tensor | None = None, beta: float | Tensor = 1.0
    ) -> Layers:
        """Runs one Gibbs sweep over the sites, forth and back.

        Args:
            layers: values of all layers by name, each (B, *).
            rng: source of random numbers.
            rows: row keys of the random numbers.
            c: not used.
            beta: position on the annealing path, from 0 (independent units) to 1 (this machine).
        """
        return self.swept_where(layers, {}, rng, rows, beta)

    def swept_where(
        self, layers: Layers, held: Layers, rng: Rng, rows: RowKeys, beta: float | Tensor = 1.0
    ) -> Layers:
        """Runs one Gibbs sweep with some entries held fixed.

        Args:
            layers: values of all layers by name, each (B, *).
            held: for each layer with fixed entries, True at these, shape (B, units) or (1, units).
            rng: source of random numbers.
            rows: row keys of the random numbers.
            beta: position on the annealing path, from 0 to 1.
        """
        x = self.packed(layers).clone()
        # the caches of a walk cannot be exported with a dynamic number of rows
        walk = Walk(self, x) if torch.compiler.is_exporting() else self.walk(x)
        none = {name: torch.zeros_like(layers[name], dtype=torch.bool) for name in self.rest}
        stay = self.packed({name: held.get(name, free) | free for name, free in none.items()})
        groups = self.groups
        if held:
            # skip sites that are held in all rows
            free = (~stay).any(0).tolist()
            groups = [sites for sites in groups if any(free[i] for i in sites)]
        base = torch.cat([self._base(name) for name in self.rest])
        u = {way: rng.uniform(way, self.sites, rows=rows, dtype=walk.x.dtype) for way in ("there", "back")}
        for way, sites in [("there", s) for s in groups] + [("back", s) for s in groups[-2::-1]]:
            at = columns_of(sites)
            # (2)
            field = beta * walk.differences(sites) + (1 - beta) * base[at]
            drawn = (u[way][:, at] < torch.sigmoid(field)).to(walk.x.dtype)
            walk.put(sites, torch.where(stay[:, at], walk.x[:, at], drawn) if held else drawn)
        return self.unpacked(walk.x)

    def walk(self, x: Tensor) -> Walk:
        """Returns chains at x, shape (B, sites), which they change in place."""
        return Walk(self, x)

    # ---- annealing

    def anneal(
        self, state: Tensor, before: float, after: float, rng: Rng, c: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Takes one annealing step from `before` to `after` on the path; see `Machine.anneal`.

        Args:
            state: state of the chains, shape (B, entries).
            before: position on the path, from 0 to 1.
            after: next position on the path.
            rng: source of random numbers.
            c: not used.
        """
        swept = self.sweep(self.unpacked(state), rng, rng.rows, beta=after)
        return self.log_ratio(state, before, after), self.packed(swept)

    def log_ratio(self, state: Tensor, before: float, after: float, c: Tensor | None = None) -> Tensor:
        """Computes log p*_after(state) - log p*_before(state) in nats, shape (B,).

        Args:
            state: state of the chains, shape (B, entries).
            before: position on the path, from 0 to 1.
            after: another position on the path.
            c: not used.
        """
        free = self.unpacked(state)["v"] @ self.base
        return (after - before) * (to_float64(self.score(state)) - to_float64(free))
