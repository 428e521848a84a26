"""Corrupted rows in the units that users see: what a noisy file holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.corruption.corruption import Corruption
from simulacra.core.corruption.noise import GaussianNoise, Masking, SaltAndPepper
from simulacra.core.numerics.precision import narrowed
from simulacra.core.random.keyed import Rng

if TYPE_CHECKING:
    from simulacra.core.model import Model


@dataclass(frozen=True)
class Damaged:
    """Rows before and after a corruption, in raw units, shape (B, *).

    Args:
        truth: the rows, after preprocessing and back.
        noisy: the corrupted rows.
    """

    truth: Tensor
    noisy: Tensor


def damaged(model: Model, x: Tensor, corruption: Corruption, seed: int = 0) -> Damaged:
    """Corrupts rows in the model's space, as training does; the noise of a row follows its values.

    Args:
        model: model whose preprocessing is applied.
        x: raw rows without missing entries, shape (B, *).
        corruption: one that fits the model's space.
        seed: seed of the noise and of random preprocessing.
    """
    chain = model.preprocessing
    rng = Rng(seed, "damaged", corruption.text, device=model.device).by_content(x)
    y = chain.apply(chain.held(x, model.device), rng)
    y = narrowed(y, model.dtype) if y.is_floating_point() else y
    noisy = corruption.apply(y, rng, model.space)
    return Damaged(chain.inverse(y).cpu(), chain.inverse(noisy).cpu())


def corruption_of(model: Model) -> Corruption | None:
    """Returns the corruption that a denoising model learned to undo, or a usual one of its space.

    Args:
        model: model that denoises.

    Returns:
        None if the space takes no noise.
    """
    own = can.able(model, can.Denoises).corruption
    usual = (GaussianNoise(), SaltAndPepper(), Masking())
    return own or next((one for one in usual if one.fits(model.space)), None)


def at_levels(corruption: Corruption, model: Model, factors: tuple[float, ...]) -> list[Corruption]:
    """Returns the corruption at multiples of its level, where these are possible.

    Args:
        corruption: the corruption.
        model: model whose space it fits.
        factors: the multiples.

    Example:
        >>> from simulacra import PPCA, Real
        >>> [c.text for c in at_levels(Masking(0.4), PPCA(Real((3,)), latent=1), (0.5, 1.0, 2.0, 3.0))]
        ['mask:0.2', 'mask:0.4', 'mask:0.8']
    """
    if corruption.level is None:
        return [corruption]
    levels = [corruption.times(factor) for factor in factors]
    found = [replace(corruption, level=level) for level in levels if corruption.in_range(level)]
    return [one for one in found if one.fits(model.space)]


def denoised(model: Model, noisy: Tensor, corruption: Corruption, c: Tensor | None, seed: int = 0) -> Tensor:
    """Returns the model's clean rows, told the level where the corruption is its own, shape (B, *).

    Args:
        model: model that denoises.
        noisy: corrupted rows in raw units, shape (B, *).
        corruption: their corruption.
        c: raw conditions of the rows, or None.
        seed: seed of the draws.
    """
    own = can.able(model, can.Denoises).corruption
    level = corruption.level if own is not None and type(own) is type(corruption) else None
    return model.denoise(noisy, level, c, seed).detach().to(torch.device("cpu"))
