"""Decides which samples may equal a training row by chance: short texts, which any writer repeats.

Under a model that knows nothing but how often each token occurs, q(k), the end among them, a text x of L
tokens is expected among N training rows

    N q(x) = N prod_(t <= L + 1) q(x_t)                                                           (1)

times. Real texts are more regular, so that true expectations are higher. Where even (1) expects the text, its
occurrence is no sign of copying. Longer texts that repeat, such as stock phrases, are judged by held-out
rows, which repeat training rows as often.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulacra.core.spaces.tokens import Tokens
from simulacra.data.dataset import Dataset

EXPECTED = 0.01  # expected number of equal training rows from which a copy is no sign
LOOKED_AT = 2**22  # most tokens of training rows that are counted


def by_chance(data: Dataset, raw: Tensor) -> Tensor | None:
    """Returns True for texts that may equal a training row by chance, shape (n,); None for other data.

    Args:
        data: data set.
        raw: samples in raw units, shape (n, T).

    Example:
        >>> import simulacra
        >>> rows = torch.tensor([[1, 0, 0, 0]] * 50 + [[2, 1, 2, 2]] * 50)
        >>> data = simulacra.from_tensors(rows, simulacra.Tokens((4,), 3))
        >>> by_chance(data, torch.tensor([[1, 0, 0, 0]])).tolist()
        [True]
    """
    space = data.preprocessing.raw
    if not isinstance(space, Tokens):
        return None
    train = data.train
    n = min(len(train), max(1, LOOKED_AT // space.steps))
    rows = train.rows(torch.arange(n) * len(train) // n).x.cpu().long()
    counts = torch.bincount(rows[counted_of(space, rows)], minlength=space.classes).double()
    # a token that no training row holds counts as half of one
    log_q = (counts.clamp_min(0.5) / counts.sum()).log()
    x = raw.cpu().long()
    log_expected = torch.where(counted_of(space, x), log_q[x], 0.0).sum(1) + math.log(len(train))
    return log_expected >= math.log(EXPECTED)


def counted_of(space: Tokens, x: Tensor) -> Tensor:
    """Returns `space.counted` of whole rows, shape (n, T)."""
    counted = space.counted(x)
    assert counted is not None, "rows of texts have a length"
    return counted
