"""Texts are scored in their own widths: no wider than their tokens and the first end ask for.

A row of T entries with n counted ones is cut behind the first of the widths

    8, 12, 16, 24, 32, 48, ...  and T                                                              (1)

that holds n, and rows of one width go through a network together. An average caption of multi30k then costs
15 entries in place of 40. The width of a row depends on the row alone, neither on its padding nor on the rows
beside it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from simulacra.core.spaces.tokens import Tokens

# from rows (B, w) and their conditions to log p, (B,)
Score = Callable[[Tensor, Tensor | None], Tensor]
MANY = (
    2**20
)  # logits of a step of training from which on rows are cut one by one; with fewer, all to one width


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
    # small steps of training cost calls, not numbers
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
