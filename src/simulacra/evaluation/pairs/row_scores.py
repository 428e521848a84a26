"""The scores of translations by the space of x, each row beside its truth.

levels, 0 and 1    PSNR in dB (G21), SSIM where they are images, L1 in levels
recordings         SNR and segmental SNR in dB, L1
other numbers      L1 in their own unit

L1 = mean of |y - x| over the entries, in raw units                                              (1)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Binary, Levels
from simulacra.data.dataset import Dataset
from simulacra.evaluation.latents.fidelity import psnr, ssim, value_range, window_or_none
from simulacra.evaluation.pairs.signals import segmental_snr, snr


@dataclass(frozen=True)
class RowScore:
    """A score of each row.

    Args:
        name: such as `PSNR`.
        unit: such as `dB`; empty if it has none.
        higher: True if higher is better.
        of: returns the scores of answers beside the truth, both in raw units, shape (B,).
    """

    name: str
    unit: str
    higher: bool
    of: Callable[[Tensor, Tensor], Tensor]


def row_scores_of(data: Dataset, split: str) -> tuple[RowScore, ...]:
    """Returns the scores that fit the space of x; the first decides comparisons.

    Args:
        data: data set of pairs.
        split: split that is scored.

    Example:
        >>> import simulacra
        >>> [score.name for score in row_scores_of(simulacra.load_data("digits"), "test")]
        ['PSNR', 'SSIM', 'L1']
    """
    raw = data.preprocessing.raw
    l1 = RowScore("L1", "levels" if isinstance(raw, Levels) else "", False, distance)
    if isinstance(raw, Audio):
        segments = lambda y, x: segmental_snr(y, x, raw.rate)
        return (RowScore("SNR", "dB", True, snr), RowScore("segmental SNR", "dB", True, segments), l1)
    if not isinstance(raw, Binary | Levels):
        return (l1,)
    least, most = value_range(data.train)
    scaled = lambda t: (raw.measured(t, torch.float64) - least) / (most - least)
    found = [RowScore("PSNR", "dB", True, lambda y, x: psnr(scaled(y), scaled(x)))]
    if window := window_or_none(data, split):
        found.append(RowScore("SSIM", "", True, lambda y, x: ssim(scaled(y), scaled(x), window)))
    return (*found, l1)


def distance(y: Tensor, x: Tensor) -> Tensor:
    """Returns equation (1), float64, shape (B,).

    Args:
        y: answers, shape (B, *).
        x: the truth, shape of y.
    """
    return (y.double() - x.double()).abs().flatten(1).mean(1)
