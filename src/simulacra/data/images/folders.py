"""A folder of images as a source: their heads are read, their pixels when rows are asked for."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from simulacra.core.pixels import Geometry
from simulacra.core.space import Levels
from simulacra.data.images.depth import levels_of
from simulacra.data.images.files import ImageFiles
from simulacra.data.images.geometry import applied, check_sizes
from simulacra.data.images.headers import Head, read_heads
from simulacra.data.images.summary import sentence
from simulacra.data.listing import Listing
from simulacra.data.source import Part, Source
from simulacra.data.splits.keys import path_sides

log = logging.getLogger("simulacra")


def open_images(
    listing: Listing, geometry: Geometry, grey: bool = False, levels: int | None = None
) -> Source:
    """The source in a folder of images; no pixel is read yet.

    Args:
        listing: of the folder.
        geometry: how rows are taken from images; without any all must have one size.
        grey: turn colour images grey.
        levels: that are in use, or None: as many as the files can hold.

    Raises:
        ValueError: if sizes or depths differ, or a file is damaged.
    """
    folder = listing.folder
    heads = dict(zip(listing.paths, read_heads(listing.paths)))
    check_sizes(geometry, heads)
    kept = levels_of(heads, levels)
    # the mean of black and white pixels is grey
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
    return Source(folder.resolve().name, space, parts, listing.label_names, done)


def _part(
    name: str,
    heads: dict[Path, tuple[Head, ...]],
    labels: Tensor | None,
    geometry: Geometry,
    space: Levels,
) -> Part:
    """The rows of one official part: every place of every page, with the label of its file."""
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
