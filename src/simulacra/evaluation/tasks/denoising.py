"""Gain of a denoising model: PSNR and SSIM of its answers beside those of the noisy rows as they are.

    gain = 10 log10(mean (x~ - x)^2 / mean (r - x)^2)   in dB, of each row                          (1)

x~ is the corrupted row and r the model's answer, both in raw units: for images (1) is the difference of their
PSNR. Each level of noise is scored, half of that of training, the same, and twice as much. A gain below 0
says that the rows are better left as they are.

Reference: Vincent et al. 2010; Cho 2013. Rows D6, D8.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.corruption.corruption import Corruption
from simulacra.core.corruption.raw_rows import at_levels, corruption_of, damaged, denoised
from simulacra.core.interface import CHUNK
from simulacra.core.model import Model
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset
from simulacra.evaluation.interval import Interval, in_words, mean_of
from simulacra.evaluation.latents.fidelity import psnr, ssim, value_range, window_or_none
from simulacra.evaluation.rows import condition_of, count, subset

FACTORS = (0.5, 1.0, 2.0)  # multiples of the level of training
ROWS = 500  # largest number of rows, unless `limit` is given


@dataclass(frozen=True)
class Quality:
    """PSNR in dB and SSIM of images beside the truth; None for rows that are no images of known range.

    Args:
        psnr: mean PSNR over images that are not equal to the truth.
        ssim: mean SSIM.
    """

    psnr: Interval | None
    ssim: Interval | None


@dataclass(frozen=True)
class AtLevel:
    """Scores at one level of noise.

    Args:
        corruption: the noise, such as `gaussian:0.1`.
        gain: mean of equation (1) in dB.
        noisy: scores of the noisy rows as they are.
        clean: scores of the model's answers.
    """

    corruption: str
    gain: Interval
    noisy: Quality
    clean: Quality


@dataclass(frozen=True)
class Denoising(Record):
    """Scores of a denoising model; comparable if all but `levels` and the data are equal.

    Args:
        corruption: the noise of training, or a usual one where the model has no certain one.
        split: split of the rows.
        rows: number of rows.
        seed: seed of the choice of rows and of the noise.
        levels: scores at each level.
    """

    corruption: str
    split: str
    rows: int
    seed: int
    levels: tuple[AtLevel, ...]

    @property
    def trained(self) -> AtLevel | None:
        """The scores at the level of training; None if it has none."""
        return next((at for at in self.levels if at.corruption == self.corruption), None)


def denoising(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> Denoising | None:
    """Corrupts random rows of a split, denoises them, and measures the gain of equation (1).

    Args:
        model: model that denoises.
        data: data set.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of rows and of the noise.
        limit: largest number of rows; None: 500.

    Returns:
        the scores; None if the model's space takes no noise, or too few rows are changed by it.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("digits")
        >>> model = simulacra.Autoencoder(data.space, latent=3, hidden=(), corruption="gaussian:0.2")
        >>> found = denoising(model, data, limit=20)
        >>> [at.corruption for at in found.levels], found.trained.gain.value < 0
        (['gaussian:0.1', 'gaussian:0.2', 'gaussian:0.4'], True)
    """
    noise = corruption_of(model)
    if noise is None:
        return None
    n = min(ROWS, count(data[split], None)) if limit is None else count(data[split], limit)
    levels = [_at(model, data, split, one, seed, n) for one in at_levels(noise, model, FACTORS)]
    found = tuple(at for at in levels if at is not None)
    return Denoising(noise.text, split, n, seed, found) if found else None


def _at(model: Model, data: Dataset, split: str, noise: Corruption, seed: int, n: int) -> AtLevel | None:
    """Returns the scores at one level; None if fewer than two rows are changed."""
    window, (least, most) = window_or_none(data, split), value_range(data.train)
    noisy, clean = [], []
    for rows in _triples(model, data, split, noise, seed, n):
        truth, before, after = ((t - least) / (most - least) for t in rows)
        noisy.append(_scores(before, truth, window))
        clean.append(_scores(after, truth, window))
    before, after = torch.cat(noisy, 1), torch.cat(clean, 1)
    # (1), of rows that the noise changed and the model does not give back exactly
    gain = after[0] - before[0]
    gain = gain[gain.isfinite()]
    if len(gain) < 2:
        return None
    return AtLevel(noise.text, mean_of(gain), *(_quality(side, window) for side in (before, after)))


def _triples(
    model: Model, data: Dataset, split: str, noise: Corruption, seed: int, n: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yields truth, noisy rows and answers as features of the raw space, float64, shape (B, *)."""
    chosen, raw = subset(data[split], n, seed), data.preprocessing.raw
    for index in torch.arange(len(chosen)).split(CHUNK):
        rows = chosen.rows(index)
        found = damaged(model, rows.x, noise, seed)
        clean = denoised(model, found.noisy, noise, condition_of(model, rows.c), seed)
        yield tuple(raw.measured(x, torch.float64) for x in (found.truth, found.noisy, clean))  # type: ignore[misc]


def _scores(y: Tensor, x: Tensor, window: int | None) -> Tensor:
    """Returns PSNR and SSIM of rows, NaN where they are no images, shape (2, B)."""
    decibels = psnr(y, x)
    return torch.stack(
        [decibels, torch.full_like(decibels, torch.nan) if window is None else ssim(y, x, window)]
    )


def _quality(found: Tensor, window: int | None) -> Quality:
    if window is None:
        return Quality(None, None)
    finite = found[0][found[0].isfinite()]
    return Quality(mean_of(finite) if len(finite) > 1 else None, mean_of(found[1]))


def denoising_rows(found: Denoising) -> list[tuple[str, str]]:
    """Returns name and value of the scores at each level, in words.

    Args:
        found: the scores.
    """
    return [(f"denoising of {at.corruption}", _in_words(at)) for at in found.levels]


def gain_in_words(found: Denoising) -> str:
    """Returns the gain at the level of training, as one clause.

    Args:
        found: the scores.
    """
    at = found.trained or found.levels[0]
    return f"denoising of {at.corruption} gains {at.gain.value:.2f} dB"


def _in_words(at: AtLevel) -> str:
    text = f"gain {in_words(at.gain, '.2f')} dB"
    if at.noisy.psnr is not None and at.clean.psnr is not None:
        text += f"; PSNR {at.clean.psnr.value:.2f} dB, as it is {at.noisy.psnr.value:.2f}"
    if at.noisy.ssim is not None and at.clean.ssim is not None:
        text += f"; SSIM {at.clean.ssim.value:.4f}, as it is {at.noisy.ssim.value:.4f}"
    return text
