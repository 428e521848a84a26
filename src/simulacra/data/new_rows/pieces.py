"""New rows that are no table: arrays, images and recordings, read by the readers of `load_data`."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.spaces.plain import Binary, Levels
from simulacra.data.arrays.npy import read_npz
from simulacra.data.arrays.options import ArrayOptions
from simulacra.data.images.geometry import binarize_once
from simulacra.data.new_rows.array_form import form_of
from simulacra.data.new_rows.chunk import Chunk, Mark, Origin, joined
from simulacra.data.new_rows.labelled import LabelledRows
from simulacra.data.new_rows.origins import columns, names_of, page_of, places_of
from simulacra.data.new_rows.wanted import Wanted
from simulacra.data.row_store import RowStore
from simulacra.data.sources.reader import Reader
from simulacra.data.sources.source import Part, Source
from simulacra.data.splits.options import SplitOptions

KNOWN = "known"  # array of a .npz file: True where an entry is observed
WHOLE = SplitOptions(validation=0, test=0)


@dataclass
class PieceRows(LabelledRows):
    """Rows of an array file, of a folder of images or recordings, or of data with a name.

    Args:
        source: the data as their reader found them.
        masks: mask of known entries of all parts, from the file, shape (N, *), or (1, *) for all rows.
        places: place of each row of all parts in the files of a folder; [] for rows of one file.
    """

    source: Source = field(default_factory=lambda: Source("", Binary(()), {}))
    masks: Tensor | None = None
    places: Sequence[Origin] = ()

    def whole(self, origin: Origin) -> Tensor | None:
        """Returns the page or recording that a tile or window is part of; None if it has no file."""
        return page_of(self.path, self.source, origin) if self.path.exists() else None

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yields chunks of at most `size` rows, part by part."""
        first = 0
        for part in self.source.parts.values():
            for start in range(0, len(part), size):
                at = range(start, min(start + size, len(part)))
                yield self._chunk(part, at, first)
                first += len(at)
        self.check_all_given(first)

    def _chunk(self, part: Part, at: range, first: int) -> Chunk:
        cut = slice(at.start, at.stop)
        x = part.rows.read(at) if isinstance(part.rows, RowStore) else part.rows[cut]
        known = None if part.known is None else part.known[cut]
        if self.masks is not None:
            masks = self.masks if len(self.masks) == 1 else self.masks[first : first + len(at)]
            known = masks.expand(x.shape) if known is None else masks & known
        origins = self.places[first : first + len(at)]
        heads = [joined(map(str, columns(origin, self.names)), ",") for origin in origins]
        heads = heads or list(map(str, range(first, first + len(at))))
        c = self.given(np.arange(first, first + len(at)))
        if self.labelled and part.labels is not None:
            c = self.classes(part.labels[cut])
        lengths = None if part.lengths is None else part.lengths[cut]
        return Chunk(x, np.arange(len(at)), heads, first, c, known, lengths, origins=origins)


def open_pieces(path: Path, reader: Reader, wanted: Wanted) -> PieceRows:
    """Opens arrays, images or recordings with rows for a model.

    Args:
        path: the file or folder, or the name of a data set.
        reader: its reader.
        wanted: what the model takes.

    Raises:
        ValueError: if the data are damaged, or need a condition that is not there.
    """
    keys = _keys(path)
    own, label = _options(reader, wanted, keys)
    source = _as_recorded(path, reader.open(path if path.exists() else str(path), own, WHOLE), wanted)
    rows = PieceRows(path, wanted=wanted, source=source)
    rows.places = places_of(source, wanted.spec)
    rows.names = names_of(rows.places, source)
    rows.mark = Mark(header=joined(rows.names, ","))
    rows.listed = list(dict.fromkeys(origin.file for origin in rows.places))
    asked = own.key if isinstance(own, ArrayOptions) else None
    rows.form = form_of(path, asked or (keys[0] if len(keys) == 1 else None))
    rows.label_names = source.label_names
    rows.settle_condition(label)
    if KNOWN in keys:
        mask = read_npz(path, KNOWN.__eq__)[KNOWN]
        rows.masks = torch.from_numpy(mask.astype(bool) if rows.form is None else rows.form.mask(mask))
    return rows


def _keys(path: Path) -> list[str]:
    """Returns the names of the arrays in a .npz file; [] for other files."""
    if path.suffix.lower() != ".npz" or not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def _options(reader: Reader, wanted: Wanted, keys: list[str]) -> tuple[Any, str | None]:
    """Returns the reader's options as the run recorded them, and the key of the conditions or None."""
    taken = {option.name for option in dataclasses.fields(reader.options)}
    given = {name: value for name, value in wanted.spec.items() if name in taken and value is not None}
    label = given.pop("label", None)
    key = wanted.given if wanted.given in keys else label if label in keys else None
    if key is not None and wanted.condition is not None:
        given["label"] = key
    if "key" in taken and len(keys) > 1:
        given.setdefault("key", next((name for name in ("x", *keys) if name in keys and name != KNOWN), None))
    if given.get("key") not in keys:
        given.pop("key", None)
    if isinstance(wanted.raw, Levels) and "levels" in taken:
        given["levels"] = wanted.raw.levels
    if wanted.geometry is not None and wanted.raw.image:
        sides = dataclasses.asdict(wanted.geometry)
        given |= {name: side for name, side in sides.items() if side is not None and name in taken}
    if wanted.lenient and "missing" in taken:
        given["missing"] = "mask"
    return reader.options(**given), key


def _as_recorded(path: Path, source: Source, wanted: Wanted) -> Source:
    """Returns the rows as 0 and 1 where the run made its own rows so from levels."""
    scheme = wanted.spec.get("binarize")
    if not isinstance(wanted.raw, Binary) or not isinstance(source.space, Levels):
        return source
    if scheme not in ("threshold", "static") or source.space.levels == 2:
        return source
    if not any(isinstance(part.rows, RowStore) for part in source.parts.values()):
        raise ValueError(
            f"{path} holds {source.space}, but the model was trained on 0 and 1 (binarize={scheme!r}): give "
            "rows of 0 and 1, or a folder of images."
        )
    return binarize_once(source, scheme, wanted.spec.get("threshold", 0.5), wanted.spec.get("seed", 0))
