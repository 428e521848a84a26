"""What a folder of images holds, in one sentence, before anything is trained on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from simulacra.core.pixels import Geometry
from simulacra.data.images.headers import Head, read_heads
from simulacra.data.listing import list_folder


def describe_images(
    folder: str | Path, *, size: int | None = None, crop: int | None = None, tile: int | None = None
) -> str:
    """The sentence for a folder, from the files' heads alone.

    Args:
        folder: as for `load_data`.
        size: side of resized squares, as for `load_data`.
        crop: side of central squares.
        tile: side of tiles.

    Raises:
        ValueError: if there is no image, or a file is damaged.

    Example:
        >>> import pathlib, tempfile
        >>> from PIL import Image
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for i in range(3):
        ...     Image.new("L", (40, 30 + i)).save(folder / f"{i}.png")
        >>> describe_images(folder, tile=16)
        '3 images, 8 bit, 3 sizes (40x30 to 40x32); tiles of 16: 8'
    """
    paths = list_folder(Path(folder)).paths
    return sentence(dict(zip(paths, read_heads(paths))), Geometry(size, crop, tile))


def sentence(heads: Mapping[Path, Sequence[Head]], geometry: Geometry) -> str:
    """Such as `20,000 images, 16 bit, 3 sizes (512x512 to 1024x768); tiles of 64: 180,000`."""
    pages = [head for found in heads.values() for head in found]
    files = f"{len(heads):,} image{'s' if len(heads) > 1 else ''}"
    files += f" of {len(pages):,} pages" if len(pages) > len(heads) else ""
    bits = sorted({head.bits for head in pages})
    sizes = sorted({(head.width, head.height) for head in pages}, key=lambda s: (s[0] * s[1], s))
    named = [f"{width}x{height}" for width, height in sizes]
    shown = named[0] if len(named) == 1 else f"{len(named)} sizes ({named[0]} to {named[-1]})"
    return f"{files}, {' and '.join(map(str, bits))} bit, {shown}{_rows(pages, geometry)}"


def _rows(pages: Sequence[Head], geometry: Geometry) -> str:
    if geometry.tile:
        count = sum(len(geometry.places(head.height, head.width)) for head in pages)
        return f"; tiles of {geometry.tile}: {count:,}"
    return f"; {geometry}" if geometry.side else ""
