"""Reader of texts: each line a row, or windows of a text; also a column of a table, and strings in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.inputs.strings import strings_in
from simulacra.core.spaces.tokenizers import Unit, split
from simulacra.data.limits import check_memory
from simulacra.data.sources.source import Part, Source
from simulacra.data.splits.options import SplitOptions
from simulacra.data.tables.dialect import decoded
from simulacra.data.text.columns import TABLES, WRITTEN, TextColumn, texts_of_column
from simulacra.data.text.options import TextOptions
from simulacra.data.text.vocabulary import Numbered, numbered, padded

LONGEST = 20_000  # most tokens of a line that is a row
LISTED = 10  # most columns that a note names
SHORTEST = 6  # tokens of a text that makes three windows of two
COPIES = 3 * 4  # bytes of memory for each entry of the rows, with their copies while they are split


@dataclass(frozen=True)
class Lines:
    """The texts of one part of a data set.

    Args:
        texts: the texts.
        places: line of each in the file, from 1.
        labels: class number of each, or None.
        numbers: number of each in the file, from 0, where lines and rows without text count.
        total: number of all lines, or of the rows of the table; None: len(texts).
        beside: values of the table's other columns by name, shape (N,).
        column: name of the column of the texts; empty: they are lines.
    """

    texts: list[str]
    places: list[int]
    labels: Tensor | None = None
    numbers: Sequence[int] = ()
    total: int | None = None
    beside: Mapping[str, np.ndarray] = field(default_factory=dict)
    column: str = ""

    @property
    def empty(self) -> int:
        """Number of lines and rows without text, which are left out."""
        return 0 if self.total is None else self.total - len(self.texts)


def open_text(given: Any, own: TextOptions, splits: SplitOptions) -> Source:
    """Reads a text file, a column of a table, or strings in memory.

    Args:
        given: the path, plain or gzipped, or a list of strings.
        own: options of texts; `tokens` is given.
        splits: options of the splits, by which windows of a text are cut.

    Raises:
        ValueError: if the file is no text, holds none, or has lines that are too long for rows.

    Example:
        >>> source = open_text(["a b", "b"], TextOptions("words", least=1), SplitOptions())
        >>> source.space.shape, source.parts["train"].rows.tolist()
        ((2,), [[1, 2], [2, 0]])
    """
    assert own.tokens is not None, "find_reader chooses this reader by tokens="
    if not isinstance(given, Path):
        _check_taken("the list", own, ("column", "label", *WRITTEN))
        return text_source("texts", "the list", {"train": _plain(strings_in(given) or [])}, own, splits)
    name, where = given.name.removesuffix(".gz").rsplit(".", 1)[0], str(given)
    if own.column is not None:
        table = texts_of_column(given, own)
        source = text_source(name, where, {"train": lines_of(table)}, own, splits)
        for about, what in table.notes.items():
            source = source.noted(about, what)
        return replace(source, label_names=table.label_names, resolved=table.resolved)
    if given.name.lower().removesuffix(".gz").endswith(TABLES):
        raise _without_column(given)
    _check_taken(where, own, tuple(name for name in ("label", *WRITTEN) if name != "encoding"))
    return text_source(
        name, where, {"train": read_lines(given, own.encoding, own.window is not None)}, own, splits
    )


def lines_of(table: TextColumn) -> Lines:
    """Returns the texts of a column with what stands beside them."""
    rows = (table.numbers, table.total)
    return Lines(table.texts, table.lines, table.labels, *rows, beside=table.beside, column=table.name)


def _check_taken(where: str, own: TextOptions, of_tables: Sequence[str]) -> None:
    """Raises ValueError for an option of tables where texts are lines."""
    for name in of_tables:
        value = getattr(own, name)
        if value is not None:
            listed = where == "the list"
            kind, mend = (
                ("files", "") if listed else ("tables", "name the column of the texts with column=, or ")
            )
            raise ValueError(
                f"{name}={value!r} is an option of {kind}, but {where} is plain text: {mend}leave it out."
            )


def _without_column(path: Path) -> Refusal:
    first = load_with(column="1")
    return Refusal(f"{path} is a table, of which one column holds the texts: load it with {first}.", first)


def read_lines(path: Path, encoding: str | None = None, whole: bool = False) -> Lines:
    """Reads the lines of a file of text, without empty ones.

    Args:
        path: the file, plain or gzipped.
        encoding: of the text; None: UTF-8, or UTF-16 or UTF-32 with their mark.
        whole: keep the text in one piece, with its line breaks.

    Raises:
        ValueError: if it is no text, or empty.
    """
    text = decoded(path, encoding)[0].replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise ValueError(f"{path} holds no text: it needs at least one line that is not empty.")
    return Lines([text], [1]) if whole else _plain(text.removesuffix("\n").split("\n"))


def _plain(lines: Sequence[str]) -> Lines:
    kept = [(text, i) for i, text in enumerate(lines, 1) if text.strip()]
    if not kept:
        raise ValueError("there is no text: give at least one line that is not empty.")
    places = [i for _, i in kept]
    return Lines([text for text, _ in kept], places, None, [i - 1 for i in places], len(lines))


def text_source(
    name: str, where: str, parts: Mapping[str, Lines], own: TextOptions, splits: SplitOptions
) -> Source:
    """Makes a source of the texts of each part; its vocabulary is counted once the splits are cut.

    Args:
        name: name of the data set.
        where: the file, for messages.
        parts: the texts of each official part.
        own: options of texts.
        splits: options of the splits.

    Raises:
        ValueError: if a line is too long for a row, or the text too short for windows.
    """
    unit = cast(Unit, own.tokens)
    cut = {part: [split(text, unit) for text in lines.texts] for part, lines in parts.items()}
    texts_of = {part: np.arange(len(texts)) for part, texts in cut.items()}
    if own.window is not None:
        texts_of = {part: _texts_of_windows(texts, own.window) for part, texts in cut.items()}
        cut = {part: _windows(where, texts, own.window, unit) for part, texts in cut.items()}
    else:
        for part, lines in parts.items():
            _check_lengths(where, cut[part], lines.places, unit)
    rows, names = numbered([text for texts in cut.values() for text in texts])
    steps = own.window or max(map(len, rows))
    check_memory(where, COPIES * len(rows) * steps, f"{len(rows):,} rows of up to {steps:,} tokens")
    found, first = {}, 0
    for part, texts in cut.items():
        x = padded(rows[first : first + len(texts)], steps)
        found[part] = _part(x, parts[part], texts_of[part], own.window is None)
        first += len(texts)
    numbers = Numbered(unit, names, own.vocabulary, own.least)
    if own.window is not None:
        found = _in_order(found, splits)
    beside = _common([lines.beside for lines in parts.values()])
    source = Source(name, numbers.space(steps), found, beside=beside, settle=numbers.settled)
    return _noted(source, own, parts, [len(row) for row in rows])


def _noted(source: Source, own: TextOptions, parts: Mapping[str, Lines], lengths: Sequence[int]) -> Source:
    what = {"spaces": "what stands between white space", "smiles": "atoms and bonds"}
    row = "lines" if own.column is None else f"column {parts['train'].column!r}"
    row = row if own.window is None else f"windows of {own.window:,} tokens, in order: the last ones test"
    source = source.noted("read as", f"text, {row}; tokens are {what.get(str(own.tokens), own.tokens)}")
    source = source.noted(
        "tokens", f"{min(lengths):,} to {max(lengths):,} a row, {sum(lengths) / len(lengths):.1f} on average"
    )
    if source.beside:
        listed = ", ".join(source.beside[:LISTED]) + (", ..." if len(source.beside) > LISTED else "")
        first = load_with(condition=source.beside[0])
        said = f"{listed} stand beside the texts: to give the model a column load it with {first}"
        source = source.noted("columns", said)
    empty = sum(lines.empty for lines in parts.values())
    if not empty:
        return source
    many = "s" * (empty > 1)
    said = f"empty line{many}" if own.column is None else f"row{many} without text"
    return source.noted("left out", f"{empty:,} {said}")


def _common(tables: Sequence[Mapping[str, np.ndarray]]) -> tuple[str, ...]:
    """Returns the columns that all parts have."""
    return tuple(name for name in tables[0] if all(name in table for table in tables))


def _part(x: Tensor, lines: Lines, at: np.ndarray, whole: bool) -> Part:
    """Returns rows with the labels and columns of their texts.

    Args:
        x: the rows, shape (N, T).
        lines: the texts.
        at: number of the text of each row, shape (N,): that of itself, or of a window.
        whole: True if each row is a text, which has the number of its line or row in the file.
    """
    told = {lines.column: np.array(lines.texts, object)} if lines.column else {}
    beside = {name: values[at] for name, values in {**told, **lines.beside}.items()}
    labels = None if lines.labels is None else lines.labels[torch.from_numpy(at)]
    # rows are ordered by their number unless a column has that name
    numbers = torch.tensor(lines.numbers) if whole and lines.empty else None
    total = lines.total if whole else None
    return Part(x, labels, sides={"start": np.arange(len(x)), **beside}, numbers=numbers, total=total)


def _texts_of_windows(texts: Sequence[Sequence[str]], window: int) -> np.ndarray:
    """Returns the number of the text that each window is cut from."""
    return np.repeat(np.arange(len(texts)), [-(-len(text) // window) for text in texts])


def _check_lengths(where: str, texts: Sequence[Sequence[str]], places: Sequence[int], unit: Unit) -> None:
    """Raises ValueError if a line is too long to be a row."""
    at = max(range(len(texts)), key=lambda i: len(texts[i]))
    if len(texts[at]) <= LONGEST:
        return
    windows = load_with(window=256)
    raise Refusal(
        f"line {places[at]:,} of {where} has {len(texts[at]):,} tokens ({unit}), more than the "
        f"{LONGEST:,} of a row: cut the line, or load it with {windows}.",
        windows,
    )


def _windows(where: str, texts: Sequence[Sequence[str]], window: int, unit: Unit) -> list[list[str]]:
    """Returns windows of the tokens of texts, one after the other; the last one of a text may be shorter."""
    pieces = [list(text[i : i + window]) for text in texts for i in range(0, len(text), window)]
    if len(pieces) < 3:
        tokens = sum(map(len, texts))
        if tokens < SHORTEST:
            raise ValueError(
                f"{where} has {tokens:,} tokens ({unit}), too few for windows of {window:,} in three splits: "
                f"give a text of at least {SHORTEST} tokens."
            )
        smaller = load_with(window=max(2, tokens // 50))
        raise Refusal(
            f"{where} has {tokens:,} tokens ({unit}), too few for windows of {window:,} in three splits: "
            f"load it with {smaller}.",
            smaller,
        )
    return pieces


def _in_order(parts: dict[str, Part], splits: SplitOptions) -> dict[str, Part]:
    """Returns windows of one text as training, validation and test rows in order, unless asked otherwise."""
    asked = (splits.groups, splits.stratify, splits.time, splits.splits)
    if len(parts) > 1 or any(key is not None for key in asked):
        return parts
    train = parts["train"]
    n = len(train)
    # of few windows each split gets one
    share = lambda wish: min(n - 1, max(1, round(n * wish)) if wish < 1 else int(wish)) if wish else 0
    valid, test = share(splits.validation), share(splits.test)
    if valid + test >= n:
        return parts
    ends = {"train": (0, n - valid - test), "valid": (n - valid - test, n - test), "test": (n - test, n)}
    return {name: train.take(torch.arange(*at)) for name, at in ends.items() if at[0] < at[1]}
