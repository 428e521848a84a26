"""New images and recordings file by file: one that cannot be used is named, and the others are read.

A file that is damaged, or of another size, colour or rate than a model takes, keeps its place as one row
without an answer, so that the conditions of the rows behind it still belong to them.
"""

from __future__ import annotations

from pathlib import Path

import torch

from simulacra.core.preprocessing.images import Geometry
from simulacra.core.spaces.audio import Audio
from simulacra.data.audio.options import AudioOptions
from simulacra.data.audio.recordings import waves_of
from simulacra.data.audio.wav import Recording, read_wav
from simulacra.data.images.folders import images_of
from simulacra.data.images.headers import Head, read_heads
from simulacra.data.images.options import FolderOptions
from simulacra.data.listing import Listing, list_path
from simulacra.data.new_rows.wanted import Wanted
from simulacra.data.pairs.forms import Half
from simulacra.data.pairs.halves import as_halves, halved_heads, odd_pages
from simulacra.data.sources.reader import Reader
from simulacra.data.sources.source import Source

Refused = dict[str, str]  # reason by name of the file


def has_files(reader: Reader, wanted: Wanted) -> bool:
    """Returns True if rows come from files of images or recordings, each by itself.

    Args:
        reader: reader of the data.
        wanted: what the model takes.
    """
    if reader.holds == "images":
        return reader.whole and wanted.raw.image
    return reader.whole and reader.holds == "recordings" and isinstance(wanted.raw, Audio)


def open_usable(
    path: Path, own: FolderOptions | AudioOptions, wanted: Wanted, half: Half | None = None
) -> tuple[Source, Refused]:
    """Opens a folder of images or recordings, or one file, with the reasons of files that cannot be used.

    Args:
        path: the folder or file.
        own: options of the reader.
        wanted: what the model takes.
        half: the half of each picture that is its condition, or None.

    Raises:
        ValueError: if no file can be used.
    """
    listing = list_path(path)
    if isinstance(own, FolderOptions):
        return _images(listing, own, wanted, half)
    return _recordings(listing, own, wanted)


def _images(
    listing: Listing, own: FolderOptions, wanted: Wanted, half: Half | None
) -> tuple[Source, Refused]:
    heads, refused = _heads(listing)
    if half is not None:
        odd = {path: said for path, pages in heads.items() if (said := odd_pages(path, pages))}
        refused |= {_name(listing, path): said for path, said in odd.items()}
        heads = halved_heads({path: pages for path, pages in heads.items() if path not in odd})
    for path, pages in list(heads.items()):
        reason = next(filter(None, (_unfit(path, head, own, wanted) for head in pages)), "")
        if reason:
            refused[_name(listing, path)] = reason
            del heads[path]
    if not heads:
        raise ValueError(next(iter(refused.values())))
    source = images_of(listing, own, heads, wanted.raw.shape)
    return (source if half is None else as_halves(source, half)), refused


def _heads(listing: Listing) -> tuple[dict[Path, tuple[Head, ...]], Refused]:
    """Returns the pages of each file that is an image, and the reasons why the others are none."""
    try:
        return dict(zip(listing.paths, read_heads(listing.paths))), {}
    except ValueError:
        heads, refused = {}, {}
    for path in listing.paths:
        try:
            heads[path] = read_heads([path])[0]
        except ValueError as error:
            refused[_name(listing, path)] = str(error)
    return heads, refused


def _unfit(path: Path, head: Head, own: FolderOptions, wanted: Wanted) -> str:
    """Returns the reason why a page cannot be cut to a row of the model; empty if it can."""
    _, height, width = wanted.raw.shape
    geometry = Geometry(own.size, own.crop, own.tile)
    if geometry.side is None and (head.height, head.width) != (height, width):
        return (
            f"{path} is {head.width}x{head.height}, but the model takes {width}x{height}: leave it "
            "out or resize it."
        )
    return "" if geometry.size else misfit(path, head, wanted.raw.shape, own.grey)


def half_in(path: Path, wanted: Wanted) -> str:
    """Returns the half of each picture that is a source: where all are pairs; empty where one is not.

    Args:
        path: the folder or file.
        wanted: what the model takes, with the half that was its source in training.
    """
    if not wanted.half:
        return ""
    _, height, width = wanted.raw.shape
    heads, _ = _heads(list_path(path))
    doubled = (head.width * height == 2 * head.height * width for pages in heads.values() for head in pages)
    return wanted.half if heads and all(doubled) else ""


def misfit(path: Path, head: Head, shape: tuple[int, ...], grey: bool, smaller: bool = False) -> str:
    """Returns the reason why a page is no row of a model: too small, or in colour; empty if it can be one.

    Args:
        path: the file.
        head: the page.
        shape: shape of a row, (C, H, W).
        grey: True if colours are turned grey.
        smaller: True if a page may be smaller than a row.
    """
    channels, height, width = shape
    if not smaller and (head.height < height or head.width < width):
        return (
            f"{path} is {head.width}x{head.height}, smaller than the {width}x{height} that the model "
            "takes: leave it out or enlarge it."
        )
    if channels == 1 and head.channels == 3 and not grey:
        return (
            f"{path} has 3 channels, but the model was trained on images with 1: turn it grey, or cut "
            "it into its channels."
        )
    return ""


def _recordings(listing: Listing, own: AudioOptions, wanted: Wanted) -> tuple[Source, Refused]:
    refused: Refused = {}
    raw = wanted.raw
    assert isinstance(raw, Audio)
    exact = own.crop is None and own.tile is None

    def read(path: Path) -> Recording:
        try:
            found = read_wav(path)
            reason = unheard(path, found, raw, exact)
        except ValueError as error:
            reason = str(error)
        if not reason:
            return found
        refused[_name(listing, path)] = reason
        return Recording(str(path), raw.rate, torch.zeros(raw.dims))

    source = waves_of(listing, own, read)
    if len(refused) == len(listing.paths):
        raise ValueError(next(iter(refused.values())))
    return source, refused


def unheard(path: Path, found: Recording, raw: Audio, exact: bool = False, shorter: bool = False) -> str:
    """Returns the reason why a recording holds no row of a model; empty if it does.

    Args:
        path: the file.
        found: the recording.
        raw: the model's space.
        exact: True if it is not cut, so that it has to have the length of a row.
        shorter: True if it may be shorter than a row.
    """
    if found.rate != raw.rate:
        return (
            f"{path} has {found.rate:,} samples a second, but the model was trained on {raw.rate:,}: "
            "convert it to that rate."
        )
    if not len(found):
        return f"{path} has no samples: leave it out."
    if len(found) < raw.dims and not shorter:
        return (
            f"{path} has {len(found):,} samples, fewer than the {raw.dims:,} that the model takes: leave it "
            "out."
        )
    if exact and len(found) > raw.dims:
        return f"{path} has {len(found):,} samples, but the model takes {raw.dims:,}: cut it to that length."
    return ""


def _name(listing: Listing, path: Path) -> str:
    return path.relative_to(listing.folder).as_posix()
