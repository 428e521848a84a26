"""Sums over the rows of a batch that several processes hold between them.

A loss that couples the rows of a batch (batch normalization, feature matching, minibatch discrimination) is
that of one process if its sums run over the rows of all processes, and their gradients too:

    S = sum_r s_r(theta),        dL/ds_r = sum_q dL_q/dS                                                  (1)

The trainer says with `exchanging` which processes take part. Elsewhere, and in one process, the functions
here sum the rows at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor


class Processes(Protocol):
    """The processes that hold a batch between them.

    Args:
        rank: the number of this process.
        world: how many there are.
    """

    rank: int
    world: int

    def total(self, t: Tensor) -> Tensor:
        """t summed over the processes, with the gradient of equation (1)."""
        ...


_exchanging: list[Processes] = []


@contextmanager
def exchanging(processes: Processes) -> Iterator[None]:
    """Sums within run over the rows of all `processes`, which make the same calls in the same order."""
    _exchanging.append(processes)
    try:
        yield
    finally:
        _exchanging.pop()


def is_split() -> bool:
    """Returns True if other processes hold rows of the batch.

    Example:
        >>> is_split()
        False
    """
    return bool(_exchanging) and _exchanging[-1].world > 1


def total(t: Tensor) -> Tensor:
    """t summed over the processes.

    Args:
        t: of the same shape on each of them.

    Example:
        >>> total(torch.ones(2))
        tensor([1., 1.])
    """
    return _exchanging[-1].total(t) if is_split() else t


def row_mean(t: Tensor) -> Tensor:
    """The mean over the rows of the whole batch, shape (*).

    Args:
        t: the rows of this process, shape (B, *); B may be 0 where another process has rows.

    Example:
        >>> row_mean(torch.tensor([[1.0], [3.0]]))
        tensor([2.])
    """
    if not is_split():
        return t.mean(0)
    return total(t.sum(0)) / row_count(t)


def row_count(t: Tensor) -> int:
    """The number of rows of the whole batch.

    Args:
        t: the rows of this process, shape (B, *).

    Example:
        >>> row_count(torch.zeros(3, 2))
        3
    """
    return int(_sizes(t).sum()) if is_split() else len(t)


def all_rows(t: Tensor) -> Tensor:
    """The rows of all processes in their order, shape (N, *).

    Args:
        t: the rows of this process, shape (B, *).

    Example:
        >>> all_rows(torch.zeros(3, 2)).shape
        torch.Size([3, 2])
    """
    if not is_split():
        return t
    sizes = _sizes(t).tolist()
    before, after = sum(sizes[: _exchanging[-1].rank]), sum(sizes[_exchanging[-1].rank + 1 :])
    # each process adds its rows to zeros in the places of the others'
    return total(torch.cat([t.new_zeros(before, *t.shape[1:]), t, t.new_zeros(after, *t.shape[1:])]))


def _sizes(t: Tensor) -> Tensor:
    """The number of rows of each process, int64, shape (world,)."""
    sizes = torch.zeros(_exchanging[-1].world, dtype=torch.long, device=t.device)
    sizes[_exchanging[-1].rank] = len(t)
    return total(sizes)
