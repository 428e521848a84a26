"""Answers for images and recordings of any size: overlapping tiles of the model's size, stitched together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from simulacra.core.model import Model
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
    if x.shape[1:] == raw.shape or not chunk.origins or x.dim() != len(raw.shape) + 1:
        # what is no row at all is refused with the reason
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


def drawn_pairs(model: Model, chunk: Chunk, n: int, seed: int) -> list[Tensor]:
    """Returns n translations of the rows of a chunk, which may have any size, each of shape (B, *).

    Args:
        model: a model that draws pairs.
        chunk: rows of the source, or one row with sides of any length.
        n: number of draws.
        seed: seed of the draws.
    """
    from simulacra.core.methods.whole import source_of, translate_whole

    x, source = chunk.x, source_of(model)
    if x.shape[1:] == source.shape or not chunk.origins or x.dim() != len(source.shape) + 1:
        # what is no row at all is refused with the reason
        found = model.translate(x, n=n, seed=seed)
        return [found] if n == 1 else list(found.unbind(1))
    return [y[None] for y in translate_whole(model, x[0], n, seed, f"tiles of {chunk.heads[0]}")]
