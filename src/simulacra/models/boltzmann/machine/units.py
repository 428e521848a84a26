"""What the entries of one layer of an energy model can be, given the field that acts on them.

An energy that is linear in a layer x, all else held, is E = -f'x + rest: f is the field. Then

    p(x | rest) = exp(f'x) m(x) / exp A(f),   A(f) = log sum_x exp(f'x) m(x)     (1)

with the layer's own measure m, such as exp(-x^2 / 2 s^2) of Gaussian units. So a kind of unit is three
functions of the field: the mean, a draw, and A. Conditionals, free energies and annealed paths of every
energy model follow from them.

Reference: Welling, Rosen-Zvi and Hinton, Exponential Family Harmoniums, 2005; Lee et al. 2009 (pooling).
Rows A2, A6, A14, A26.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from simulacra.core.distributions.elementary import softplus
from simulacra.core.random.keyed import Rng, RowKeys


class Units(ABC):
    """A kind of units: equation (1)."""

    @abstractmethod
    def mean(self, field: Tensor) -> Tensor:
        """E[x] given the field, the field's shape (B, *)."""

    @abstractmethod
    def draw(self, field: Tensor, rng: Rng, name: str, rows: RowKeys | None = None) -> Tensor:
        """x given the field, the field's shape (B, *)."""

    @abstractmethod
    def log_partition(self, field: Tensor) -> Tensor:
        """A of (1) in nats, shape (B,)."""

    def log_measure(self, x: Tensor) -> Tensor:
        """log m(x), shape (B,); 0 where every state counts the same."""
        return x.new_zeros(x.shape[0])

    def log_states(self, shape: tuple[int, ...]) -> float:
        """log of the number of states of a layer of this shape; infinite for real units."""
        return math.inf

    def states(self, start: int, stop: int, shape: tuple[int, ...]) -> Tensor:
        """The states number `start` to `stop`, shape (stop - start, *shape)."""
        # asked only of kinds whose `log_states` is finite: real units cannot be counted
        raise NotImplementedError


@dataclass(frozen=True)
class Bernoulli(Units):
    """Units 0 or 1.

    Example:
        >>> round(Bernoulli().log_partition(torch.zeros(1, 3)).item() / math.log(2), 4)
        3.0
    """

    def mean(self, field: Tensor) -> Tensor:
        """sigmoid(f)."""
        return torch.sigmoid(field)

    def draw(self, field: Tensor, rng: Rng, name: str, rows: RowKeys | None = None) -> Tensor:
        """1 with probability sigmoid(f)."""
        return rng.bernoulli(name, torch.sigmoid(field), rows=rows)

    def log_partition(self, field: Tensor) -> Tensor:
        """sum log(1 + exp f)."""
        return softplus(field).flatten(1).sum(1)

    def log_states(self, shape: tuple[int, ...]) -> float:
        """2^n states."""
        return math.prod(shape) * math.log(2)

    def states(self, start: int, stop: int, shape: tuple[int, ...]) -> Tensor:
        """Bits of the numbers, the lowest first."""
        return _digits(start, stop, [2] * math.prod(shape)).view(-1, *shape)


@dataclass(frozen=True)
class Gaussian(Units):
    """Real units with m(x) = exp(-x^2 / 2 s^2).

    Args:
        scale: standard deviation s given the rest.
    """

    scale: float = 1.0

    def mean(self, field: Tensor) -> Tensor:
        """s^2 f."""
        return self.scale**2 * field

    def draw(self, field: Tensor, rng: Rng, name: str, rows: RowKeys | None = None) -> Tensor:
        """N(s^2 f, s^2)."""
        noise = rng.normal(name, *field.shape[1:], rows=rows, dtype=field.dtype)
        return self.mean(field) + self.scale * noise

    def log_partition(self, field: Tensor) -> Tensor:
        """sum s^2 f^2 / 2 + log s sqrt(2 pi)."""
        each = self.scale**2 * field.square() / 2 + math.log(self.scale) + math.log(2 * math.pi) / 2
        return each.flatten(1).sum(1)

    def log_measure(self, x: Tensor) -> Tensor:
        """-sum x^2 / 2 s^2."""
        return -x.square().flatten(1).sum(1) / (2 * self.scale**2)


@dataclass(frozen=True)
class OneHot(Units):
    """Along the last dimension exactly one unit is on: classes, switches.

    Example:
        >>> OneHot().mean(torch.zeros(1, 4)).tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """

    def mean(self, field: Tensor) -> Tensor:
        """softmax(f)."""
        return field.softmax(-1)

    def draw(self, field: Tensor, rng: Rng, name: str, rows: RowKeys | None = None) -> Tensor:
        """One of the units by softmax(f)."""
        return F.one_hot(_chosen(field, rng, name, rows), field.shape[-1]).to(field.dtype)

    def log_partition(self, field: Tensor) -> Tensor:
        """sum logsumexp(f)."""
        return field.logsumexp(-1).reshape(field.shape[0], -1).sum(1)

    def log_states(self, shape: tuple[int, ...]) -> float:
        """K states for each group of K units."""
        return math.prod(shape[:-1]) * math.log(shape[-1])

    def states(self, start: int, stop: int, shape: tuple[int, ...]) -> Tensor:
        """All choices."""
        chosen = _digits(start, stop, [shape[-1]] * math.prod(shape[:-1]))
        return F.one_hot(chosen, shape[-1]).view(-1, *shape)


@dataclass(frozen=True)
class Blocks(Units):
    """Along the last dimension at most one unit is on: probabilistic max pooling.

    A pooling unit is on if one of its block's n units is: n + 1 states, not 2^n.

    Example:
        >>> Blocks().mean(torch.zeros(1, 2, 4))[0, 0]
        tensor([0.2000, 0.2000, 0.2000, 0.2000])
    """

    def mean(self, field: Tensor) -> Tensor:
        """exp f_i / (1 + sum_j exp f_j)."""
        return _with_off(field).softmax(-1)[..., 1:]

    def draw(self, field: Tensor, rng: Rng, name: str, rows: RowKeys | None = None) -> Tensor:
        """One of the units, or none."""
        off = _with_off(field)
        return F.one_hot(_chosen(off, rng, name, rows), off.shape[-1]).to(field.dtype)[..., 1:]

    def log_partition(self, field: Tensor) -> Tensor:
        """sum log(1 + sum_j exp f_j)."""
        return _with_off(field).logsumexp(-1).reshape(field.shape[0], -1).sum(1)

    def log_states(self, shape: tuple[int, ...]) -> float:
        """n + 1 states for each block of n units (row A16: not 2^n)."""
        return math.prod(shape[:-1]) * math.log(shape[-1] + 1)

    def states(self, start: int, stop: int, shape: tuple[int, ...]) -> Tensor:
        """All choices, the first of a block none."""
        chosen = _digits(start, stop, [shape[-1] + 1] * math.prod(shape[:-1]))
        return F.one_hot(chosen, shape[-1] + 1)[..., 1:].reshape(-1, *shape)


@dataclass(frozen=True)
class Alternatives(Units):
    """One of K groups is on: entries (K, 1 + m), in a row its switch z_k, then its m units, 0 unless z_k = 1.

    The hidden side of a mixture of K machines.
    """

    def mean(self, field: Tensor) -> Tensor:
        """The responsibility of each group, and times it the sigmoids of its units."""
        z = self._logits(field).softmax(-1).unsqueeze(-1)
        return torch.cat([z, z * torch.sigmoid(field[..., 1:])], -1)

    def draw(self, field: Tensor, rng: Rng, name: str, rows: RowKeys | None = None) -> Tensor:
        """A group, then its units."""
        logits = self._logits(field)
        z = F.one_hot(_chosen(logits, rng, f"{name} group", rows), logits.shape[-1]).to(field.dtype)
        h = rng.bernoulli(name, torch.sigmoid(field[..., 1:]), rows=rows)
        return torch.cat([z.unsqueeze(-1), z.unsqueeze(-1) * h], -1)

    def log_partition(self, field: Tensor) -> Tensor:
        """log sum_k exp(f_k0) prod_j (1 + exp f_kj)."""
        return self._logits(field).logsumexp(-1)

    def log_states(self, shape: tuple[int, ...]) -> float:
        """K 2^m states."""
        return math.log(shape[0]) + (shape[1] - 1) * math.log(2)

    def states(self, start: int, stop: int, shape: tuple[int, ...]) -> Tensor:
        """The units' bits within each group."""
        digits = _digits(start, stop, [2] * (shape[1] - 1) + [shape[0]])
        z = F.one_hot(digits[:, -1], shape[0]).unsqueeze(-1)
        return torch.cat([z, z * digits[:, None, :-1]], -1)

    def _logits(self, field: Tensor) -> Tensor:
        return field[..., 0] + softplus(field[..., 1:]).sum(-1)


def _with_off(field: Tensor) -> Tensor:
    """The field with that of the state in which all units are off, which is 0, in front."""
    return torch.cat([torch.zeros_like(field[..., :1]), field], -1)


def _chosen(logits: Tensor, rng: Rng, name: str, rows: RowKeys | None) -> Tensor:
    """Numbers of classes drawn by softmax along the last dimension."""
    u = rng.uniform(name, *logits.shape[1:-1], 1, rows=rows, dtype=logits.dtype)
    below = logits.softmax(-1).cumsum(-1)
    # rounding may leave the last sum below one
    return (u >= below[..., :-1]).sum(-1)


def _digits(start: int, stop: int, bases: list[int]) -> Tensor:
    """The numbers `start` to `stop` in mixed bases, the lowest digit first, a row each."""
    rest, digits = torch.arange(start, stop), []
    for base in bases:
        digits.append(rest % base)
        rest = rest // base
    return torch.stack(digits, 1) if digits else rest.new_zeros(stop - start, 0)
