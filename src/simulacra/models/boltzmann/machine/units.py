"""Kinds of units in a layer of an energy model, given the field on them.

If an energy is linear in a layer x with all others held fixed, E = -f'x + rest, then f is the field on x, and

    p(x | rest) = exp(f'x) m(x) / exp A(f),   A(f) = log sum_x exp(f'x) m(x)     (1)

with the layer's base measure m, such as exp(-x^2 / 2 s^2) for Gaussian units. So a kind of unit is three
functions of the field: the mean, a sample, and A. Conditionals, free energies and annealing paths of every
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
    """Abstract kind of units, an exponential family with equation (1)."""

    @abstractmethod
    def mean(self, field: Tensor) -> Tensor:
        """Returns E[x] given the field, in the field's shape (B, *)."""

    @abstractmethod
    def draw(self, field: Tensor, rng: Rng, name: str, rows: RowKeys | None = None) -> Tensor:
        """Samples x given the field, in the field's shape (B, *).

        Args:
            field: field on the layer, shape (B, *).
            rng: source of random numbers.
            name: name of the draw.
            rows: row keys of the random numbers; None takes those of `rng`.
        """

    @abstractmethod
    def log_partition(self, field: Tensor) -> Tensor:
        """Computes A(f) of (1) in nats, summed over the layer, shape (B,)."""

    def log_measure(self, x: Tensor) -> Tensor:
        """Computes log m(x), shape (B,); 0 for a counting measure."""
        return x.new_zeros(x.shape[0])

    def log_states(self, shape: tuple[int, ...]) -> float:
        """Returns the log of the number of states of a layer of this shape; infinity for real units."""
        return math.inf

    def states(self, start: int, stop: int, shape: tuple[int, ...]) -> Tensor:
        """Returns the states with indices from `start` to `stop - 1`, shape (stop - start, *shape).

        Args:
            start: index of the first state.
            stop: index after the last state.
            shape: shape of the layer.
        """
        # called only for kinds with a finite `log_states`
        raise NotImplementedError


@dataclass(frozen=True)
class Bernoulli(Units):
    """Units with the values 0 and 1.

    Example:
        >>> round(Bernoulli().log_partition(torch.zeros(1, 3)).item() / math.log(2), 4)
        3.0
    """

    def mean(self, field: Tensor) -> Tensor:
        """Returns sigmoid(f)."""
        return torch.sigmoid(field)

    def draw(self, field: Tensor, rng: Rng, name: str, rows: RowKeys | None = None) -> Tensor:
        """Samples 1 with probability sigmoid(f)."""
        return rng.bernoulli(name, torch.sigmoid(field), rows=rows)

    def log_partition(self, field: Tensor) -> Tensor:
        """Returns sum log(1 + exp f), shape (B,)."""
        return softplus(field).flatten(1).sum(1)

    def log_states(self, shape: tuple[int, ...]) -> float:
        """Returns the log of 2^n states."""
        return math.prod(shape) * math.log(2)

    def states(self, start: int, stop: int, shape: tuple[int, ...]) -> Tensor:
        """Returns the bits of the indices, the lowest first."""
        return _digits(start, stop, [2] * math.prod(shape)).view(-1, *shape)


@dataclass(frozen=True)
class Gaussian(Units):
    """Real units with base measure m(x) = exp(-x^2 / 2 s^2).

    Args:
        scale: standard deviation s given the rest.
    """

    scale: float = 1.0

    def mean(self, field: Tensor) -> Tensor:
        """Returns s^2 f."""
        return self.scale**2 * field

    def draw(self, field: Tensor, rng: Rng, name: str, rows: RowKeys | None = None) -> Tensor:
        """Samples from N(s^2 f, s^2)."""
        noise = rng.normal(name, *field.shape[1:], rows=rows, dtype=field.dtype)
        return self.mean(field) + self.scale * noise

    def log_partition(self, field: Tensor) -> Tensor:
        """Returns sum s^2 f^2 / 2 + log s sqrt(2 pi), shape (B,)."""
        each = self.scale**2 * field.square() / 2 + math.log(self.scale) + math.log(2 * math.pi) / 2
        return each.flatten(1).sum(1)

    def log_measure(self, x: Tensor) -> Tensor:
        """Returns -sum x^2 / 2 s^2, shape (B,)."""
        return -x.square().flatten(1).sum(1) / (2 * self.scale**2)


@dataclass(frozen=True)
class OneHot(Units):
    """Groups along the last dimension in which exactly one unit is on, such as classes or switches.

    Example:
        >>> OneHot().mean(torch.zeros(1, 4)).tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """

    def mean(self, field: Tensor) -> Tensor:
        """Returns softmax(f)."""
        return field.softmax(-1)

    def draw(self, field: Tensor, rng: Rng, name: str, rows: RowKeys | None = None) -> Tensor:
        """Samples one unit of each group with probabilities softmax(f)."""
        return F.one_hot(_chosen(field, rng, name, rows), field.shape[-1]).to(field.dtype)

    def log_partition(self, field: Tensor) -> Tensor:
        """Returns sum logsumexp(f), shape (B,)."""
        return field.logsumexp(-1).reshape(field.shape[0], -1).sum(1)

    def log_states(self, shape: tuple[int, ...]) -> float:
        """Returns the log of the number of states: K for each group of K units."""
        return math.prod(shape[:-1]) * math.log(shape[-1])

    def states(self, start: int, stop: int, shape: tuple[int, ...]) -> Tensor:
        """Returns the states with these indices, one choice for each group."""
        chosen = _digits(start, stop, [shape[-1]] * math.prod(shape[:-1]))
        return F.one_hot(chosen, shape[-1]).view(-1, *shape)


@dataclass(frozen=True)
class Blocks(Units):
    """Blocks along the last dimension in which at most one unit is on: probabilistic max pooling.

    A pooling unit is on if one of its block's n units is on: n + 1 states, not 2^n.

    Example:
        >>> Blocks().mean(torch.zeros(1, 2, 4))[0, 0]
        tensor([0.2000, 0.2000, 0.2000, 0.2000])
    """

    def mean(self, field: Tensor) -> Tensor:
        """Returns exp f_i / (1 + sum_j exp f_j)."""
        return _with_off(field).softmax(-1)[..., 1:]

    def draw(self, field: Tensor, rng: Rng, name: str, rows: RowKeys | None = None) -> Tensor:
        """Samples one unit of each block, or none."""
        off = _with_off(field)
        return F.one_hot(_chosen(off, rng, name, rows), off.shape[-1]).to(field.dtype)[..., 1:]

    def log_partition(self, field: Tensor) -> Tensor:
        """Returns sum log(1 + sum_j exp f_j), shape (B,)."""
        return _with_off(field).logsumexp(-1).reshape(field.shape[0], -1).sum(1)

    def log_states(self, shape: tuple[int, ...]) -> float:
        """Returns the log of the number of states: n + 1 for each block of n units (row A16: not 2^n)."""
        return math.prod(shape[:-1]) * math.log(shape[-1] + 1)

    def states(self, start: int, stop: int, shape: tuple[int, ...]) -> Tensor:
        """Returns the states with these indices; choice 0 of a block has all its units off."""
        chosen = _digits(start, stop, [shape[-1] + 1] * math.prod(shape[:-1]))
        return F.one_hot(chosen, shape[-1] + 1)[..., 1:].reshape(-1, *shape)


@dataclass(frozen=True)
class Alternatives(Units):
    """K groups of which exactly one is on; the hidden layer of a mixture of K machines.

    A layer has the shape (K, 1 + m). Row k holds the switch z_k and then its m units, which are 0 unless z_k
    = 1.
    """

    def mean(self, field: Tensor) -> Tensor:
        """Returns the probability of each group, and E[h_kj]: that probability times the unit's sigmoid."""
        z = self._logits(field).softmax(-1).unsqueeze(-1)
        return torch.cat([z, z * torch.sigmoid(field[..., 1:])], -1)

    def draw(self, field: Tensor, rng: Rng, name: str, rows: RowKeys | None = None) -> Tensor:
        """Samples a group, then its units."""
        logits = self._logits(field)
        z = F.one_hot(_chosen(logits, rng, f"{name} group", rows), logits.shape[-1]).to(field.dtype)
        h = rng.bernoulli(name, torch.sigmoid(field[..., 1:]), rows=rows)
        return torch.cat([z.unsqueeze(-1), z.unsqueeze(-1) * h], -1)

    def log_partition(self, field: Tensor) -> Tensor:
        """Returns log sum_k exp(f_k0) prod_j (1 + exp f_kj), shape (B,)."""
        return self._logits(field).logsumexp(-1)

    def log_states(self, shape: tuple[int, ...]) -> float:
        """Returns the log of K 2^m states."""
        return math.log(shape[0]) + (shape[1] - 1) * math.log(2)

    def states(self, start: int, stop: int, shape: tuple[int, ...]) -> Tensor:
        """Returns the states with these indices: the bits of the units, then the group."""
        digits = _digits(start, stop, [2] * (shape[1] - 1) + [shape[0]])
        z = F.one_hot(digits[:, -1], shape[0]).unsqueeze(-1)
        return torch.cat([z, z * digits[:, None, :-1]], -1)

    def _logits(self, field: Tensor) -> Tensor:
        return field[..., 0] + softplus(field[..., 1:]).sum(-1)


def _with_off(field: Tensor) -> Tensor:
    """Prepends the field 0 of the state in which all units are off."""
    return torch.cat([torch.zeros_like(field[..., :1]), field], -1)


def _chosen(logits: Tensor, rng: Rng, name: str, rows: RowKeys | None) -> Tensor:
    """Samples class indices with softmax probabilities along the last dimension."""
    u = rng.uniform(name, *logits.shape[1:-1], 1, rows=rows, dtype=logits.dtype)
    below = logits.softmax(-1).cumsum(-1)
    # the last cumulative sum may be below 1 by rounding, so it is left out
    return (u >= below[..., :-1]).sum(-1)


def _digits(start: int, stop: int, bases: list[int]) -> Tensor:
    """Returns the numbers from `start` to `stop - 1` in mixed bases, the lowest digit first, one row each."""
    rest, digits = torch.arange(start, stop), []
    for base in bases:
        digits.append(rest % base)
        rest = rest // base
    return torch.stack(digits, 1) if digits else rest.new_zeros(stop - start, 0)
