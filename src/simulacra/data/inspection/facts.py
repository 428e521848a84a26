"""Describes a data set: kind, space, columns, missing entries, labels, duplicates and splits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Space
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.arrays.options import ArrayOptions
from simulacra.data.audio.recordings import recordings_of
from simulacra.data.audio.windows import Window, sentence
from simulacra.data.catalog import names
from simulacra.data.dataset import Dataset
from simulacra.data.images.headers import Head, read_heads
from simulacra.data.images.summary import describe_images
from simulacra.data.inspection.conditions import about_condition
from simulacra.data.inspection.needs import GEOMETRY, needed
from simulacra.data.inspection.sample import sampled
from simulacra.data.inspection.values import constant, number_range
from simulacra.data.leaks.search import copies_within, find_leaks
from simulacra.data.listing import SPLITS, list_path
from simulacra.data.load import load_data, read
from simulacra.data.pairs.proposing import Proposal, proposal
from simulacra.data.readers import find_reader
from simulacra.data.sources.reader import Reader
from simulacra.data.sources.stream import StreamedSplit
from simulacra.data.splits.options import SplitOptions
from simulacra.data.tables.kinds import NoClasses
from simulacra.data.text.detection import text_options

ORDER = (
    "read as",
    "tokens",
    "vocabulary",
    "header",
    "left out",
    "columns left out",
    "missing",
    "classes",
)  # order of notes
TEXTS, LETTERS = 3, 60  # texts that are shown, and most letters of each
SHOWN = 6  # most classes that are listed by name
GROUPS = {"id", "patient", "subject", "slide", "group", "speaker", "person", "session", "site"}
Row = tuple[str, str, str, str]


@dataclass(frozen=True)
class Inspection:
    """Facts about a data set.

    Args:
        data: the data set as `load_data` returns it, with few rows if there are many.
        facts: descriptions, by topic.
        added: options of `load_data` without which it refuses these data.
        columns: name, type, values and number of missing entries of each column; empty unless it is a table.
        rows: number of all training rows.
        loaded: all options with which the data were loaded.
        heads: the pages of a folder of images.
        pairs: what may be pairs in these data, or None.
    """

    data: Dataset
    facts: Mapping[str, str]
    added: Mapping[str, Any]
    columns: tuple[Row, ...] = ()
    rows: int = 0
    loaded: Mapping[str, Any] = field(default_factory=dict)
    heads: Sequence[Head] = ()
    pairs: Proposal | None = None


def inspect_data(name_or_path: Any, **options: Any) -> Inspection:
    """Loads data and describes them; options without which loading fails are added.

    Large data are described from a sample, which is said.

    Args:
        name_or_path: as for `load_data`.
        options: options of `load_data`.

    Raises:
        ValueError: as `load_data`.

    Example:
        >>> found = inspect_data("digits")
        >>> found.facts["values"], found.facts["splits"]
        ('0 to 16', '1,437 train, 180 valid, 180 test')
    """
    texts = _as_text(name_or_path, options)
    options = {**options, **texts}
    reader, wanted = find_reader(name_or_path, options)
    heads = _heads(wanted) if reader.whole and reader.holds == "images" else []
    recordings = recordings_of(name_or_path) if reader.holds == "recordings" else []
    pairs = proposal(reader, wanted, options, heads)
    added = {**texts, **(pairs.needed if pairs else {}), **needed(reader, options, heads, recordings, wanted)}
    unread = {"stream": True} if heads else {}
    recurring: dict[str, int] = {}
    try:
        whole = load_data(name_or_path, **{**unread, **options, **added})
    except NoClasses as error:
        if options.get("types"):
            raise
        # columns of names or dates, which no model accepts
        added["types"] = dict.fromkeys(error.columns, "drop")
        recurring = {name: many for name, many in error.columns.items() if _is_group(name)}
        try:
            whole = load_data(name_or_path, **{**unread, **options, **added})
        except ValueError as other:
            # with options of the user, what these columns hide may be at fault
            raise (other if options else error) from None
    data, looked_at = sampled(whole, heads)
    facts = {"data": f"{data.name}, {_kind(name_or_path, reader)}"}
    if heads:
        geometry = {name: (options | added).get(name) for name in GEOMETRY}
        facts["images"] = describe_images(name_or_path, **geometry)
    if recordings:
        cut = options | added
        facts["recordings"] = sentence(recordings, Window(cut.get("crop"), cut.get("tile")))
    facts |= {about: data.notes[about] for about in ORDER if about in data.notes}
    facts |= {about: what for about, what in data.notes.items() if about not in facts}
    if "types" in added:
        dropped = f"{', '.join(added['types'])} (different texts in most rows)"
        facts["columns left out"] = "; ".join([*filter(None, [facts.get("columns left out")]), dropped])
    # all rows are examined if they are in memory
    there = data if any(isinstance(split, StreamedSplit) for split in whole.splits.values()) else whole
    kept = {name: (split.x, split.known) for name, split in there.splits.items()}
    facts |= about_condition(whole, there)
    facts |= _about_rows(there, kept) | {"labels": _labels(whole)}
    beside = _beside(name_or_path, options | added) if reader.options is ArrayOptions else {}
    if beside:
        facts["beside"] = f"{', '.join(beside)}: one value a row, for label=, groups=, stratify= or time="
    facts |= _about_splits(there, data, looked_at)
    if there is data and looked_at:
        facts["looked at"] = f"{looked_at}, evenly spaced; values, gaps and copies are those of them"
    facts["splits"] = ", ".join(f"{len(split):,} {name}" for name, split in whole.splits.items())
    loaded = {**unread, **options, **added}
    suggested = None if options.get("groups") else _grouping(reader, data, beside, recurring)
    facts |= {"groups": suggested} if suggested else {}
    facts |= {"pairs": pairs.fact} if pairs else {}
    if all(split.known is None for split in whole.splits.values()):
        added.pop("missing", None)
    raw = data.preprocessing.raw
    columns = _columns(raw, kept) if isinstance(raw, Table) else ()
    return Inspection(data, facts, added, columns, len(whole.train), loaded, heads, pairs)


def _as_text(given: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options with which a .txt file is read as text, unless it looks like a table."""
    named = isinstance(given, str) and given in names.names()
    if named or not isinstance(given, (str, Path)) or options.get("tokens") is not None:
        return {}
    return dict(text_options(Path(given).expanduser()))


def _heads(path: Path) -> list[Head]:
    return [page for pages in read_heads(list_path(path).paths) for page in pages]


def _kind(given: Any, reader: Reader) -> str:
    named = isinstance(given, str) and given in names.names()
    return names.find(given).description if named else reader.kind


def _beside(given: Any, options: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns the arrays with one value for each row."""
    own = {name: options[name] for name in ("key", "label", "levels", "missing") if name in options}
    split = {name: options[name] for name in ("groups", "stratify", "time", "splits") if name in options}
    return dict(read(given, SplitOptions(**split), own)[0].parts["train"].sides)


def _about_splits(there: Dataset, data: Dataset, looked_at: str) -> dict[str, str]:
    """Describes duplicates: exact ones among all rows in memory, near ones among the sampled rows."""
    within = sum(copies_within(split) for split in there.splits.values())
    if there is data or not looked_at:
        return {"copies": f"{within:,} within splits; {find_leaks(there)}"}
    near = f"{find_leaks(data)} (of {looked_at}, evenly spaced)"
    equal = str(find_leaks(there, near=False)).replace("duplicates or near-duplicates", "duplicates")
    return {"copies": f"{within:,} within splits; {equal}", "near copies": near}


def _about_rows(data: Dataset, kept: Mapping[str, tuple[Tensor, Tensor | None]]) -> dict[str, str]:
    """Describes space, values and missing entries."""
    raw = data.preprocessing.raw
    facts = {"space": _count(len(raw.fields), "column") if isinstance(raw, Table) else str(raw)}
    if isinstance(data.space, Table) and data.space.scored is not None:
        facts["for models"] = f"{_count(len(data.space.scored[1]), 'number')} as normal scores"
    elif str(data.space) != str(raw):
        facts["for models"] = str(data.space)
    if isinstance(raw, Tokens) and raw.names:
        facts["texts"] = ", ".join(repr(_short(text)) for text in raw.texts(data.train.x[:TEXTS]))
    elif not isinstance(raw, Table):
        facts["values"] = number_range(torch.cat([_known(*rows) for rows in kept.values()]))
    counts = [split.lengths for split in data.splits.values() if split.lengths is not None]
    if counts:
        steps = torch.cat(counts)
        facts["steps"] = f"{int(steps.min()):,} to {int(steps.max()):,} a row, {int(steps.sum()):,} in all"
    return facts | {"gaps": _gaps(kept)}


def _short(text: str) -> str:
    """Returns at most `LETTERS` letters of a text."""
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 3]}..."


def _known(x: Tensor, known: Tensor | None) -> Tensor:
    return x.flatten() if known is None else x[known]


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"


def _gaps(kept: Mapping[str, tuple[Tensor, Tensor | None]]) -> str:
    masks = [known.flatten(1) for _, known in kept.values() if known is not None]
    entries = sum(int((~known).sum()) for known in masks)
    if not entries:
        return "none"
    rows, total = sum(int((~known).any(1).sum()) for known in masks), sum(known.numel() for known in masks)
    return f"{entries:,} of {total:,} entries, in {rows:,} row{'s' * (rows > 1)}"


def _labels(data: Dataset) -> str:
    given = [split.labels for split in data.splits.values() if split.labels is not None]
    if not given:
        return "none"
    counts = torch.bincount(torch.cat(given), minlength=len(data.label_names)).tolist()
    if len(counts) > 2 * SHOWN:
        most = f" to {max(counts):,}" if max(counts) > min(counts) else ""
        return f"{len(counts)} classes of {min(counts):,}{most} rows"
    return ", ".join(f"{name} ({count:,})" for name, count in zip(data.label_names, counts))


def _columns(space: Table, kept: Mapping[str, tuple[Tensor, Tensor | None]]) -> tuple[Row, ...]:
    """Returns the description of each column."""
    x = torch.cat([x for x, _ in kept.values()])
    known = torch.cat([torch.ones_like(x, dtype=torch.bool) if k is None else k for x, k in kept.values()])
    rows = []
    for j, (name, kind) in enumerate(space.fields):
        missing = int((~known[:, j]).sum())
        rows.append((name, type(kind).__name__.lower(), _values(kind, x[known[:, j], j]), f"{missing:,}"))
    return tuple(rows)


def _values(field: Space, values: Tensor) -> str:
    """Returns the values that occur in a column, which need not be all that its space allows."""
    if not isinstance(field, (Binary, Categorical, Ordinal)):
        return number_range(values)
    known = sorted(set(values.tolist()))
    if isinstance(field, Binary):
        return ", ".join(f"{value:.0f}" for value in known) + constant(len(known)) or "none"
    codes = field.values or range(len(field.names))
    held = [name for code, name in zip(codes, field.names) if code in known]
    absent = [name for name in field.names if name not in held]
    never = f"; never {_some(absent)}" if absent and held else ""
    return f"{_some(held)}{constant(len(held))}{never}" if held else "none"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f", ... ({len(names)})" if len(names) > SHOWN else "")


def _grouping(
    reader: Reader, data: Dataset, beside: Mapping[str, np.ndarray], recurring: Mapping[str, int]
) -> str | None:
    """Suggests a key for `groups=` if folders or names look like one.

    Args:
        beside: arrays with one value for each row.
        recurring: number of different texts of columns that are left out, by name.
    """
    if reader.whole and reader.place == "folder":
        rows = data.train.source_rows
        assert rows is not None and rows.files is not None
        files = [str(file).split("/") for file in rows.files]
        # True for a folder of an official part, and for one of a class
        plain = files[0][0].lower() in SPLITS["train"], bool(data.label_names)
        deep = any(len(parts) - 1 > sum(plain) for parts in files)
        return (
            f"folders may say whose {reader.holds} these are: load them with groups='folder'"
            if deep
            else None
        )
    raw = data.preprocessing.raw
    values = dict(beside)
    if isinstance(raw, Table):
        values = {name: data.train.x[:, j].numpy() for j, (name, _) in enumerate(raw.fields)}
    # a column with a different value in each row makes no groups
    named = {name: len(np.unique(x)) for name, x in values.items() if _is_group(name)}
    named = {name: many for name, many in {**named, **recurring}.items() if 1 < many < len(data.train.x)}
    if not named:
        return None
    # the finest groups keep every row of a person in one split
    best = max(named, key=lambda name: named[name])
    return f"{best} may say whose rows these are: load them with groups='{best}'"


def _is_group(name: str) -> bool:
    return bool(set(re.split(r"[^a-z]+", name.lower())) & GROUPS)
