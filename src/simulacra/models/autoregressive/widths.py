"""Scores of texts without most of their padding: each row is cut to a width that holds its text and end.

A row of T entries, the first n of which count, is cut to the smallest of the widths

    8, 12, 16, 24, 32, 48, ...  and T                                                              (1)

that is at least n, and rows of one width go through a network together. The width of a row depends on its
text alone, not on its padding or on the other rows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from simulacra.core.spaces.tokens import Tokens

# from rows (B, w) and their conditions to log p, (B,)
Score = Callable[[Tensor, Tensor | None], Tensor]
# number of logits of a training step from which rows are cut to different widths; with fewer, all to one
MANY = 2**20


def widths_to(T: int) -> list[int]:
    """Returns the widths (1) for rows of up to T entries.

    Args:
        T: number of entries of a row.

    Example:
        >>> widths_to(40)
        [8, 12, 16, 24, 32, 40]
    """
    found, w = [], 4
    while w < T:
        found += [v for v in (w, w + w // 2) if 8 <= v < T]
        w *= 2
    return [*found, T]


def in_own_widths(score: Score, space: Tokens, x: Tensor, c: Tensor | None) -> Tensor:
    """Returns log p of texts that a causal model scores, each in its own width, in nats, shape (B,).

    Args:
        score: log p of the first entries of rows, whose text and first end lie within them.
        space: space of the texts.
        x: rows, shape (B, T).
        c: conditions, shape (B, *), or None.
    """
    steps = widths_to(x.shape[1])
    if len(x) == 0 or len(steps) == 1 or torch.compiler.is_compiling():
        return score(x, c)
    counted = space.counted(x)
    assert counted is not None
    # (1)
    at = torch.bucketize(counted.sum(-1), torch.tensor(steps, device=x.device))
    # a small step of training takes the time of its calls, so all its rows get one width
    few = torch.is_grad_enabled() and x.numel() * space.classes < MANY
    kinds = [int(at.amax())] if few else at.unique().tolist()
    if len(kinds) == 1:
        return score(x[:, : steps[kinds[0]]], c)
    parts, places = [], []
    for i in kinds:
        rows = (at == i).nonzero().squeeze(1)
        parts.append(score(x[rows, : steps[i]], None if c is None else c[rows]))
        places.append(rows)
    return torch.cat(parts).index_select(0, torch.cat(places).argsort())
