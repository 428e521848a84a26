"""The places of rows in the files of a folder: tiles of pages, windows of recordings, and whole ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from simulacra.core.spaces.audio import Audio
from simulacra.data.audio.wav import read_wav
from simulacra.data.audio.windows import Window
from simulacra.data.images.binarize import static_bits
from simulacra.data.images.files import ImageFiles, half_of
from simulacra.data.images.frames import quietly
from simulacra.data.new_rows.chunk import Origin
from simulacra.data.sources.source import Part, Source

PAGE, TILE, WINDOW = ("page",), ("top", "left"), ("start",)  # columns beside `file`


def places_of(source: Source, spec: Mapping[str, Any]) -> list[Origin]:
    """Returns the place of each row of all parts; [] where rows have no files.

    Args:
        source: the data as their reader found them.
        spec: options of `load_data` that the run recorded, for windows of recordings.
    """
    parts = source.parts.values()
    if not all("file" in part.sides for part in parts):
        return []
    return [origin for part in parts for origin in _of_part(part, source, spec)]


def _of_part(part: Part, source: Source, spec: Mapping[str, Any]) -> list[Origin]:
    files = part.sides["file"].tolist()
    if isinstance(part.rows, ImageFiles):
        tiles = bool(part.rows.geometry.tile)
        places = part.rows._places[:, 1:].tolist()
        return [Origin(file, page, tuple(at), tiles) for file, (page, *at) in zip(files, places)]
    window = Window(tile=spec.get("tile")) if isinstance(source.space, Audio) else Window()
    counts: dict[str, int] = {}
    found = []
    for file in files:
        i = counts[file] = counts.get(file, -1) + 1
        found.append(Origin(file, 0 if window.tile else i, (i * (window.tile or 0),), bool(window.tile)))
    return found


def names_of(places: Sequence[Origin], source: Source) -> list[str]:
    """Returns the names of the columns that say where a row is from.

    Tiles have a page, a top and a left, windows a start, and rows of files with several pages a page.

    Args:
        places: place of each row; [] where rows have no files.
        source: the data as their reader found them.
    """
    if not places:
        return ["row"]
    if places[0].part:
        return ["file", *(WINDOW if isinstance(source.space, Audio) else (*PAGE, *TILE))]
    return ["file", *(PAGE if any(origin.page for origin in places) else ())]


def columns(origin: Origin, names: Sequence[str]) -> list[str | int]:
    """Returns the cells of a row under such names.

    Args:
        origin: place of the row.
        names: names of the columns.

    Example:
        >>> columns(Origin("a.tif", 1, (0, 16), True), ["file", "page", "top", "left"])
        ['a.tif', 1, 0, 16]
    """
    cells: dict[str, str | int] = {"file": origin.file, "page": origin.page}
    cells |= dict(zip(TILE if len(origin.at) == 2 else WINDOW, origin.at))
    return [cells[name] for name in names]


def page_of(path: Path, source: Source, origin: Origin) -> Tensor:
    """Returns a whole page or recording, with the values that rows of the source have.

    Args:
        path: the folder or file of the data.
        source: the data as their reader found them.
        origin: place of one of its rows.
    """
    file = path if path.is_file() else path / origin.file
    if isinstance(source.space, Audio):
        return read_wav(file).x.clone()
    for part in source.parts.values():
        rows = part.rows
        if isinstance(rows, ImageFiles) and origin.file in part.sides["file"]:
            with quietly():
                pixels = half_of(rows.cache.page(file, rows.shape[0], origin.page, rows.levels), rows.half)
            page = torch.from_numpy(pixels.astype("int32"))
            return page if rows.bits is None else static_bits(page[None], rows.bits, rows.part, range(1))[0]
    raise AssertionError(origin)
