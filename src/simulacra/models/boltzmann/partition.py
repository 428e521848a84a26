"""Exact partition functions by summing the states of the smaller side of a machine.

    Z = sum_h exp(-E_h),   -E_h = log sum_v exp(-E(v, h)) m(v)                   (1)

Whichever side has fewer states is summed one by one, in chunks; the other is summed in closed form.

Reference: Salakhutdinov and Murray 2008. Row A5.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from simulacra.core.precision import precise

if TYPE_CHECKING:
    from simulacra.models.boltzmann.machine import Layers, Machine

STATES = 2**14  # states summed at once
SECONDS = 2e-5  # for a state of a small machine, to say how long a sum would take


def log_z(model: Machine, c: Tensor | None = None) -> Tensor:
    """log Z in nats, float64, shape (), or (B,) with conditions c.

    Raises:
        ValueError: if there are more states than can be summed.
    """
    side = smaller_side(model)
    if c is None:
        return _summed(model, side, None)
    # of classes there are fewer than rows
    each, row = c.unique(dim=0, return_inverse=True)
    return torch.stack([_summed(model, side, one) for one in each.split(1)])[row]


def _summed(model: Machine, side: tuple[str, ...], c: Tensor | None) -> Tensor:
    total = precise(torch.full((), -math.inf, device=model.device))
    for layers in _chunks(model, side):
        n = len(next(iter(layers.values())))
        given = None if c is None else c.expand(n, *c.shape[1:])
        total = torch.logaddexp(total, precise(_others(model, side, layers, given)).logsumexp(0))
    return total


def _others(model: Machine, side: tuple[str, ...], layers: Layers, c: Tensor | None) -> Tensor:
    """-E_h of (1): the log of the sum over the other side, shape (n,)."""
    if side == model.rest:
        return -model.marginal(layers, c)
    like = next(iter(layers.values()))
    zero = {name: like.new_zeros(len(like), *model.shapes[name]) for name in model.rest}
    whole = {**layers, **zero}
    # (1)
    value = -model.energy(whole, c)
    for name in model.rest:
        value = value + model.units[name].log_partition(model.field(name, whole, c))
    return value


def _chunks(model: Machine, names: tuple[str, ...]) -> Iterator[Layers]:
    """All joint states of some layers, in float64 where the model is."""
    first, *others = names
    units, shape = model.units[first], model.shapes[first]
    count = round(math.exp(units.log_states(shape)))
    size = STATES if not others else 1
    for start in range(0, count, size):
        layer = units.states(start, min(start + size, count), shape).to(model.device, model.dtype)
        if not others:
            yield {first: layer}
            continue
        for rest in _chunks(model, tuple(others)):
            n = len(next(iter(rest.values())))
            yield {first: layer.expand(n, *shape), **rest}


def smaller_side(
    model: Machine,
    what: str = "an exact log Z",
    mend: str = "evaluate brackets it by annealed importance sampling instead",
) -> tuple[str, ...]:
    """The layers of the side with fewer states.

    Args:
        what: sums over them.
        mend: what to do where they are too many.

    Raises:
        ValueError: if they are too many to sum over.
    """
    from simulacra.models.boltzmann.machine import EXACT

    side = min(model.sides, key=model.log_states)
    size = model.log_states(side)
    if size > EXACT:
        bits = size / math.log(2)
        says = "infinitely many" if math.isinf(size) else f"2^{bits:.0f}"
        raise ValueError(
            f"{what} would sum over {says} states, {_duration(size)}; at most 2^20 are summed: {mend}."
        )
    return side


def _duration(log_count: float) -> str:
    """How long so many states take, in the largest fitting unit."""
    years = log_count + math.log(SECONDS) - math.log(3600 * 24 * 365.0)
    if years > math.log(1000):
        return "more than a thousand years"
    seconds = math.exp(log_count + math.log(SECONDS))
    for unit, length in (("years", 3600 * 24 * 365), ("days", 86400), ("hours", 3600)):
        if seconds > length:
            return f"about {seconds / length:.0f} {unit}"
    return f"about {seconds / 60:.0f} minutes"
