"""Makes a source of a folder of images: headers are read at once, pixels on demand."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from simulacra.core.preprocessing.images import Geometry
from simulacra.core.spaces.plain import Levels
from simulacra.data.images.depth import levels_of, suggest_levels
from simulacra.data.images.files import ImageFiles
from simulacra.data.images.geometry import applied, check_sizes
from simulacra.data.images.headers import Head, read_heads
from simulacra.data.images.options import FolderOptions
from simulacra.data.images.summary import sentence
from simulacra.data.listing import check_two_files, list_folder
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
    geometry, grey, levels = Geometry(own.size, own.crop, own.tile), own.grey, own.levels
    heads = dict(zip(listing.paths, read_heads(listing.paths)))
    check_sizes(geometry, heads)
    kept = levels_of(heads, levels)
    # resizing averages black and white pixels to grey
    kept = 256 if kept == 2 and levels is None and geometry.size else kept
    space = Levels(_shape(heads, geometry, grey), kept)
    log.info("%s", sentence(heads, geometry, listing.said_left_out, kept))
    parts = {}
    for name, files in listing.files.items():
        labels = listing.labels.get(name)
        part = _part(name, {path: heads[path] for path in files}, labels, geometry, space)
        assert isinstance(part.rows, ImageFiles)
        parts[name] = replace(part, sides=path_sides(part.rows.origins(), folder, listing.below[name]))
    was_colour = any(head.channels == 3 for pages in heads.values() for head in pages)
    done = applied(geometry, grey and was_colour)
    check_two_files(folder, parts, split, "image")
    cut = geometry if geometry.side else None
    highest = [part.rows.cache.highest for part in parts.values() if isinstance(part.rows, ImageFiles)]
    rows = sum(map(len, parts.values()))
    remark = None if levels else partial(suggest_levels, space.levels, rows, highest)
    name = folder.resolve().name
    return Source(name, space, parts, listing.label_names, done, geometry=cut, remark=remark)


def _part(
    name: str,
    heads: dict[Path, tuple[Head, ...]],
    labels: Tensor | None,
    geometry: Geometry,
    space: Levels,
) -> Part:
    """Returns the rows of one official part: every place of every page, with the label of its file."""
    places = torch.tensor(
        [
            (file, head.page, top, left)
            for file, pages in enumerate(heads.values())
            for head in pages
            for top, left in geometry.places(head.height, head.width)
        ]
    )
    channels, height, width = space.shape
    largest = max(head.width * head.height for pages in heads.values() for head in pages)
    rows = ImageFiles(
        tuple(heads),
        (channels, height, width),
        geometry,
        space.levels,
        places,
        part=name,
        page_pixels=largest,
    )
    return Part(rows, None if labels is None else labels[places[:, 0]])


def _shape(heads: dict[Path, tuple[Head, ...]], geometry: Geometry, grey: bool) -> tuple[int, int, int]:
    every = [head for pages in heads.values() for head in pages]
    channels = 1 if grey or all(head.channels == 1 for head in every) else 3
    return channels, *(geometry.side or (every[0].height, every[0].width))
