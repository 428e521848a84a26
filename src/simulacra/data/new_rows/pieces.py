"""New rows that are no table: arrays, images and recordings, read by the readers of `load_data`."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.spaces.plain import Binary, Levels
from simulacra.core.storage.plain_text import without_formula
from simulacra.data.arrays.npy import read_npz
from simulacra.data.arrays.options import ArrayOptions
from simulacra.data.images.geometry import binarize_once
from simulacra.data.new_rows.array_form import form_of
from simulacra.data.new_rows.chunk import Chunk, Mark, Origin, joined
from simulacra.data.new_rows.labelled import LabelledRows
from simulacra.data.new_rows.origins import columns, names_of, page_of, places_of
from simulacra.data.new_rows.usable import half_in, has_files, open_usable
from simulacra.data.new_rows.wanted import Wanted
from simulacra.data.pairs.forms import Half
from simulacra.data.pairs.keys import groups_in, key_of
from simulacra.data.pairs.new_rows import NewPairs, new_pairs, opened_keys, paired
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
        refused: reason by name of each file of the folder that cannot be used.
        pairs: the conditions of rows that are pairs, or None.
    """

    source: Source = field(default_factory=lambda: Source("", Binary(()), {}))
    masks: Tensor | None = None
    places: Sequence[Origin] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    pairs: NewPairs | None = None

    def whole(self, origin: Origin) -> Tensor | None:
        """Returns the page or recording that a tile or window is part of; None if it has no file."""
        return page_of(self.path, self.source, origin) if self.path.exists() else None

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yields chunks of at most `size` rows, part by part."""
        first = 0
        for name, part in self.source.parts.items():
            for start in range(0, len(part), size):
                at = range(start, min(start + size, len(part)))
                yield self._chunk(name, part, at, first)
                first += len(at)
        self.check_all_given(first)

    def _chunk(self, name: str, part: Part, at: range, first: int) -> Chunk:
        origins = self.places[first : first + len(at)]
        kept_as = without_formula if self.escape else str
        heads = [joined((str(kept_as(cell)) for cell in columns(o, self.names)), ",") for o in origins]
        heads = heads or list(map(str, range(first, first + len(at))))
        x, kept = self._read(part, at, origins, self._lacking(name, at, heads))
        rows = torch.tensor([at[i] for i in kept], dtype=torch.long)
        known = None if part.known is None else part.known[rows]
        if self.masks is not None:
            masks = self.masks if len(self.masks) == 1 else self.masks[first + torch.tensor(kept)]
            known = masks.expand(x.shape) if known is None else masks & known
        c = self.given(first + np.array(kept, dtype=np.int64))
        if self.labelled and part.labels is not None:
            c = self.classes(part.labels[rows])
        if self.pairs is not None and kept:
            c = self.pairs.conditions(name, part, rows.tolist(), x, self.source.space)
        lengths = None if part.lengths is None else part.lengths[rows]
        return Chunk(x, np.array(kept, dtype=np.int64), heads, first, c, known, lengths, origins=origins)

    def _lacking(self, name: str, at: range, heads: Sequence[str]) -> set[int]:
        """Returns the numbers of the rows of a chunk that have no condition, and counts them."""
        if self.pairs is None:
            return set()
        reasons = {i: reason for i, place in enumerate(at) if (reason := self.pairs.lacking(name, place))}
        self.unused += len(reasons)
        self.reasons |= {f"row {heads[i]}": f"{heads[i]}: {reason}" for i, reason in reasons.items()}
        return set(reasons)

    def _read(
        self, part: Part, at: range, origins: Sequence[Origin], lacking: set[int]
    ) -> tuple[Tensor, list[int]]:
        """Returns the rows that can be read, and their numbers among those of a chunk."""
        there = [i for i in range(len(at)) if i not in lacking]
        kept = [i for i in there if not origins or origins[i].file not in self.refused]
        if len(kept) < len(there):
            self._left_out(*(origins[i].file for i in there if i not in set(kept)))
        if not isinstance(part.rows, RowStore):
            return part.rows[at.start : at.stop][torch.tensor(kept, dtype=torch.long)], kept
        try:
            return part.rows.read([at[i] for i in kept]), kept
        except ValueError:
            if not origins:
                raise
        found: dict[int, Tensor] = {}
        for i in kept:
            try:
                found[i] = part.rows.read([at[i]])
            except ValueError as error:
                self.refused = {**self.refused, origins[i].file: str(error)}
                self._left_out(origins[i].file)
        return torch.cat([*found.values()]) if found else torch.empty(0), list(found)

    def _left_out(self, *files: str) -> None:
        """Counts rows of files that cannot be used, with the reasons."""
        self.unused += len(files)
        self.reasons |= {file: self.refused[file] for file in files}


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
    own = _with_sources(path, own, wanted)
    refused: Mapping[str, str] = {}
    side = ""
    pairs = new_pairs(path, own, wanted.condition, wanted.given, wanted.spec)
    if pairs is not None and pairs.key:
        source = opened_keys(path, own, pairs)
    elif path.exists() and has_files(reader, wanted):
        side = half_in(path, wanted)
        # the rows of pairs are the other half than the condition
        own_half = Half(Half(side).other) if side else None
        half = pairs.form if pairs is not None and isinstance(pairs.form, Half) else own_half
        source, refused = open_usable(path, own, wanted, half)
    else:
        source = reader.open(path if path.exists() else str(path), own, WHOLE)
    source = _as_recorded(path, source, wanted)
    if pairs is not None:
        source, pairs = paired(path, source, own, pairs, refused)
    rows = PieceRows(path, wanted=wanted, source=source, refused=refused, pairs=pairs, half=side)
    rows.places = places_of(source, wanted.spec)
    rows.names = names_of(rows.places, source)
    rows.mark = Mark(header=joined(rows.names, ","))
    rows.listed = list(dict.fromkeys(origin.file for origin in rows.places))
    asked = own.key if isinstance(own, ArrayOptions) and own.key in keys else None
    rows.form = form_of(path, asked or (keys[0] if len(keys) == 1 else None))
    rows.label_names = source.label_names
    if pairs is None:
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


def _with_sources(path: Path, own: Any, wanted: Wanted) -> Any:
    """Returns the options of an array file with the array that holds the sources of a translation."""
    name = wanted.spec.get("key")
    if not (wanted.source and isinstance(own, ArrayOptions) and path.is_file() and isinstance(name, str)):
        return own
    found = key_of(groups_in(path, own), name)
    return own if found is None else dataclasses.replace(own, key=found)


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
