"""Pairs of files: images or recordings of one folder, and those of the same names in another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from simulacra.core.errors.suggestion import Refusal
from simulacra.core.preprocessing.images import Geometry, option
from simulacra.core.spaces.audio import Audio
from simulacra.data.audio.options import AudioOptions
from simulacra.data.audio.recordings import waves_of
from simulacra.data.audio.wav import Recording, read_wav
from simulacra.data.images.files import ImageFiles
from simulacra.data.images.folders import images_of
from simulacra.data.images.headers import Head, read_heads
from simulacra.data.images.options import FolderOptions
from simulacra.data.listing import Listing
from simulacra.data.pairs.forms import OtherFolder
from simulacra.data.pairs.names import partners
from simulacra.data.sources.source import Source

Heads = Mapping[Path, Sequence[Head]]
EIGHT_BITS = 256


def with_images(
    source: Source, listing: Listing, own: FolderOptions, heads: Heads, form: OtherFolder
) -> Source:
    """Returns images as pairs with the images of another folder.

    Args:
        source: the images x.
        listing: their files.
        own: options with which they were read; sizes, crops, tiles and `grey` act on both folders.
        heads: the pages of each file; files that cannot be used have none.
        form: the other folder.

    Raises:
        ValueError: if a file has no partner, or the sizes of a pair do not match.
    """
    others = partners(listing, form.path)
    paths = dict(zip(listing.paths, others.paths))
    usable = [path for path in listing.paths if path in heads]
    theirs = dict(zip([paths[path] for path in usable], read_heads(paths[path] for path in usable)))
    geometry = Geometry(own.size, own.crop, own.tile)
    for path in usable:
        _check_pages(path, heads[path], paths[path], theirs[paths[path]], geometry)
    deep = all(head.levels > EIGHT_BITS for pages in theirs.values() for head in pages)
    given = images_of(others, own if deep else replace(own, levels=None), theirs)
    c = {}
    for name, part in source.parts.items():
        rows, found = part.rows, given.parts[name].rows
        assert isinstance(rows, ImageFiles) and isinstance(found, ImageFiles)
        if len(rows) != len(found):
            raise ValueError(
                f"{form.path} gives {len(found):,} rows for {len(rows):,}: give files of one size."
            )
        c[name] = found
    return source.given(
        given.space, c, f"the file of the same name in {form.path.resolve().name}", given.geometry
    )


def _check_pages(
    path: Path, pages: Sequence[Head], other: Path, theirs: Sequence[Head], geometry: Geometry
) -> None:
    """Raises ValueError if the pages of two files are no pairs."""
    if len(pages) != len(theirs):
        raise ValueError(
            f"{path} has {len(pages)} pages, but {other} has {len(theirs)}: give a pair as many pages."
        )
    for head, found in zip(pages, theirs):
        same = (head.height, head.width) == (found.height, found.width)
        if same or geometry.size or (geometry.side is None and _whole_ratio(head, found)):
            continue
        least = min(head.height, found.height), min(head.width, found.width)
        one = option("size", *([min(least)] * 2))
        raise Refusal(
            f"{path} is {head.width}x{head.height}, but its partner {other} is {found.width}x{found.height}: "
            f"to resize both load the data with {one}.",
            one,
        )


def _whole_ratio(one: Head, other: Head) -> bool:
    """Returns True if one page is a whole number of times as large as the other along both sides."""
    for a, b in ((one, other), (other, one)):
        if not a.height % b.height and not a.width % b.width and a.height // b.height == a.width // b.width:
            return True
    return False


def with_recordings(
    source: Source,
    listing: Listing,
    own: AudioOptions,
    form: OtherFolder,
    lengths: Mapping[Path, int],
    refused: Sequence[Path] = (),
) -> Source:
    """Returns recordings as pairs with those of another folder.

    Args:
        source: the recordings x.
        listing: their files.
        own: options with which they were read; windows act on both folders.
        form: the other folder.
        lengths: samples of each recording of x.
        refused: recordings of x that cannot be used, whose partners are not looked at.

    Raises:
        ValueError: if a file has no partner, or a pair differs in rate or length.
    """
    others = partners(listing, form.path)
    of = dict(zip(others.paths, listing.paths))
    assert isinstance(source.space, Audio)
    rate = source.space.rate

    def read(path: Path) -> Recording:
        found, mine = read_wav(path), of[path]
        if mine in refused:
            return replace(found, x=found.x.new_zeros(lengths[mine]), rate=rate)
        if found.rate != rate or len(found) != lengths[mine]:
            raise ValueError(
                f"{mine} has {lengths[mine]:,} samples at {rate:,} Hz, but its partner {path} has "
                f"{len(found):,} at {found.rate:,} Hz: give both the same length and rate."
            )
        return found

    given = waves_of(others, own, read)
    c = {name: given.parts[name].rows for name in source.parts}
    return source.given(given.space, c, f"the file of the same name in {form.path.resolve().name}")
