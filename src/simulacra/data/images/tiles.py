"""What a geometry needs of the images at hand, and what it is called in a protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from simulacra.core.pixels import Geometry
from simulacra.data.images.headers import Head


def check_sizes(geometry: Geometry, heads: Mapping[Path, Sequence[Head]]) -> None:
    """Raise ValueError where an image is too small, or sizes differ and nothing mends it."""
    if geometry.size:
        return
    pages = [(path, head) for path, found in heads.items() for head in found]
    if geometry.side is None:
        _check_one_size(pages)
        return
    option = "crop" if geometry.crop else "tile"
    least = min(min(head.width, head.height) for _, head in pages)
    for path, head in pages:
        if min(head.width, head.height) < geometry.side:
            raise ValueError(
                f"{path} is {head.width}x{head.height}, smaller than {option}={geometry.side}: remove it, or "
                f"load the data with {option}={least} or load them with size={geometry.side}."
            )


def applied(geometry: Geometry, grey: bool) -> tuple[str, ...]:
    """What a protocol says of the images, such as `("resized to 32x32, grey",)`."""
    said = ", ".join(filter(None, [str(geometry), "grey" if grey else ""]))
    return (said,) if said else ()


def _check_one_size(pages: Sequence[tuple[Path, Head]]) -> None:
    first, head = pages[0]
    for path, other in pages:
        if (other.width, other.height) != (head.width, head.height):
            raise ValueError(
                f"the images differ in size: {first} is {head.width}x{head.height}, {path} is "
                f"{other.width}x{other.height}; {_mends([page for _, page in pages])}."
            )


def _mends(heads: Sequence[Head]) -> str:
    """What makes one size of many, with the numbers of these images."""
    least = min(min(head.width, head.height) for head in heads)
    tile = 2 ** (min(least, 64).bit_length() - 1)
    count = sum(len(Geometry(tile=tile).places(head.height, head.width)) for head in heads)
    return (
        f"to resize them load them with size={min(64, least)} or for central squares load them with "
        f"crop={least} or for {count:,} tiles load them with tile={tile}"
    )
