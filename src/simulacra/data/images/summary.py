"""Describes a folder of images in one sentence, from the headers of its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from simulacra.core.preprocessing.images import Geometry, Side
from simulacra.data.images.depth import depths
from simulacra.data.images.headers import Head, read_heads
from simulacra.data.listing import list_path

PAGED = {".tif", ".tiff"}


def describe_images(folder: str | Path, *, size: Side = None, crop: Side = None, tile: Side = None) -> str:
    """Describes a folder of images from the headers of its files.

    Args:
        folder: as for `load_data`.
        size: height and width to which rows are resized, as for `load_data`; None: not resized.
        crop: height and width of central crops, or None.
        tile: height and width of tiles, or None.

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
    listing, geometry = list_path(Path(folder)), Geometry(size, crop, tile)
    heads = dict(zip(listing.paths, read_heads(listing.paths)))
    found = {head.levels for pages in heads.values() for head in pages}
    grey = 256 in found or (bool(geometry.size) and found == {2})
    return sentence(heads, geometry, listing.said_left_out, 256 if grey else None)


def sentence(
    heads: Mapping[Path, Sequence[Head]], geometry: Geometry, left_out: str = "", levels: int | None = None
) -> str:
    """Describes images, as `20,000 images, 16 bit, 3 sizes (512x512 to 1024x768); tiles of 64: 180,000`.

    Args:
        heads: the pages of each file.
        geometry: how rows are cut or resized.
        left_out: a note on other files of the folder, or an empty string.
        levels: number of levels of the rows, or None.
    """
    pages = [head for found in heads.values() for head in found]
    files = f"{len(heads):,} image{'s' * (len(heads) > 1)}{_pages(heads, len(pages))}"
    sizes = sorted({(head.width, head.height) for head in pages}, key=lambda s: (s[0] * s[1], s))
    named = [f"{width}x{height}" for width, height in sizes]
    shown = named[0] if len(named) == 1 else f"{len(named)} sizes ({named[0]} to {named[-1]})"
    said = [f"{files}, {depths(pages)}, {shown}", *_rows(pages, geometry), *_remarks(heads, levels)]
    return "; ".join([*said, *([left_out] if left_out else [])])


def _pages(heads: Mapping[Path, Sequence[Head]], count: int) -> str:
    """Describes the number of pages and frames; empty if there is one in each file."""
    if count == len(heads):
        return ""
    moving = {
        head.reader == "pillow" and path.suffix.lower() not in PAGED
        for path, (head, *more) in heads.items()
        if more
    }
    return (
        f" of {count:,} {'pages and frames' if len(moving) > 1 else 'frames' if True in moving else 'pages'}"
    )


def _rows(pages: Sequence[Head], geometry: Geometry) -> list[str]:
    if geometry.tile:
        count = sum(len(geometry.places(head.height, head.width)) for head in pages)
        side = geometry.tile if isinstance(geometry.tile, int) else str(geometry).removeprefix("tiles of ")
        return [f"tiles of {side}: {count:,}"]
    return [str(geometry)] if geometry.side else []


def _remarks(heads: Mapping[Path, Sequence[Head]], levels: int | None) -> list[str]:
    """Describes the changes to pixels, each with the number of files."""
    counts = Counter(
        remark for pages in heads.values() for remark in {r: 0 for h in pages for r in h.remarks}
    )
    if len({head.channels for pages in heads.values() for head in pages}) > 1:
        counts["of grey beside others of colour"] = sum(pages[0].channels == 1 for pages in heads.values())
    if levels == 256 and (bits := sum(pages[0].levels == 2 for pages in heads.values())):
        counts["of black and white, as 0 and 255 of 256 levels"] = bits
    return [f"{count:,} {remark}" for remark, count in counts.items()]
