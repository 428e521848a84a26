"""Ancestral sampling: draws entry by entry in a declared order, with an incremental state.

    x_o(t) ~ p(. | x_o(<t)),   t = 1..d                                          (1)

The model caches its computation in a state, so that an entry costs only what is new. The slow way, which runs
the whole network for each entry, stays here as the reference for tests: both use the same noise, keyed by
entry, so they draw the same x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from simulacra.core.capabilities.general import HasConditionals
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.distributions.elementary import Distribution
from simulacra.core.distributions.ends import Ends, log_open
from simulacra.core.distributions.tempered import likeliest, tempered
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng


@dataclass(frozen=True)
class Adjusted(Sampling):
    """Options of drawing entry by entry.

    Args:
        temperature: T of p(x_t | x_<t)^(1/T), normalized, from which each entry is drawn; below 1 draws keep
            closer to the likeliest values.
        top_k: number of likeliest values, with those as likely as the last of them, from which each entry is
            drawn, at the temperature; 0: all.

    Raises:
        ValueError: if the temperature is not above 0, or top_k is negative.
    """

    temperature: float = 1.0
    top_k: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise ValueError(
                f"temperature is {self.temperature}, but it must be a number above 0: 1 draws from the "
                "model, 0.5 closer to its likeliest values."
            )
        if self.top_k < 0:
            raise ValueError(
                f"top_k is {self.top_k}, but it is a number of values: 1 draws the likeliest, 0 from all."
            )


def adjusted(p: Distribution, how: Sampling | None) -> Distribution:
    """Returns the distribution from which an entry is drawn under options of drawing.

    Args:
        p: the model's distribution of the entry.
        how: options of drawing; None: the model's own.

    Example:
        >>> from simulacra.core.distributions.elementary import Categorical
        >>> p = Categorical(torch.tensor([[0.0, 2.0, 1.0]]), 0)
        >>> adjusted(p, Adjusted(temperature=0.5, top_k=2)).logits.tolist()
        [[-inf, 4.0, 2.0]]
    """
    if not isinstance(how, Adjusted):
        return p
    return likeliest(tempered(p, how.temperature), how.top_k)


def ancestral(
    model: HasConditionals,
    rng: Rng,
    c: Tensor | None = None,
    x: Tensor | None = None,
    known: Tensor | None = None,
    watch: Watch | None = None,
    how: Sampling | None = None,
) -> Tensor:
    """Draws rows by equation (1) from the model's incremental state.

    Args:
        model: model with conditionals.
        rng: generator; its rows are the rows drawn.
        c: condition of each row; None: no condition.
        x: values of given entries, shape (B, *), or None.
        known: True where x is given, shape of x; None: nothing is given.
        watch: callback `watch(t, d, x, known)`, called after each entry with the rows so far, and True for
            entries that are drawn.
        how: options of drawing; at a temperature T, entries are drawn from p^(1/T), normalized, with `top_k`
            only from their likeliest values.

    Returns:
        shape (B, *), float.
    """
    state = model.begin(len(rng.rows), c)
    return _drawn(model, rng, x, known, watch, _IncrementalSource(model, state), how)


def ancestral_slow(
    model: HasConditionals,
    rng: Rng,
    c: Tensor | None = None,
    x: Tensor | None = None,
    known: Tensor | None = None,
) -> Tensor:
    """Draws the same rows as `ancestral` by running the whole model for each entry: d times the work.

    Args:
        model, rng, c, x, known: as in `ancestral`.
    """
    return _drawn(model, rng, x, known, None, _WholeModelSource(model, c))


class _IncrementalSource:
    """Computes the parameters of the next entry from the model's incremental state."""

    def __init__(self, model: HasConditionals, state: Any):
        self.model, self.state = model, state

    def parameters(self, t: int, x: Tensor) -> Tensor:
        return self.model.next_parameters(self.state, t)

    def take(self, t: int, value: Tensor) -> None:
        self.state = self.model.advance(self.state, t, value)


class _WholeModelSource:
    """Computes the parameters of the next entry from all entries so far."""

    def __init__(self, model: HasConditionals, c: Tensor | None):
        self.model, self.c = model, c

    def parameters(self, t: int, x: Tensor) -> Tensor:
        shape = cast(Any, self.model).space.shape
        whole = self.model.parameters_of(x.unflatten(1, shape) if shape else x.squeeze(1), self.c)
        # the parameters of entries of several kinds are padded to the largest number
        return whole.flatten(2)[:, : self.model.head_at(t).output[0], int(self.model.order[t])]

    def take(self, t: int, value: Tensor) -> None:
        """Does nothing, since x itself is the state."""


def _drawn(
    model: HasConditionals,
    rng: Rng,
    x: Tensor | None,
    known: Tensor | None,
    watch: Watch | None,
    source: _IncrementalSource | _WholeModelSource,
    how: Sampling | None = None,
) -> Tensor:
    able = cast(Any, model)
    shape, d, n = able.space.shape, able.space.dims, len(rng.rows)
    rows = torch.zeros(n, d, dtype=able.dtype, device=able.device)
    seen = torch.zeros(d, dtype=torch.bool, device=able.device)
    given = None if x is None or known is None else (x.reshape(n, d), known.reshape(n, d))
    ends = Ends.of(able.space, rows, given)
    for t, i in enumerate(each(model.order.tolist(), "drawing", "entry")):
        if ends is not None and watch is None and ends.all_over:
            break
        p = model.head_at(t).build(source.parameters(t, rows))
        p = adjusted(p if ends is None else ends.open(p, t), how)
        value = p.sample(rng.at("entry", t)).to(rows.dtype)
        if given is not None:
            value = torch.where(given[1][:, i], given[0][:, i].to(rows.dtype), value)
        value = value if ends is None else ends.after(value)
        rows[:, i] = value
        source.take(t, value)
        if watch is not None:
            seen[i] = True
            watch(t + 1, d, rows.reshape(n, *shape), seen.expand(n, d).reshape(n, *shape))
    return rows.reshape(n, *shape)


def allowed(order: Tensor, known: Tensor) -> Tensor:
    """Returns for each row True if its known entries come first in the order, shape (B,).

    Only then is it exact to draw the others in order: known entries further back would be ignored.

    Args:
        order: numbers of the flattened entries, shape (d,).
        known: True where an entry is known, shape (B, *).

    Example:
        >>> mask = torch.tensor([[True, False, False], [False, True, False]])
        >>> allowed(torch.arange(3), mask).tolist()
        [True, False]
    """
    ordered = known.flatten(1)[:, order.to(known.device)]
    return bool_sorted(ordered)


def bool_sorted(ordered: Tensor) -> Tensor:
    """Returns for each row True if no True comes after a False.

    Args:
        ordered: booleans, shape (B, d).
    """
    return ~(ordered[:, 1:] & ~ordered[:, :-1]).any(1)


def complete(
    model: HasConditionals,
    x: Tensor,
    known: Tensor,
    rng: Rng,
    c: Tensor | None = None,
    how: Sampling | None = None,
) -> Tensor:
    """Draws the missing entries of x given the known ones, and returns all of x.

    Rows whose known entries come first in the order are drawn exactly by (1). In other rows, an entry also
    depends on known entries after it: `CANDIDATES` completions are drawn by (1) with the known entries held
    fixed, and one is chosen with probability proportional to

        w = prod over known t of p(x_o(t) | x_o(<t))

    A text with a known token behind a gap has no end in the gap: there the draws are those without the end,
    and w has the factor 1 - p(end | x_<t). (This is sampling importance resampling, exact in the limit of
    many candidates; Rubin 1987.)

    At a temperature T, all conditionals are those at T. `top_k` holds for what is drawn, not for what is
    known.

    Args:
        model: model with conditionals.
        x: observations in the model's space, shape (B, *); values at missing entries are ignored.
        known: True where x is known, shape of x.
        rng: generator of the draws.
        c: condition of each row; None: no condition.
        how: options of drawing; None: the model's own.
    """
    exact = allowed(model.order, known)
    first = ancestral(model, rng, c, x, known, how=how)
    if bool(exact.all()):
        return _with_known(x, known, first)
    best = _resampled(model, x, known, rng, c, how)
    return _with_known(x, known, torch.where(exact.view(-1, *[1] * (x.dim() - 1)), first, best))


CANDIDATES = 32  # completions to choose from if the order allows no exact draw


def _resampled(
    model: HasConditionals, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None, how: Sampling | None
) -> Tensor:
    able = cast(Any, model)
    # a known value may lie outside the top k
    T = how.temperature if isinstance(how, Adjusted) else 1.0
    best = ancestral(model, rng, c, x, known, how=how)
    total = _log_weight(model, best, known, c, T)
    for k in range(1, CANDIDATES):
        here = rng.at("candidate", k)
        other = ancestral(model, here, c, x, known, how=how)
        weight = _log_weight(model, other, known, c, T)
        # reservoir sampling: the new candidate replaces the old with probability w / sum w so far
        total = torch.logaddexp(total, weight)
        taken = here.uniform("keep", dtype=able.dtype) < (weight - total).exp()
        best = torch.where(taken.view(-1, *[1] * (x.dim() - 1)), other, best)
    return best


def _log_weight(model: HasConditionals, x: Tensor, known: Tensor, c: Tensor | None, T: float) -> Tensor:
    """Returns log w at a temperature T: log p of the known entries given those before, shape (B,)."""
    able = cast(Any, model)
    p = tempered(able.head.build(model.parameters_of(x, c)), T)
    return p.log_prob(x, known) + log_open(able.space, p, x, known)


def _with_known(x: Tensor, known: Tensor, drawn: Tensor) -> Tensor:
    wide = x.dtype if not x.is_floating_point() and not drawn.is_floating_point() else drawn.dtype
    return torch.where(known, x.to(wide), drawn.to(wide))
