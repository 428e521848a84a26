"""What `load_data` makes of a name or a path: kind, space, columns, gaps, labels, copies and splits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.composite import Fields
from simulacra.core.intake import is_table
from simulacra.core.space import Binary, Categorical, Ordinal, Space
from simulacra.data import listing
from simulacra.data.arrays.files import read_npz
from simulacra.data.arrays.matlab import read_mat
from simulacra.data.audio.recordings import recordings_of
from simulacra.data.audio.wav import Recording
from simulacra.data.audio.windows import Window, sentence, suggested
from simulacra.data.catalog import names
from simulacra.data.dataset import Dataset, Split
from simulacra.data.images.headers import read_heads
from simulacra.data.images.summary import describe_images
from simulacra.data.leaks.search import copies_within, find_leaks
from simulacra.data.listing import SPLITS, list_folder
from simulacra.data.load import load_data
from simulacra.data.opening import ARRAYS, holds_music, open_source
from simulacra.data.stream import StreamedSplit
from simulacra.data.tables.kinds import NoClasses

FOLDER, ARRAY, TABLE, FRAME = "a folder of images", "an array file", "a table", "a data frame"
WAVES, WAVE, MUSIC = "a folder of recordings", "a recording", "a file of music"
LOOKED_AT = 256  # rows of each split whose values are looked at where they are not in memory
LARGEST = 64  # pixels of a side, where images are made one size
WHOLE = 2**16  # pixels of an image that is described as it is; of photos no model would fit
GEOMETRY = ("size", "crop", "tile")
SHOWN = 6  # classes that are named one by one
GROUPS = {"id", "patient", "subject", "slide", "group", "speaker", "person", "session", "site"}
Row = tuple[str, str, str, str]


@dataclass(frozen=True)
class Inspection:
    """What is in a data set.

    Args:
        data: as `load_data` gives it.
        facts: what is said of it, by name.
        added: options of `load_data` without which it refuses these data.
        columns: name, type, values and missing entries of each column; empty unless it is a table.
    """

    data: Dataset
    facts: Mapping[str, str]
    added: Mapping[str, Any]
    columns: tuple[Row, ...] = ()


def inspect_data(name_or_path: Any, **options: Any) -> Inspection:
    """Load data and describe them: missing entries are counted, and images of many sizes resized.

    Args:
        name_or_path: as for `load_data`.
        options: those of `load_data`.

    Raises:
        ValueError: as `load_data`.

    Example:
        >>> found = inspect_data("digits")
        >>> found.facts["values"], found.facts["splits"]
        ('0 to 16', '1,437 train, 180 valid, 180 test')
    """
    kind = _kind(name_or_path)
    recordings = [] if kind == FRAME else recordings_of(name_or_path)
    added = _added(name_or_path, kind, options) | _window(recordings, kind, options)
    data = load_data(name_or_path, **options, **added)
    raw = data.preprocessing.raw
    kept = {name: _looked_at(split) for name, split in data.splits.items()}
    beside = dict(open_source(name_or_path, data.spec).parts["train"].sides) if kind == ARRAY else {}
    facts = {"data": f"{data.name}, {kind}"}
    if kind == FOLDER:
        geometry = {name: (options | added).get(name) for name in GEOMETRY}
        facts["images"] = describe_images(name_or_path, **geometry)
    if recordings:
        cut = options | added
        facts["recordings"] = sentence(recordings, Window(cut.get("crop"), cut.get("tile")))
    facts |= _about_rows(data, kept)
    if beside:
        facts["beside"] = f"{', '.join(beside)}: one value a row, for label=, groups=, stratify= or time="
    within = sum(copies_within(split) for split in data.splits.values())
    facts["copies"] = f"{within:,} within splits; {find_leaks(data)}"
    facts["splits"] = ", ".join(f"{len(split):,} {name}" for name, split in data.splits.items())
    suggested = None if options.get("groups") else _grouping(kind, data, beside)
    facts |= {"groups": suggested} if suggested else {}
    if facts["gaps"] == "none":
        added.pop("missing", None)
    return Inspection(data, facts, added, _columns(raw, kept) if isinstance(raw, Fields) else ())


def _added(given: Any, kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options without which the data may be refused, where the user gave none."""
    added: dict[str, Any] = {}
    if kind in (TABLE, FRAME, ARRAY) and "missing" not in options:
        added["missing"] = "mask"
    if kind in (TABLE, FRAME) and not options.get("types"):
        dropped = _no_classes(given, {**options, **added})
        added |= {"types": dropped} if dropped else {}
    if kind == FOLDER and not any(options.get(name) for name in GEOMETRY):
        added |= _one_size(Path(given).expanduser())
    if kind == ARRAY and not options.get("key"):
        added |= _one_array(Path(given).expanduser(), {str(option) for option in options.values()})
    return added


def _no_classes(given: Any, options: Mapping[str, Any]) -> dict[str, str]:
    """Columns of names or dates, which no model takes, declared `drop`."""
    dropped: dict[str, str] = {}
    while True:
        try:
            load_data(given, **{**options, "types": dropped})
        except NoClasses as error:
            dropped[error.column] = "drop"
        else:
            return dropped


def _about_rows(data: Dataset, kept: Mapping[str, tuple[Tensor, Tensor | None]]) -> dict[str, str]:
    """Space, values, gaps and labels."""
    raw = data.preprocessing.raw
    facts = {"space": f"{len(raw.fields)} columns" if isinstance(raw, Fields) else str(raw)}
    if data.space != raw:
        facts["for models"] = str(data.space)
    if not isinstance(raw, Fields):
        facts["values"] = _range(torch.cat([_known(*rows) for rows in kept.values()]))
    counts = [split.lengths for split in data.splits.values() if split.lengths is not None]
    if counts:
        steps = torch.cat(counts)
        facts["steps"] = f"{int(steps.min()):,} to {int(steps.max()):,} a row, {int(steps.sum()):,} in all"
    return facts | {"gaps": _gaps(kept), "labels": _labels(data)}


def _kind(given: Any) -> str:
    if is_table(given):
        return FRAME
    if isinstance(given, str) and given in names.names():
        return names.find(given).description
    path = Path(given).expanduser()
    if path.is_dir():
        return WAVES if list_folder(path).waves else FOLDER
    if path.suffix.lower() in listing.WAVES:
        return WAVE
    if holds_music(path):
        return MUSIC
    return ARRAY if path.suffix.lower() in ARRAYS else TABLE


def _window(recordings: Sequence[Recording], kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that make rows of recordings of many lengths, and splits of a single one."""
    added: dict[str, Any] = {}
    if len({len(r) for r in recordings}) > 1 or kind == WAVE:
        added = {} if options.get("crop") or options.get("tile") else {"tile": suggested(recordings)}
    shares = [options.get(name, 0.1) for name in ("validation", "test")]
    if kind == WAVE and any(shares) and not any(options.get(name) for name in ("groups", "time", "splits")):
        added["time"] = "start"
    return added


def _one_size(folder: Path) -> dict[str, int]:
    """The option that makes one size of many, or a small one of a large one."""
    pages = [page for pages in read_heads(list_folder(folder).paths) for page in pages]
    if len({(page.height, page.width) for page in pages}) == 1 and pages[0].height * pages[0].width <= WHOLE:
        return {}
    return {"size": min(LARGEST, *(min(page.height, page.width) for page in pages))}


def _one_array(path: Path, named: set[str]) -> dict[str, str]:
    """The option that takes the observations, if several arrays are there and one only has many columns.

    Args:
        named: arrays that are labels, groups and the like.
    """
    if path.suffix.lower() == ".npy" or not path.is_file():
        return {}
    arrays = read_npz(path) if path.suffix.lower() == ".npz" else read_mat(path)
    wide = [name for name, a in arrays.items() if sum(n > 1 for n in a.shape) > 1 and name not in named]
    return {"key": wide[0]} if len(arrays) > 1 and len(wide) == 1 else {}


def _looked_at(split: Split) -> tuple[Tensor, Tensor | None]:
    """Raw rows and what is known of them: all, or some where they are on disk."""
    if isinstance(split, StreamedSplit):
        return split.files.sample(LOOKED_AT), None
    return split.x, split.known


def _known(x: Tensor, known: Tensor | None) -> Tensor:
    return x.flatten() if known is None else x[known]


def _range(values: Tensor) -> str:
    if not len(values):
        return "none"
    return f"{_number(values.min().item())} to {_number(values.max().item())}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e9 else f"{value:.4g}"


def _gaps(kept: Mapping[str, tuple[Tensor, Tensor | None]]) -> str:
    masks = [known.flatten(1) for _, known in kept.values() if known is not None]
    entries = sum(int((~known).sum()) for known in masks)
    if not entries:
        return "none"
    rows, total = sum(int((~known).any(1).sum()) for known in masks), sum(known.numel() for known in masks)
    return f"{entries:,} of {total:,} entries, in {rows:,} rows"


def _labels(data: Dataset) -> str:
    given = [split.labels for split in data.splits.values() if split.labels is not None]
    if not given:
        return "none"
    counts = torch.bincount(torch.cat(given), minlength=len(data.label_names)).tolist()
    if len(counts) > 2 * SHOWN:
        most = f" to {max(counts):,}" if max(counts) > min(counts) else ""
        return f"{len(counts)} classes of {min(counts):,}{most} rows"
    return ", ".join(f"{name} ({count:,})" for name, count in zip(data.label_names, counts))


def _columns(space: Fields, kept: Mapping[str, tuple[Tensor, Tensor | None]]) -> tuple[Row, ...]:
    """A line for each column."""
    x = torch.cat([x for x, _ in kept.values()])
    known = torch.cat([torch.ones_like(x, dtype=torch.bool) if k is None else k for x, k in kept.values()])
    rows = []
    for j, (name, field) in enumerate(space.fields):
        missing = int((~known[:, j]).sum())
        rows.append((name, type(field).__name__.lower(), _values(field, x[known[:, j], j]), f"{missing:,}"))
    return tuple(rows)


def _values(field: Space, values: Tensor) -> str:
    if isinstance(field, Binary):
        return "0, 1"
    if not isinstance(field, (Categorical, Ordinal)):
        return _range(values)
    more = f", ... ({len(field.names)})" if len(field.names) > SHOWN else ""
    return ", ".join(field.names[:SHOWN]) + more


def _grouping(kind: str, data: Dataset, beside: Mapping[str, np.ndarray]) -> str | None:
    """What rows could be kept together by, if folders or names suggest it.

    Args:
        beside: arrays with one value a row.
    """
    if kind in (FOLDER, WAVES):
        rows = data.train.source_rows
        assert rows is not None and rows.files is not None
        files = [str(file).split("/") for file in rows.files]
        # the folder of an official part, and that of a class
        plain = files[0][0].lower() in SPLITS["train"], bool(data.label_names)
        deep = any(len(parts) - 1 > sum(plain) for parts in files)
        what = "recordings" if kind == WAVES else "images"
        return f"folders may say whose {what} these are: load them with groups='folder'" if deep else None
    raw = data.preprocessing.raw
    values = dict(beside)
    if isinstance(raw, Fields):
        values = {name: data.train.x[:, j].numpy() for j, (name, _) in enumerate(raw.fields)}
    # a number of its own for each row makes no groups
    named = [name for name, x in values.items() if _is_group(name) and len(np.unique(x)) < len(x)]
    return f"{named[0]} may say whose rows these are: load them with groups='{named[0]}'" if named else None


def _is_group(name: str) -> bool:
    return bool(set(re.split(r"[^a-z]+", name.lower())) & GROUPS)
