"""Ragged sequences: the steps before the end of each row, and batches without the steps behind the longest.

    valid_bt = 1 if t < L_b, else 0                                              (1)

Losses have a value for each step, shape (B, T), and `Update.weights` leaves out the steps behind the end by
(1). The mean then runs over all steps of a batch, so that longer sequences have more weight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Source

ROWS = 64  # number of sequences that `batches_of` reads at once


def valid_frames(batch: Batch) -> Tensor:
    """Returns 1 for each frame before the end of its sequence and 0 after it, shape (B, T)."""
    return valid_steps(batch.x, batch.lengths).to(torch.get_default_dtype())


def valid_steps(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Returns True before the end of each row, shape (B, T).

    Args:
        x: sequences, shape (B, T, *).
        lengths: number of steps of each row, shape (B,); None for all T.
    """
    t = torch.arange(x.shape[1], device=x.device)
    counts = torch.full((len(x),), x.shape[1], device=x.device) if lengths is None else lengths
    return t < counts.unsqueeze(1)


def so_far(frames: list[Tensor], steps: int) -> tuple[Tensor, Tensor]:
    """Returns the first frames with 0 behind them, and True for these frames, each (B, steps, *).

    Args:
        frames: the frames that are drawn, each (B, *).
        steps: number of steps of a whole sequence.
    """
    later = [torch.zeros_like(frames[0])] * (steps - len(frames))
    x = torch.stack([*frames, *later], 1)
    known = torch.arange(steps, device=x.device) < len(frames)
    return x, known.view(1, -1, *[1] * (x.dim() - 2)).expand_as(x)


def trimmed(model: object, batch: Batch, rng: Rng) -> Batch:
    """Returns the batch without the steps after the end of its longest row."""
    if batch.lengths is None:
        return batch
    steps = int(batch.lengths.max())
    known = None if batch.known is None else batch.known[:, :steps]
    return replace(batch, x=batch.x[:, :steps], known=known)


def batches_of(source: Source, rng: Rng) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields all sequences, some at a time, shape (B, T, d), and True before the end of each, shape (B, T).

    Args:
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    for i in range(0, len(source), ROWS):
        rows = range(i, min(i + ROWS, len(source)))
        batch = source.batch(torch.arange(rows.start, rows.stop), rng.on(rows))
        yield batch.x, valid_steps(batch.x, batch.lengths)


def log_odds(source: Source, rng: Rng) -> Tensor:
    """Returns the log-odds of a one in each entry of a frame of 0 and 1, float64, shape (d,).

    One frame of ones and one of zeros are added to the data, so that the log-odds are finite.

    Args:
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    ones, frames = torch.zeros((), dtype=torch.float64), 0.0
    for x, valid in batches_of(source, rng):
        ones = ones + to_float64(x[valid].unsqueeze(1).flatten(1).sum(0)).cpu()
        frames += float(valid.sum())
    return torch.logit((ones + 1) / (frames + 2))
