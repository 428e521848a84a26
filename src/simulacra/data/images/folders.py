"""Makes a source of a folder of images or of a single one: headers are read at once, pixels on demand."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.preprocessing.images import Geometry
from simulacra.core.spaces.plain import Levels
from simulacra.data.images.depth import levels_of, suggest_levels
from simulacra.data.images.files import ImageFiles
from simulacra.data.images.geometry import applied, check_sizes, suggested_tile
from simulacra.data.images.headers import Head, read_heads
from simulacra.data.images.options import FolderOptions
from simulacra.data.images.summary import sentence
from simulacra.data.listing import Listing, check_two_files, list_file, list_folder
from simulacra.data.sources.source import Part, Source
from simulacra.data.splits.keys import path_sides
from simulacra.data.splits.options import SplitOptions

log = logging.getLogger("simulacra")


def open_images(folder: Path, own: FolderOptions, split: SplitOptions) -> Source:
    """Makes a source of a folder of images without reading pixels.

    Args:
        folder: class subfolders are labels; train, valid and test subfolders are parts.
        own: options of image folders.
        split: options of the splits.

    Raises:
        ValueError: if sizes or depths differ, a file is damaged, or a single file is to be split.
    """
    listing = list_folder(folder)
    heads = dict(zip(listing.paths, read_heads(listing.paths)))
    source = images_of(listing, own, heads)
    check_two_files(folder, source.parts, split, "image")
    return replace(source, name=folder.resolve().name)


def open_image(path: Path, own: FolderOptions, split: SplitOptions) -> Source:
    """Makes a source of a single image file: its pages, or its tiles.

    Args:
        path: the file.
        own: options of image folders.
        split: options of the splits.

    Raises:
        ValueError: if the file is damaged, or is to be split.
    """
    heads = {path: read_heads([path])[0]}
    tile = suggested_tile(heads[path], across=2)
    many = len(Geometry(tile=tile).places(heads[path][0].height, heads[path][0].width))
    splits = (split.validation or split.test) and not split.keys
    whole = own.tile is own.size is own.crop is None and len(heads[path]) == 1
    if whole and splits and many > 1:
        tiles = load_with(tile=tile, validation=0, test=0)
        raise Refusal(
            f"{path} is a single image, and so a single row of data: give a folder of images, or load it "
            f"with {tiles} for {many:,} tiles of it.",
            tiles,
        )
    source = images_of(list_file(path), own, heads)
    check_two_files(path, source.parts, split, "image")
    return source


def images_of(
    listing: Listing,
    own: FolderOptions,
    heads: Mapping[Path, Sequence[Head]],
    shape: tuple[int, ...] | None = None,
) -> Source:
    """Makes a source of listed images.

    Args:
        listing: the files.
        own: options of image folders.
        heads: the pages of each file; a file without pages gets one row, which cannot be read.
        shape: shape of the rows that a model takes, (C, H, W); None: that of the images.

    Raises:
        ValueError: if sizes or depths differ.
    """
    geometry, grey, levels = Geometry(own.size, own.crop, own.tile), own.grey, own.levels
    check_sizes(geometry, heads)
    kept = levels_of(heads, levels)
    # resizing averages black and white pixels to grey
    kept = 256 if kept == 2 and levels is None and geometry.size else kept
    space = Levels(shape or _shape(heads, geometry, grey), kept)
    log.info("%s", sentence(heads, geometry, listing.said_left_out, kept))
    parts = {}
    for name, files in listing.files.items():
        labels = listing.labels.get(name)
        part = _part(name, files, heads, labels, geometry, space)
        assert isinstance(part.rows, ImageFiles)
        sides = path_sides(part.rows.origins(), listing.folder, listing.below[name])
        parts[name] = replace(part, sides=sides)
    was_colour = any(head.channels == 3 for pages in heads.values() for head in pages)
    done = applied(geometry, grey and was_colour)
    cut = geometry if geometry.side else None
    highest = [part.rows.cache.highest for part in parts.values() if isinstance(part.rows, ImageFiles)]
    rows = sum(map(len, parts.values()))
    remark = None if levels else partial(suggest_levels, space.levels, rows, highest)
    name = listing.paths[0].stem
    return Source(name, space, parts, listing.label_names, done, geometry=cut, remark=remark)


def _part(
    name: str,
    files: Sequence[Path],
    heads: Mapping[Path, Sequence[Head]],
    labels: Tensor | None,
    geometry: Geometry,
    space: Levels,
) -> Part:
    """Returns the rows of one official part: every place of every page, with the label of its file."""
    places = torch.tensor(
        [(file, *place) for file, path in enumerate(files) for place in _places(heads.get(path), geometry)]
    )
    channels, height, width = space.shape
    pages = [head for path in files for head in heads.get(path, ())]
    largest = max((head.width * head.height for head in pages), default=1)
    rows = ImageFiles(
        tuple(files),
        (channels, height, width),
        geometry,
        space.levels,
        places,
        part=name,
        page_pixels=largest,
    )
    return Part(rows, None if labels is None else labels[places[:, 0]])


def _places(pages: Sequence[Head] | None, geometry: Geometry) -> list[tuple[int, int, int]]:
    """Returns page, top and left of each row of a file; one row for a file without pages."""
    if pages is None:
        return [(0, 0, 0)]
    return [(head.page, *place) for head in pages for place in geometry.places(head.height, head.width)]


def _shape(heads: Mapping[Path, Sequence[Head]], geometry: Geometry, grey: bool) -> tuple[int, int, int]:
    every = [head for pages in heads.values() for head in pages]
    channels = 1 if grey or all(head.channels == 1 for head in every) else 3
    return channels, *(geometry.side or (every[0].height, every[0].width))
