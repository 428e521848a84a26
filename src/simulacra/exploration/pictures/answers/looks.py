"""Draws of a model that draws in several looks: a sample a row, as a watcher of `sample` sees it."""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.drawing.sheet import sheet
from simulacra.exploration.pictures.album import Album

SAMPLES, COLUMNS = 6, 10
MOST = 64  # looks of a draw that is shown


def in_looks(model: Model) -> bool:
    """Returns True if a draw has a few looks, such as levels, and is no chain, which has pictures of its own.

    Args:
        model: any model.

    Example:
        >>> import simulacra
        >>> in_looks(simulacra.LAPGAN(simulacra.Levels((1, 9, 9), 4), hidden=(3,), channels=2))
        True
    """
    if not model.supports(can.Samples) or model.supports(can.HasMarkovChain):
        return False
    return 1 < can.able(model, can.Samples).looks() <= MOST


def looks_picture(album: Album) -> Picture:
    """Some samples, one a row, after up to ten looks each; the last is the sample."""
    model, seen = album.model, dict[int, Tensor]()
    total = can.able(model, can.Samples).looks()
    shown = sorted({1 + round(i * (total - 1) / (COLUMNS - 1)) for i in range(COLUMNS)})

    def look(t: int, total: int, x: Tensor, known: Tensor) -> None:
        if t in shown:
            seen[t] = x

    given = album.conditions(SAMPLES)
    model.sample(SAMPLES, given, album.seed, look)
    names = [album.class_names()[k] for k in given.tolist()] if given is not None and album.classes else []
    title = f"{type(model).__name__}: a sample a row{album.binarized}, after so many of {total} looks"
    states = torch.stack([seen[t] for t in shown], 1)
    return sheet(album.space, states, title, column_names=[f"{t:,}" for t in shown], row_names=names)
