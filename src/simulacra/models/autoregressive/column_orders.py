"""Orders of the columns of a table: a given one, random ones, and drawn rows shown in their orders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from simulacra.core.ancestral import Watch
from simulacra.core.composite import Fields
from simulacra.core.space import Space


def replay(x: Tensor, orders: Tensor, watch: Watch) -> None:
    """Show drawn rows column by column, each row in its own order, of shape (B, columns)."""
    seen = torch.zeros_like(x)
    for t, j in enumerate(orders.unbind(1)):
        seen.scatter_(1, j.unsqueeze(1), x.gather(1, j.unsqueeze(1)))
        watch(t + 1, x.shape[1], seen)


def order_of(space: Space, order: Sequence[str] | None) -> list[int]:
    """Numbers of the columns in order.

    Raises:
        ValueError: if a name is no column, or stands twice.
    """
    fields = space.fields if isinstance(space, Fields) else ()
    names = [name for name, field in fields for _ in range(field.dims)] or list(map(str, range(space.dims)))
    told = [str(name) for name in order or ()]
    for name in told:
        if names.count(name) != 1 or told.count(name) > 1:
            raise ValueError(
                f"order names {name!r}, which is not one of the columns, each once: {', '.join(names[:20])}."
            )
    first = [names.index(name) for name in told]
    return first + [j for j in range(len(names)) if j not in first]


def orderings(first: list[int], orders: int, seed: int) -> list[list[int]]:
    """The first order and further random ones."""
    others = [np.random.default_rng((seed, o)).permutation(len(first)).tolist() for o in range(1, orders)]
    return [first, *others]
