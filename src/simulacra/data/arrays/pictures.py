"""Stacks Pillow images to one array; images of different sizes are resized or cropped one by one first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.preprocessing.images import Geometry, coloured, option, to_chw


def differ(pictures: Sequence[Image.Image]) -> bool:
    """Returns True if the pictures have more than one size.

    Example:
        >>> differ([Image.new("L", (4, 6)), Image.new("L", (4, 5))])
        True
    """
    return len({picture.size for picture in pictures}) > 1


def stacked(
    pictures: Sequence[Image.Image], geometry: Geometry, grey: bool, levels: int | None
) -> np.ndarray:
    """Stacks pictures of one mode to shape (N, C, H, W).

    Pictures of one size are stacked as they are. Others are made grey if wanted, and then resized or cropped.

    Args:
        pictures: Pillow images.
        geometry: size or crop of the rows.
        grey: True if colour pictures become grey.
        levels: number of levels; None: those of the mode.

    Raises:
        ValueError: if modes differ, sizes differ without size or crop, or a picture is smaller than the crop.

    Example:
        >>> pictures = [Image.new("L", (4, 6)), Image.new("L", (5, 5))]
        >>> stacked(pictures, Geometry(size=4), False, None).shape
        (2, 1, 4, 4)
    """
    _check_modes(pictures)
    arrays = [_array(picture) for picture in pictures]
    if not differ(pictures):
        return np.stack(arrays)
    _check_sizes(pictures, geometry)
    most = levels or (256 if arrays[0].dtype == np.uint8 else 2**16)
    shaded = [coloured(pixels, 1 if grey else len(pixels)) for pixels in arrays]
    return np.stack([geometry.cut(x, *geometry.places(*x.shape[1:])[0], most) for x in shaded])


def _array(picture: Image.Image) -> np.ndarray:
    deep = picture.mode.startswith("I;16")
    return np.array(picture, np.uint16)[None] if deep else to_chw(picture)


def _check_modes(pictures: Sequence[Image.Image]) -> None:
    first = pictures[0].mode
    for i, picture in enumerate(pictures):
        if picture.mode != first:
            raise ValueError(
                f"picture {i} (from 0) has the mode {picture.mode}, the first {first}: convert all of them "
                "to one mode."
            )
    if first not in ("L", "RGB") and not first.startswith("I;16"):
        raise ValueError(f"the pictures have the mode {first}: convert them to L, RGB or I;16 first.")


def _check_sizes(pictures: Sequence[Image.Image], geometry: Geometry) -> None:
    """Checks that a size is given for pictures of different sizes, and that each holds the crop."""
    first, side = pictures[0], geometry.side
    least = min(min(picture.size) for picture in pictures)
    if side is None:
        i, other = next((i, p) for i, p in enumerate(pictures) if p.size != first.size)
        ways = load_with(size=min(64, least)), load_with(crop=least)
        raise Refusal(
            f"picture {i} (from 0) is {other.width}x{other.height}, the first {first.width}x{first.height}: "
            f"to resize them load them with {ways[0]} or for central squares load them with {ways[1]}.",
            *ways,
        )
    for i, picture in enumerate(pictures):
        if geometry.crop and (picture.height < side[0] or picture.width < side[1]):
            ways = load_with(crop=least), option("size", *side)
            raise Refusal(
                f"picture {i} (from 0) is {picture.width}x{picture.height}, smaller than "
                f"{option('crop', *side)}: load them with {ways[0]} or load them with {ways[1]}.",
                *ways,
            )
