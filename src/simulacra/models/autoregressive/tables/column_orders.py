"""Orders of the columns of a table: a given one, random ones, and drawn rows shown in their orders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from simulacra.core.capabilities.ancestral import Watch
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space

USUAL, MANY = 3, 64


def replay(x: Tensor, orders: Tensor, watch: Watch) -> None:
    """Show rows that are drawn already, column by column, each row in its own order.

    Args:
        x: drawn rows, shape (B, columns).
        orders: numbers of the columns in the order of each row, shape (B, columns).
        watch: called after each column with the rows so far, 0 where a column is still to come.
    """
    seen = torch.zeros_like(x)
    for t, j in enumerate(orders.unbind(1)):
        seen.scatter_(1, j.unsqueeze(1), x.gather(1, j.unsqueeze(1)))
        watch(t + 1, x.shape[1], seen)


def order_of(space: Space, order: Sequence[str] | None) -> list[int]:
    """Numbers of all columns in order: those that are named first, then the others as they stand.

    Args:
        space: a table, or a vector, whose columns are called by their numbers.
        order: names of columns; None: none.

    Raises:
        ValueError: if a name is no column, or stands twice.

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
    """Number of orders where none is asked for: three, of which draws and completions are better than of one.

    A given order stands alone, and so does that of a wide table, whose training takes minutes.
    """
    return 1 if order is not None or space.dims > MANY else USUAL


def orderings(first: list[int], orders: int, seed: int) -> list[list[int]]:
    """The first order and further random ones.

    Args:
        first: numbers of the columns in the first order.
        orders: how many orders there are in all.
        seed: of the random orders.

    Example:
        >>> orderings([1, 0], 1, seed=0)
        [[1, 0]]
    """
    others = [np.random.default_rng((seed, o)).permutation(len(first)).tolist() for o in range(1, orders)]
    return [first, *others]
