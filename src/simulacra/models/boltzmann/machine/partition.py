"""Exact partition functions by summing over the states of the smaller side of a machine.

    Z = sum_h exp(-E_h),   -E_h = log sum_v exp(-E(v, h)) m(v)                   (1)

The side with fewer states is summed state by state, in chunks; the other is summed in closed form. With
conditions there is a sum for each: the limit holds for states times conditions. The gradient recomputes each
chunk, so that only one of them is in memory at a time.

Reference: Salakhutdinov and Murray 2008. Row A5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from simulacra.core.errors.suggestion import Refusal
from simulacra.core.numerics.precision import to_float64
from simulacra.core.progress.tasks import stage
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.plain import Binary, Levels, Space

if TYPE_CHECKING:
    from simulacra.core.progress.tasks import Progress
    from simulacra.models.boltzmann.machine.energy_model import Layers, Machine

Part = Callable[[], Tensor]
EXACT = 20 * math.log(2)  # log of the number of states that are summed over: 2^20
STATES = 2**14  # states summed at once
ENTRIES = 2**22  # largest number of units in these states, several copies of which are in memory
CONDITIONS = 2**8  # largest number of conditions that counts towards the limit
SECONDS = 2e-5  # time for a state of a small machine, to estimate the duration of a sum


def can_sum(log_states: float) -> bool:
    """Returns True if so many states are few enough to be summed.

    Args:
        log_states: the log of their number.

    Example:
        >>> can_sum(20 * math.log(2)), can_sum(21 * math.log(2))
        (True, False)
    """
    return log_states <= EXACT


def log_z(model: Machine, c: Tensor | None = None) -> Tensor:
    """Computes log Z in nats, in float64.

    Args:
        model: the machine.
        c: conditions, shape (B, *), or None.

    Returns:
        log Z, shape (), or (B,) with conditions.

    Raises:
        ValueError: if there are more than 2^20 states.
    """
    # sum once for each different condition; there are fewer classes than rows
    each, row = (None, None) if c is None else c.unique(dim=0, return_inverse=True)
    side = smaller_side(model, conditions=1 if each is None else len(each))
    count = round(math.exp(model.log_states(side)))
    with stage("partition function", count * (1 if each is None else len(each)), "state") as progress:
        if each is None:
            return _summed(model, side, None, progress)
        return torch.stack([_summed(model, side, one, progress) for one in each.split(1)])[row]


def _summed(model: Machine, side: tuple[str, ...], c: Tensor | None, progress: Progress) -> Tensor:
    def parts() -> Iterator[Part]:
        for layers in _chunks(model, side):
            n = len(next(iter(layers.values())))
            given = None if c is None else c.expand(n, *c.shape[1:])
            yield partial(_log_sum, model, side, layers, given)
            progress.advance(n)

    return log_sum(parts, list(model.parameters()))


def log_sum(parts: Callable[[], Iterator[Part]], inputs: Sequence[Tensor]) -> Tensor:
    """Computes the log of a sum of exponentials of many parts, in float64, shape ().

    The backward pass recomputes the parts, so that one of them is in memory at a time.

    Args:
        parts: returns an iterator over functions, each of which computes one part, a float64 scalar.
        inputs: tensors that the parts depend on; those that require gradients get them.

    Example:
        >>> x = torch.tensor([1.0, 3.0], dtype=torch.float64, requires_grad=True)
        >>> total = log_sum(lambda: iter([lambda: x[0], lambda: x[1]]), [x])
        >>> torch.autograd.grad(total, x)[0].allclose(x.softmax(0))
        True
    """
    wanted = [t for t in inputs if t.requires_grad]
    if torch.is_grad_enabled() and wanted:
        return cast(Tensor, _LogSum.apply(parts, *wanted))
    return _total(parts)


def _total(parts: Callable[[], Iterator[Part]]) -> Tensor:
    total = None
    for part in parts():
        total = part() if total is None else torch.logaddexp(total, part())
    assert total is not None, "there is one state at least"
    return total


class _LogSum(torch.autograd.Function):
    """Gradient d log sum_i exp(p_i) = sum_i exp(p_i - log sum) d p_i, with one part in memory at a time."""

    @staticmethod
    def forward(ctx: Any, parts: Callable[[], Iterator[Part]], *inputs: Tensor) -> Tensor:
        ctx.parts, ctx.inputs, ctx.total = parts, inputs, _total(parts)
        return cast(Tensor, ctx.total.clone())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        slopes: list[Tensor | None] = [None] * len(ctx.inputs)
        for part in ctx.parts():
            with torch.enable_grad():
                value = part()
            weight = slope * (value.detach() - ctx.total).exp()
            found = torch.autograd.grad(value, ctx.inputs, weight, allow_unused=True)
            slopes = [b if a is None else a if b is None else a.add_(b) for a, b in zip(slopes, found)]
        return None, *slopes


def _log_sum(model: Machine, side: tuple[str, ...], layers: Layers, c: Tensor | None) -> Tensor:
    """Computes the log of the sum (1) over a chunk of states, in float64, shape ()."""
    layers = {name: layer.to(model.dtype) for name, layer in layers.items()}
    return to_float64(_others(model, side, layers, c)).logsumexp(0)


def _others(model: Machine, side: tuple[str, ...], layers: Layers, c: Tensor | None) -> Tensor:
    """Computes -E_h of (1), the log of the sum over the other side, shape (n,)."""
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
    """Yields all joint states of some layers in chunks, as int8."""
    first, *others = names
    units, shape = model.units[first], model.shapes[first]
    count = round(math.exp(units.log_states(shape)))
    size = max(1, min(STATES, ENTRIES // sum(map(math.prod, model.shapes.values())))) if not others else 1
    for start in range(0, count, size):
        layer = units.states(start, min(start + size, count), shape).to(model.device, torch.int8)
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
    conditions: float = 1,
) -> tuple[str, ...]:
    """Returns the names of the layers of the side with fewer states.

    Args:
        model: the machine.
        what: computation that sums over the states, for the message.
        mend: suggestion for too many states, for the message.
        conditions: number of conditions, each of which has its own sum.

    Raises:
        ValueError: if there are more than 2^20 states for all conditions together.
    """
    side = min(model.sides, key=model.log_states)
    size, times = model.log_states(side), math.log(conditions)
    if not can_sum(size + min(times, math.log(CONDITIONS))):
        bits = size / math.log(2)
        says = "infinitely many" if math.isinf(size) else f"2^{bits:.0f}"
        of = " for each condition" if math.isinf(conditions) else f" for each of {conditions:,.0f} conditions"
        of = of if conditions > 1 else ""
        raise Refusal(
            f"{what} would sum over {says} states{of}, {_duration(size + times)}; at most 2^20 are "
            f"summed{' in all' if of else ''}: {mend}.",
            mend,
        )
    return side


def _duration(log_count: float) -> str:
    """Returns the time that a sum over so many states takes, in words."""
    years = log_count + math.log(SECONDS) - math.log(3600 * 24 * 365.0)
    if years > math.log(1000):
        return "more than a thousand years"
    seconds = math.exp(log_count + math.log(SECONDS))
    for unit, length in (("years", 3600 * 24 * 365), ("days", 86400), ("hours", 3600)):
        if seconds > length:
            return f"about {seconds / length:.0f} {unit}"
    return f"about {seconds / 60:.0f} minutes"


def conditions_of(condition: Space | None) -> float:
    """Returns the number of different conditions: 1 without a condition, infinity for real numbers.

    Args:
        condition: space of the condition, or None.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> conditions_of(None), conditions_of(Categorical((), 10)), conditions_of(Real((2,)))
        (1, 10, inf)
    """
    if condition is None:
        return 1
    if isinstance(condition, Binary):
        each = 2
    elif isinstance(condition, Levels):
        each = condition.levels
    elif isinstance(condition, Categorical | Ordinal):
        each = condition.classes
    else:
        return math.inf
    # the number for more entries may overflow a float
    return each**condition.dims if condition.dims < 64 else math.inf
