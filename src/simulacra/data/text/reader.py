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
from simulacra.data.text.columns import TABLES, texts_of_column
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
        empty: number of empty lines, which are left out.
        beside: values of the table's other columns by name, shape (N,).
    """

    texts: list[str]
    places: list[int]
    labels: Tensor | None = None
    empty: int = 0
    beside: Mapping[str, np.ndarray] = field(default_factory=dict)


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
    label_names: tuple[str, ...] = ()
    if not isinstance(given, Path):
        found, name, where = _plain(strings_in(given) or []), "texts", "the list"
    else:
        name, where = given.name.removesuffix(".gz").rsplit(".", 1)[0], str(given)
        if own.column is not None:
            table = texts_of_column(given, own.column, own.label, own.encoding)
            found = Lines(table.texts, table.lines, table.labels, beside=table.beside)
            label_names = table.label_names
        elif given.name.lower().removesuffix(".gz").endswith(TABLES):
            raise _without_column(given)
        else:
            found = read_lines(given, own.encoding, own.window is not None)
    source = text_source(name, where, {"train": found}, own, splits)
    return replace(source, label_names=label_names)


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
    return Lines([text for text, _ in kept], [i for _, i in kept], empty=len(lines) - len(kept))


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
    if own.window is not None:
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
        lines = parts[part]
        sides = _sides(x) if own.window else {**_sides(x), **lines.beside}
        found[part] = Part(x, None if own.window else lines.labels, sides=sides)
        first += len(texts)
    numbers = Numbered(unit, names, own.vocabulary, own.least)
    if own.window is not None:
        found = _in_order(found, splits)
    beside = () if own.window else _common([lines.beside for lines in parts.values()])
    source = Source(name, numbers.space(steps), found, beside=beside, settle=numbers.settled)
    return _noted(source, own, parts, [len(row) for row in rows])


def _noted(source: Source, own: TextOptions, parts: Mapping[str, Lines], lengths: Sequence[int]) -> Source:
    what = {"spaces": "what stands between white space", "smiles": "atoms and bonds"}
    row = "lines" if own.window is None else f"windows of {own.window:,} tokens, in order: the last ones test"
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
    return source.noted("left out", f"{empty:,} empty line{'s' * (empty > 1)}") if empty else source


def _common(tables: Sequence[Mapping[str, np.ndarray]]) -> tuple[str, ...]:
    """Returns the columns that all parts have."""
    return tuple(name for name in tables[0] if all(name in table for table in tables))


def _sides(x: Tensor) -> dict[str, np.ndarray]:
    """Returns the number of each row, by which rows are ordered."""
    return {"start": np.arange(len(x))}


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
