"""The scores of translations by the space of x, each row beside its truth.

levels, 0 and 1    PSNR in dB (G21), SSIM where they are images, L1 in levels
volumes of 0/1     IoU, the overlap with the true solid (G27), and these
frames of films    these, and the sharpness difference in dB (G26)
recordings         SNR and segmental SNR in dB, L1
other numbers      L1 in their own unit

L1 = mean of |y - x| over the entries, in raw units                                              (1)
sharpness = 10 log10 (1 / mean | (|dx_1| + |dx_2|) - (|dy_1| + |dy_2|) |),  dx_i = x - its neighbour   (2)

(2) is that of Mathieu et al. 2015 for x and y in [0, 1]: infinite where the edges of y are as strong as those
of x, low where y is blurred or too sharp. The neighbours are those above and on the left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.numerics.volumes import filled, is_solid
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Binary, Levels
from simulacra.data.dataset import Dataset
from simulacra.data.pairs.past import frames_before
from simulacra.evaluation.latents.fidelity import psnr, ssim, value_range, window_or_none
from simulacra.evaluation.pairs.signals import segmental_snr, snr
from simulacra.evaluation.samples.overlap import iou


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
    found = (
        [RowScore("IoU", "", True, lambda y, x: iou(filled(raw, y), filled(raw, x)))] if is_solid(raw) else []
    )
    found.append(RowScore("PSNR", "dB", True, lambda y, x: psnr(scaled(y), scaled(x))))
    if window := window_or_none(data, split):
        found.append(RowScore("SSIM", "", True, lambda y, x: ssim(scaled(y), scaled(x), window)))
    found.append(l1)
    if frames_before(data):
        found.append(RowScore("sharpness", "dB", True, lambda y, x: sharpness(scaled(y), scaled(x))))
    return tuple(found)


def distance(y: Tensor, x: Tensor) -> Tensor:
    """Returns equation (1), float64, shape (B,).

    Args:
        y: answers, shape (B, *).
        x: the truth, shape of y.
    """
    return (y.double() - x.double()).abs().flatten(1).mean(1)


def sharpness(y: Tensor, x: Tensor) -> Tensor:
    """Returns equation (2) in dB, float64, shape (B,).

    Args:
        y: answers in [0, 1], shape (B, *, H, W).
        x: the truth, shape of y.

    Example:
        >>> edge, flat = torch.tensor([[[0.0, 0.0], [0.0, 1.0]]]), torch.zeros(1, 2, 2)
        >>> round(sharpness(flat, edge).item(), 4)  # the gradients of one place differ by 2
        -3.0103
    """
    apart = (_gradients(x.double()) - _gradients(y.double())).abs()
    return -10 * apart.flatten(1).mean(1).log10()


def _gradients(x: Tensor) -> Tensor:
    inner = x[..., 1:, 1:]
    return (inner - x[..., :-1, 1:]).abs() + (inner - x[..., 1:, :-1]).abs()
