"""Cuts, resizes, converts to grey and binarizes images once, at loading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Phrase, Refusal, load_with
from simulacra.core.preprocessing.images import Geometry, coloured, option
from simulacra.core.preprocessing.transforms import Binarize
from simulacra.core.spaces.plain import Binary, Levels, Space
from simulacra.data.images.binarize import static_bits
from simulacra.data.images.headers import Head
from simulacra.data.row_store import RowStore
from simulacra.data.sources.source import Source


def reshape_images(source: Source, geometry: Geometry, grey: bool) -> Source:
    """Returns the source with its images cropped or resized and, if `grey`, converted to grey.

    Args:
        source: rows in memory, shape (N, C, H, W).
        geometry: size or crop; a tile is not for images in memory.
        grey: if True, colour images become grey.

    Raises:
        ValueError: if the rows are not images of levels, or are smaller than the crop.
    """
    if geometry.side is None and not grey:
        return source
    if not isinstance(source.space, Levels) or not source.space.image:
        raise ValueError(
            f"size=, crop= and grey= apply to images with grey or colour levels, but {source.name} holds "
            f"{source.space}."
        )
    levels, (channels, height, width) = source.space.levels, source.space.shape
    if geometry.crop and geometry.side and not _holds(height, width, geometry.side):
        least = [min(pair) for pair in zip((height, width), geometry.side)]
        ways = option("crop", *least), option("size", *geometry.side)
        raise Refusal(
            f"the images of {source.name} are {width}x{height}, smaller than "
            f"{option('crop', *geometry.side)}: load them with {ways[0]} or load them with {ways[1]}.",
            *ways,
        )
    whole = geometry.side is None or geometry.side == (height, width)
    source = replace(source, geometry=geometry if geometry.side else None)
    if whole and (channels == 1 or not grey):
        return source
    wanted = 1 if grey else channels
    rows = {name: _reshaped(part.rows, geometry, wanted, levels) for name, part in source.parts.items()}
    space = Levels((wanted, *(geometry.side or (height, width))), levels)
    return source.change(rows, space, *applied(geometry, grey and channels == 3))


def _reshaped(x: Tensor | RowStore, geometry: Geometry, channels: int, levels: int) -> Tensor:
    assert isinstance(x, Tensor)
    (place,) = geometry.places(*x.shape[2:])
    row = lambda pixels: geometry.cut(coloured(pixels, channels), *place, levels)
    return torch.stack([torch.from_numpy(row(pixels).copy()) for pixels in x.numpy()])


def binarize_once(source: Source, scheme: str, threshold: float, seed: int) -> Source:
    """Returns the source with rows of 0 and 1; row i of a part always has the same bits.

    Args:
        source: rows of levels, in memory or on disk.
        scheme: `static` or `threshold`.
        threshold: the cut, as a share of the range.
        seed: seed of static bits.

    Raises:
        ValueError: if the rows are not levels.
    """
    levels = getattr(source.space, "levels", 256)
    step = Binarize(scheme, levels, threshold, seed)
    space: Space = step.space(source.space)
    assert isinstance(space, Binary)
    rows: dict[str, Tensor | RowStore] = {}
    for name, part in source.parts.items():
        if isinstance(part.rows, RowStore):
            rows[name] = part.rows.binarized(step)
        else:
            rows[name] = static_bits(part.rows, step, name, range(len(part)))
    return source.change(rows, space, step.label)


def check_sizes(geometry: Geometry, heads: Mapping[Path, Sequence[Head]]) -> None:
    """Raises ValueError if an image is too small for the crop or tile, or sizes differ without any option.

    Args:
        geometry: size, crop or tile that the user gave.
        heads: the pages of each file.
    """
    if geometry.size:
        return
    pages = [(path, head) for path, found in heads.items() for head in found]
    if geometry.side is None:
        _check_one_size(pages)
        return
    name, (height, width) = "crop" if geometry.crop else "tile", geometry.side
    least = min(height, *(head.height for _, head in pages)), min(width, *(head.width for _, head in pages))
    if height == width:
        least = min(least), min(least)
    if geometry.tile:
        # conditions by downscale:k, and networks with halvings, need sides that are multiples of a power of 2
        least = _multiple(least[0]), _multiple(least[1])
    for path, head in pages:
        if not _holds(head.height, head.width, geometry.side):
            ways = option(name, *least), option("size", height, width)
            raise Refusal(
                f"{path} is {head.width}x{head.height}, smaller than {option(name, height, width)}: "
                f"remove it, or load the data with {ways[0]} or load them with {ways[1]}.",
                *ways,
            )


def _multiple(side: int, of: int = 8) -> int:
    return max(side - side % of, min(side, of))


def _holds(height: int, width: int, side: tuple[int, int]) -> bool:
    return height >= side[0] and width >= side[1]


def applied(geometry: Geometry, grey: bool) -> tuple[str, ...]:
    """Describes the processing of images for a protocol, such as `("resized to 32x32, grey",)`.

    Args:
        geometry: size, crop or tile.
        grey: True if colour was converted to grey.
    """
    said = ", ".join(filter(None, [str(geometry), "grey" if grey else ""]))
    return (said,) if said else ()


def _check_one_size(pages: Sequence[tuple[Path, Head]]) -> None:
    first, head = pages[0]
    for path, other in pages:
        if (other.width, other.height) != (head.width, head.height):
            ways = _suggested_options([page for _, page in pages])
            raise Refusal(
                f"the images differ in size: {first} is {head.width}x{head.height}, {path} is "
                f"{other.width}x{other.height}; {ways}.",
                ways,
            )


def _suggested_options(heads: Sequence[Head]) -> Phrase:
    """Suggests the options that make images of different sizes equal, with the numbers of these images."""
    least = min(min(head.width, head.height) for head in heads)
    tile = suggested_tile(heads)
    count = sum(len(Geometry(tile=tile).places(head.height, head.width)) for head in heads)
    resized, cropped, tiled = load_with(size=min(64, least)), load_with(crop=least), load_with(tile=tile)
    return Phrase(
        f"to resize them load them with {resized} or for central squares load them with {cropped} or for "
        f"{count:,} tiles load them with {tiled}",
        *(resized, cropped, tiled),
    )


def suggested_tile(heads: Sequence[Head], across: int = 1) -> int:
    """Returns the side of tiles that fit into every page: a power of two, at most 64.

    Args:
        heads: the pages.
        across: fewest tiles along each side, if a side has as many pixels.
    """
    least = min(min(head.width, head.height) for head in heads)
    return int(2 ** (max(1, min(64, least // across)).bit_length() - 1))
