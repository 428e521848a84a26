"""Held-out images before and after denoising."""

from __future__ import annotations

import torch

from simulacra.core.capabilities import general as can
from simulacra.core.corruption.parse import parse
from simulacra.core.corruption.raw_rows import corruption_of, damaged, denoised
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.drawing.sheet import sheet
from simulacra.exploration.pictures.album import Album

COLUMNS = 10


def denoised_picture(album: Album, corruption: str = "") -> Picture | None:
    """Noisy held-out images, the model's answers, and the truth.

    Args:
        album: model and data.
        corruption: noise, such as `gaussian:0.2`; by default that of training.

    Raises:
        ValueError: if the corruption is unknown or does not fit the model's space.
    """
    noise = parse(corruption) if corruption else corruption_of(album.model)
    if noise is None:
        return None
    noise.space(album.model.space)
    rows = album.varied(COLUMNS)
    c = rows.c if album.model.supports(can.TakesCondition) else None
    found = damaged(album.model, rows.x, noise, album.seed)
    clean = denoised(album.model, found.noisy, noise, c, album.seed)
    images = torch.stack([found.noisy.double(), clean.double(), found.truth.double()])
    title = f"{type(album.model).__name__}: held-out images with {noise.text}"
    return sheet(album.space, images, title, row_names=["noisy", "denoised", "truth"])
