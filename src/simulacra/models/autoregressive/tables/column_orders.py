"""Orders of the columns of a table: given or random ones, and the replay of drawn rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from simulacra.core.capabilities.sampling import Watch
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space

USUAL, MANY = 3, 64


def replay(x: Tensor, orders: Tensor, watch: Watch) -> None:
    """Calls `watch` for rows that are already drawn, as if they were drawn column by column in their orders.

    Args:
        x: drawn rows, shape (B, columns).
        orders: indices of the columns in the order of each row, shape (B, columns).
        watch: called after each column with the columns so far, their total, the rows, with 0 in columns that
            are still to come, and True for the columns so far.
    """
    seen, known = torch.zeros_like(x), torch.zeros_like(x, dtype=torch.bool)
    for t, j in enumerate(orders.unbind(1)):
        seen.scatter_(1, j.unsqueeze(1), x.gather(1, j.unsqueeze(1)))
        known.scatter_(1, j.unsqueeze(1), True)
        watch(t + 1, x.shape[1], seen, known)


def order_of(space: Space, order: Sequence[str] | None) -> list[int]:
    """Returns the indices of all columns in order: the named ones first, then the others.

    Args:
        space: a table, or a vector, whose columns have their indices as names.
        order: names of columns; None keeps the table's order.

    Raises:
        ValueError: if a name is no column, or appears twice.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> order_of(Table(age=Real(), sex=Real(), dose=Real()), ("dose",))
        [2, 0, 1]
    """
    fields = space.fields if isinstance(space, Table) else ()
    names = [name for name, field in fields for _ in range(field.dims)] or list(map(str, range(space.dims)))
    told = [str(name) for name in order or ()]
    for name in told:
        if names.count(name) != 1 or told.count(name) > 1:
            raise ValueError(
                f"order names {name!r}, which is not one of the columns, each once: {', '.join(names[:20])}."
            )
    first = [names.index(name) for name in told]
    return first + [j for j in range(len(names)) if j not in first]


def usual_orders(space: Space, order: Sequence[str] | None) -> int:
    """Returns the default number of orders: three, since draws and completions improve over a single one.

    It is 1 if an order is given, and for tables of more than `MANY` columns, whose training takes minutes.

    Args:
        space: the space of a row.
        order: names of columns, or None.
    """
    return 1 if order is not None or space.dims > MANY else USUAL


def orderings(first: list[int], orders: int, seed: int) -> list[list[int]]:
    """Returns the first order and random ones after it.

    Args:
        first: indices of the columns in the first order.
        orders: total number of orders.
        seed: seed of the random orders.

    Example:
        >>> orderings([1, 0], 1, seed=0)
        [[1, 0]]
    """
    others = [np.random.default_rng((seed, o)).permutation(len(first)).tolist() for o in range(1, orders)]
    return [first, *others]


def check_sizes(hidden: tuple[int, ...], mixtures: int, orders: int, candidates: int) -> None:
    """Raises ValueError unless the networks can be built from these options.

    Args:
        hidden: units of the hidden layers of a column's network.
        mixtures: number of components of a column of numbers.
        orders: number of orders of the columns.
        candidates: number of draws of which a completion is resampled.
    """
    if not hidden or min(hidden) < 1:
        raise ValueError(f"hidden is {hidden}, but each column's network needs a hidden layer such as (64,).")
    for name, value in (("mixtures", mixtures), ("orders", orders), ("candidates", candidates)):
        if value < 1:
            raise ValueError(f"{name} is {value}, but it must be at least 1.")
