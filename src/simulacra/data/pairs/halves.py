"""Pictures of twice the width, whose halves are x and c; sizes, crops and tiles act on each half alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.preprocessing.images import Geometry
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.data.images.files import ImageFiles
from simulacra.data.images.folders import images_of
from simulacra.data.images.geometry import reshape_images
from simulacra.data.images.headers import Head
from simulacra.data.images.options import FolderOptions
from simulacra.data.listing import Listing
from simulacra.data.pairs.forms import Half
from simulacra.data.sources.source import Source

Heads = Mapping[Path, Sequence[Head]]


def odd_pages(path: Path, pages: Sequence[Head]) -> str:
    """Returns the sentence on a file with a page of odd width; empty if there is none.

    Args:
        path: the file.
        pages: its pages.
    """
    odd = next((head for head in pages if head.width % 2), None)
    return "" if odd is None else f"{path} is {odd_width(odd.height, odd.width)}"


def halved_heads(heads: Heads) -> dict[Path, tuple[Head, ...]]:
    """Returns the pages as if each half of a page were one.

    Args:
        heads: the pages of each file.

    Raises:
        ValueError: if a page has an odd width.
    """
    for path, pages in heads.items():
        if said := odd_pages(path, pages):
            raise ValueError(said)
    halved = lambda head: replace(head, width=head.width // 2)
    return {path: tuple(map(halved, pages)) for path, pages in heads.items()}


def odd_width(height: int, width: int) -> str:
    """Returns the end of the sentence on a picture that has no two halves.

    Args:
        height: in pixels.
        width: in pixels.
    """
    return (
        f"{width}x{height}, and an odd width has no two halves: leave it out, or cut the column that is too "
        "much."
    )


def halves_of(listing: Listing, own: FolderOptions, heads: Heads, form: Half) -> Source:
    """Makes a source of pairs from listed pictures that hold two each.

    Args:
        listing: the files.
        own: options of image folders.
        heads: the pages of each file, of twice the width of a half.
        form: which half is the condition.

    Raises:
        ValueError: if sizes or depths differ, or a width is odd.
    """
    return as_halves(images_of(listing, own, halved_heads(heads)), form)


def as_halves(source: Source, form: Half) -> Source:
    """Returns rows of files whose pages were halved as pairs.

    Args:
        source: images of the halved pages.
        form: which half is the condition.
    """
    parts, c = {}, {}
    for name, part in source.parts.items():
        assert isinstance(part.rows, ImageFiles)
        # one cache serves both halves of a page
        parts[name] = replace(part, rows=replace(part.rows, half=form.other))
        c[name] = replace(part.rows, half=form.side)
    return replace(source, parts=parts).given(source.space, c, _how(form), source.geometry)


def halved(source: Source, form: Half, geometry: Geometry, grey: bool) -> Source:
    """Returns pictures in memory as pairs of their halves.

    Args:
        source: images as they were, neither cut nor resized.
        form: which half is the condition.
        geometry: cropping or resizing of each half.
        grey: if True, colour becomes grey in both.

    Raises:
        ValueError: if the rows are no images, or their width is odd.
    """
    space = source.space
    if len(space.shape) != 3 or not isinstance(space, Levels | Binary | Real):
        raise no_pictures(source, form)
    channels, height, width = space.shape
    if width % 2:
        raise ValueError(f"the pictures of {source.name} are {odd_width(height, width)}")
    half = replace(space, shape=(channels, height, width // 2))
    sides = {side: replace(source, parts=_side(source, side), space=half) for side in (form.other, form.side)}
    x, c = (reshape_images(sides[side], geometry, grey) for side in (form.other, form.side))
    return x.given(c.space, {name: part.rows for name, part in c.parts.items()}, _how(form), c.geometry)


def no_pictures(source: Source, form: Half) -> Refusal:
    """Returns the error for rows that have no halves.

    Args:
        source: rows that are no pictures.
        form: the form that was asked for.
    """
    other = load_with(condition="noise")
    return Refusal(
        f"condition={form.text!r} needs pictures, whose halves are a pair, but {source.name} holds "
        f"{source.space}: load it with {other}.",
        other,
    )


def _side(source: Source, side: str) -> dict:
    found = {}
    for name, part in source.parts.items():
        assert isinstance(part.rows, Tensor)
        known = part.known
        if known is not None:
            raise ValueError(f"{source.name} has gaps, and pairs need every entry: fill them in.")
        middle = part.rows.shape[-1] // 2
        rows = part.rows[..., :middle] if side == "left" else part.rows[..., middle:]
        found[name] = replace(part, rows=rows.contiguous())
    return found


def _how(form: Half) -> str:
    return f"the {form.side} half of each picture"
