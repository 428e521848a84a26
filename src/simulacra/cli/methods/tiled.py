"""Answers for images and recordings of any size: overlapping tiles of the model's size, stitched together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from simulacra.core.spaces.plain import Space
    from simulacra.data.new_rows.chunk import Chunk

Method = Callable[["Tensor", "Tensor | None"], "Tensor"]  # raw rows and their condition to raw answers


def answered(raw: Space, chunk: Chunk, method: Method) -> Tensor:
    """Returns the answers for the rows of a chunk, which may be larger than the model takes, shape (B, *).

    A grey model answers each channel of a colored image alone; a model of colors is given a grey image in
    three equal channels, and its answer is turned grey.

    Args:
        raw: raw space of the model's rows.
        chunk: rows of raw.shape, or one row of longer sides.
        method: answers raw rows of raw.shape, given their condition.
    """
    x = chunk.x
    if x.shape[1:] == raw.shape or not chunk.origins:
        return method(x, chunk.c)
    if not raw.image or x.shape[1] == raw.shape[0]:
        return _stitched(raw, x[0], chunk, method)[None]
    return _by_channels(raw, x[0], chunk, method)[None]


def _by_channels(raw: Space, x: Tensor, chunk: Chunk, method: Method) -> Tensor:
    """Returns the answer for an image of other channels than the model's, with the channels of the image."""
    import torch

    from simulacra.core.preprocessing.images import coloured

    if raw.shape[0] == 1:
        return torch.cat([_stitched(raw, channel[None], chunk, method) for channel in x])
    answer = _stitched(raw, x.expand(raw.shape[0], *x.shape[1:]), chunk, method)
    return torch.from_numpy(coloured(answer.cpu().numpy(), 1))


def _stitched(raw: Space, x: Tensor, chunk: Chunk, method: Method) -> Tensor:
    """Returns the answer for one observation with the channels of the model, shape (C, *sides)."""
    from simulacra.core.numerics.stitched import stitched

    tile = raw.shape[1:] if raw.image else raw.shape
    return stitched(lambda tiles: method(tiles, chunk.c).cpu(), x, tile, name=f"tiles of {chunk.heads[0]}")
