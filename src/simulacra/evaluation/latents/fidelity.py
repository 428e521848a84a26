"""PSNR and SSIM of reconstructed images.

    PSNR = 10 log10(L^2 / mean (x - y)^2)   in dB, of each image                                        (1)

             (2 m_x m_y + C_1) (2 s_xy + C_2)
    SSIM = -------------------------------------,   C_1 = (0.01 L)^2, C_2 = (0.03 L)^2                  (2)
           (m_x^2 + m_y^2 + C_1) (s_x^2 + s_y^2 + C_2)

y = decode(encode(x)); L is the largest minus the smallest value (for levels with a range of their own, that
of training images, outliers clipped). Means m, variances s^2 and the covariance s_xy are taken under a
Gaussian window of 11 x 11 pixels with standard deviation 1.5. (2) is averaged over all windows within the
image and over colours. Neither assesses samples: an identity map has an infinite PSNR and an SSIM of 1.

Reference: Wang, Bovik, Sheikh and Simoncelli 2004. Row G21.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.interface import CHUNK
from simulacra.core.model import Model
from simulacra.core.spaces.own_range import clipped
from simulacra.core.spaces.plain import Binary, Levels
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.interval import Interval, in_words, mean_of
from simulacra.evaluation.latents.reconstruction import reconstructed
from simulacra.evaluation.rows import subset
from simulacra.evaluation.samples.implicit import NotScored

WINDOW, DEVIATION = 11, 1.5  # pixels
MEAN = 5000  # largest number of training rows for the mean image
C_1, C_2 = 0.01**2, 0.03**2


@dataclass(frozen=True)
class ImageScores:
    """PSNR and SSIM over images.

    Args:
        psnr: mean of (1) in dB over images that are not reconstructed exactly; None for fewer than two.
        exact: number of images that are reconstructed exactly, whose PSNR is infinite.
        ssim: mean of (2).
    """

    psnr: Interval | None
    exact: int
    ssim: Interval


@dataclass(frozen=True)
class Fidelity(Record):
    """Scores of reconstructions; comparable if `window`, `seed`, `split`, `images` and the data are equal.

    Args:
        window: side of the window of (2), in pixels; 11 unless the images are smaller.
        seed: seed of the choice of images and of the preprocessing.
        split: split of the images.
        images: number of images.
        model: scores of the reconstructions.
        reference: scores of the mean training image in place of each reconstruction.
    """

    window: int
    seed: int
    split: str
    images: int
    model: ImageScores
    reference: ImageScores


def fidelity(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> Fidelity:
    """Returns PSNR and SSIM of the reconstructions of random images of a split.

    Args:
        model: model that encodes and decodes.
        data: data set of images.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of images and of the preprocessing.
        limit: number of images; None: all.

    Raises:
        ValueError: if the model does not encode and decode, or rows are no images of known range.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("digits")
        >>> found = fidelity(simulacra.PCA(data.space, latent=64), data, limit=20)
        >>> found.window, found.images, round(found.model.ssim.value, 6)
        (7, 20, 1.0)
    """
    window = window_side(data, split)
    mean, (least, most) = _mean(data.train), value_range(data.train)
    ours, theirs = [], []
    for pair in reconstructed(model, data, split, seed, limit):
        x, back, same = ((t - least) / (most - least) for t in (pair.x, pair.back, mean.expand_as(pair.x)))
        ours.append(_psnr_and_ssim(back, x, window))
        theirs.append(_psnr_and_ssim(same, x, window))
    images = sum(found.shape[1] for found in ours)
    if images < 2:
        raise NotScored("a mean PSNR and its interval need at least two images.")
    return Fidelity(window, seed, split, images, _scored(torch.cat(ours, 1)), _scored(torch.cat(theirs, 1)))


def psnr(x: Tensor, y: Tensor) -> Tensor:
    """Returns equation (1) in dB for images with values from 0 to 1.

    Args:
        x: shape (B, C, H, W).
        y: shape of x.

    Returns:
        shape (B,); infinite where x and y are equal.

    Example:
        >>> psnr(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.1)).round(decimals=4)
        tensor([20.], dtype=torch.float64)
    """
    return -10 * (x.double() - y.double()).square().flatten(1).mean(1).log10()


def ssim(x: Tensor, y: Tensor, window: int = WINDOW) -> Tensor:
    """Returns equation (2) for images with values from 0 to 1, float64, shape (B,).

    Args:
        x: shape (B, C, H, W).
        y: shape of x.
        window: side of the window, an odd number of pixels from 3 to the smaller side of the images; the
            standard deviation is scaled with it.

    Example:
        >>> x = torch.rand(2, 3, 12, 13, generator=torch.Generator().manual_seed(0))
        >>> ssim(x, x)
        tensor([1., 1.], dtype=torch.float64)
    """
    x, y = x.double(), y.double()
    down, right = (_window_weights(side, window) for side in x.shape[-2:])
    # a Gaussian window is separable: rows first, then columns
    mean = lambda image: down @ image @ right.T
    m_x, m_y = mean(x), mean(y)
    v_x, v_y, v_xy = mean(x * x) - m_x * m_x, mean(y * y) - m_y * m_y, mean(x * y) - m_x * m_y
    # (2) with L = 1
    above = (2 * m_x * m_y + C_1) * (2 * v_xy + C_2)
    return (above / ((m_x * m_x + m_y * m_y + C_1) * (v_x + v_y + C_2))).flatten(1).mean(1)


def _window_weights(side: int, window: int) -> Tensor:
    """Returns the weights of all windows along a side, shape (side - window + 1, side)."""
    at = torch.arange(window, dtype=torch.float64) - window // 2
    w = torch.softmax(-0.5 * (at / (DEVIATION * window / WINDOW)).square(), 0)
    first = torch.arange(side - window + 1).unsqueeze(1)
    return torch.zeros(len(first), side, dtype=w.dtype).scatter(
        1, first + torch.arange(window), w.expand(len(first), -1)
    )


def window_side(data: Dataset, split: str) -> int:
    """Returns the side of the largest window up to 11 that fits the images."""
    raw = data.preprocessing.raw
    if not (raw.image and isinstance(raw, Binary | Levels)):
        raise NotScored(f"PSNR and SSIM need images of a known range, but {data.name} holds {raw}.")
    if data[split].known is not None:
        raise NotScored(f"{data.name} {split} misses entries, so windows of its images cannot be compared.")
    side = min(raw.shape[1:])
    if side < 3:
        raise NotScored(
            f"SSIM needs windows of 3 x 3 pixels, but images of {data.name} have a side of {side}."
        )
    return min(WINDOW, side - 1 + side % 2)


def window_or_none(data: Dataset, split: str) -> int | None:
    """Returns `window_side`; None for rows that are no images of known range."""
    try:
        return window_side(data, split)
    except NotScored:
        return None


def _mean(split: Split) -> Tensor:
    """Returns the mean of training images, shape (1, *)."""
    split = subset(split, MEAN)
    n = len(split)
    raw = split.preprocessing.raw
    blocks = (split.rows(index).x.cpu() for index in torch.arange(n).split(CHUNK))
    return torch.stack([raw.measured(x, torch.float64).sum(0) for x in blocks]).sum(0, keepdim=True) / n


def value_range(split: Split) -> tuple[float, float]:
    """Returns the smallest and largest value in the features of `Pair`; L is their difference."""
    raw = split.preprocessing.raw
    if not (isinstance(raw, Levels) and raw.ranged):
        return 0.0, 1.0
    some = subset(split, MEAN)
    x = some.rows(torch.arange(len(some))).x
    entries = clipped(raw.measured(x, torch.float64))
    return float(entries.min()), float(entries.max())


def _psnr_and_ssim(y: Tensor, x: Tensor, window: int) -> Tensor:
    """Returns PSNR and SSIM of images, shape (2, B)."""
    return torch.stack([psnr(y, x), ssim(y, x, window)])


def _scored(found: Tensor) -> ImageScores:
    finite = found[0][found[0].isfinite()]
    psnr = mean_of(finite) if len(finite) > 1 else None
    return ImageScores(psnr, found.shape[1] - len(finite), mean_of(found[1]))


def fidelity_rows(found: Fidelity) -> list[tuple[str, str]]:
    """Returns name and value of each score of reconstructed images, in words."""
    ours, mean = found.model, found.reference
    exact = f"; {ours.exact:,} come back exactly and are left out" if ours.exact else ""
    images, window = f"{found.images:,} images of {found.split}", found.window
    decibels, base = (_decibels(side.psnr) for side in (ours, mean))
    return [
        ("PSNR of reconstructions", f"{decibels}, {images}{exact}; the mean training image {base}"),
        (
            "SSIM of reconstructions",
            f"{in_words(ours.ssim, '.4f')}, windows of {window} x {window}; the mean training image "
            f"{in_words(mean.ssim, '.4f')}",
        ),
    ]


def _decibels(found: Interval | None) -> str:
    return "infinite" if found is None else f"{in_words(found, '.2f')} dB"
