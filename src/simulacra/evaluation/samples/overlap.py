"""Overlap of volumes: the intersection over the union of their filled voxels.

    IoU(a, b) = |a and b| / |a or b|,   1 for two empty volumes                                       (1)
    overlap   = mean over samples of the largest IoU with a held-out volume                           (2)
    cover     = mean over held-out volumes of the largest IoU with a sample                           (3)

(2) is low where samples are no such solids, (3) where kinds, sizes or poses are never drawn. The same numbers
of training volumes, as many as samples, stand beside both: a perfect model has theirs.

Reference: Wu et al. 2016; Choy et al. 2016 (IoU of voxels). Row G27.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.numerics.volumes import filled
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset
from simulacra.evaluation.interval import Interval, mean_of
from simulacra.evaluation.rows import subset

MOST = 500  # held-out volumes, and samples


@dataclass(frozen=True)
class Overlap(Record):
    """Overlap of samples with held-out volumes, and that of training volumes in their place.

    Args:
        split: split of the volumes.
        samples: number of samples, and of training volumes.
        rows: number of held-out volumes.
        nearest: equation (2) of samples.
        covered: equation (3) of samples.
        real_nearest: equation (2) of training volumes.
        real_covered: equation (3) of training volumes.
    """

    split: str
    samples: int
    rows: int
    nearest: Interval
    covered: Interval
    real_nearest: Interval
    real_covered: Interval


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Returns equation (1) of each row of a with the same row of b, float64, shape (B,).

    Args:
        a: True at filled voxels, shape (B, *).
        b: shape of a.

    Example:
        >>> x = torch.tensor([[True, True, False], [False, False, False]])
        >>> iou(x, x.roll(1, 1)).tolist()
        [0.3333333333333333, 1.0]
    """
    both, either = (a & b).flatten(1).sum(1).double(), (a | b).flatten(1).sum(1).double()
    return torch.where(either > 0, both / either.clamp_min(1), 1.0)


def iou_of_all(a: Tensor, b: Tensor) -> Tensor:
    """Returns equation (1) of each row of a with each row of b, shape (N, M).

    Args:
        a: True at filled voxels, shape (N, *).
        b: likewise, shape (M, *).
    """
    f, g = a.flatten(1).float(), b.flatten(1).float()
    both = f @ g.T  # whole numbers below 2^24
    either = f.sum(1, keepdim=True) + g.sum(1) - both
    return torch.where(either > 0, both / either.clamp_min(1), torch.ones_like(both))


def overlap(data: Dataset, split: str, drawn: Tensor) -> Overlap | None:
    """Returns equations (2) and (3) of samples and of training volumes; None for fewer than two of them.

    Args:
        data: data set of volumes.
        split: split of the held-out volumes.
        drawn: samples in raw units, shape (n, 1, D, H, W).

    Example:
        >>> import simulacra
        >>> x = torch.randint(0, 2, (60, 1, 3, 4, 3), dtype=torch.uint8)
        >>> data = simulacra.from_tensors(x, simulacra.Binary((1, 3, 4, 3)))
        >>> overlap(data, "test", data["test"].x).nearest.value
        1.0
    """
    space, drawn = data.preprocessing.raw, drawn[:MOST]
    held, real = (_rows(part, most) for part, most in ((data[split], MOST), (data.train, len(drawn))))
    if min(len(held), len(real), len(drawn)) < 2:
        return None
    there = filled(space, held)
    found = [_best(filled(space, x.to(held.device)), there) for x in (drawn, real)]
    return Overlap(split, len(drawn), len(held), *found[0], *found[1])


def _rows(split: object, most: int) -> Tensor:
    some = subset(split, most)  # type: ignore[arg-type]
    return some.rows(torch.arange(len(some))).x.cpu()


def _best(x: Tensor, held: Tensor) -> tuple[Interval, Interval]:
    """Returns (2) and (3)."""
    values = iou_of_all(x, held).double()
    return mean_of(values.amax(1)), mean_of(values.amax(0))


def overlap_rows(found: Overlap) -> list[tuple[str, str]]:
    """Returns name and value of the scores, in words.

    Args:
        found: the scores.
    """
    nearest, covered = (f"{mine.value:.3f}" for mine in (found.nearest, found.covered))
    return [
        (
            "IoU with the nearest solid",
            f"{nearest} of {found.samples:,} samples (training rows {found.real_nearest.value:.3f}); of "
            f"held-out rows with the nearest sample {covered} ({found.real_covered.value:.3f})",
        )
    ]
