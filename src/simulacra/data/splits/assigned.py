"""Splits that the user assigns: a file that lists rows, or a column that names splits."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from simulacra.data.catalog.formats import read_all
from simulacra.data.listing import SPLITS
from simulacra.data.sources.source import Part, Source
from simulacra.data.splits.keys import side_of

WORDS = {alias: split for split, aliases in SPLITS.items() for alias in aliases}


def by_words(source: Source, splits: str) -> dict[str, Tensor]:
    """Returns the row numbers of each split according to the option `splits=` of `load_data`.

    Args:
        source: the source, which must have a single part.
        splits: path of a .csv file with the columns row and split, or the name of a column.

    Raises:
        ValueError: if the source has published splits, the file or column is missing, or a row has no split
            or two.
    """
    if len(source.parts) > 1:
        raise ValueError(
            f"{source.name} has the splits {', '.join(source.parts)} of its publisher: leave out splits=."
        )
    part = source.parts["train"]
    if splits.lower().endswith((".csv", ".csv.gz")):
        words = _assigned_splits(Path(splits).expanduser(), part)
    else:
        words = [str(word) for word in side_of(source, part, "splits", splits).tolist()]
    numbers: dict[str, list[int]] = defaultdict(list)
    for row, word in enumerate(words):
        if word.strip().lower() not in WORDS:
            raise ValueError(
                f"splits={splits!r} has {word!r} for row {part.source_rows.numbers[row]} (from 0): give "
                "train, valid or test."
            )
        numbers[WORDS[word.strip().lower()]].append(row)
    if "train" not in numbers:
        raise ValueError(f"splits={splits!r} names no row of train: there is nothing to train on.")
    return {split: torch.tensor(rows) for split, rows in numbers.items()}


def _assigned_splits(path: Path, part: Part) -> list[str]:
    """Returns the name of the split for each row; rows that were left out may have one, too."""
    rows, files, count = _read(path), part.sides.get("file"), len(part)
    numbers, total = part.source_rows.numbers.tolist(), count if part.total is None else part.total
    by_path = files is not None and not all(row.isdigit() for _, row, _ in rows)
    named = _named_paths(files) if by_path and files is not None else _named_rows(numbers, total)
    words: dict[int, str] = {}
    for line, row, word in rows:
        if row not in named:
            what = "file of the folder" if by_path else f"row from 0 to {total - 1}"
            raise ValueError(f"{path} names {row!r} in line {line}, which is no {what}: correct it.")
        for number in named[row]:
            if number in words:
                raise ValueError(f"{path} names {row!r} a second time in line {line}: name each row once.")
            words[number] = word
    for number in range(count):
        if number not in words:
            what = str(files[number]) if by_path and files is not None else f"row {numbers[number]}"
            raise ValueError(f"{path} does not name {what}: every row needs a split.")
    return [words[number] for number in range(count)]


def _named_rows(numbers: Sequence[int], total: int) -> dict[str, list[int]]:
    """Returns the place of each row by its number in the file; [] for one that was left out."""
    return {str(number): [] for number in range(total)} | {str(n): [i] for i, n in enumerate(numbers)}


def _named_paths(files: np.ndarray) -> dict[str, list[int]]:
    """Returns the row numbers of each file: all its tiles and pages."""
    rows: dict[str, list[int]] = defaultdict(list)
    for number, file in enumerate(files.tolist()):
        rows[file].append(number)
    return rows


def _read(path: Path) -> list[tuple[int, str, str]]:
    """Returns line number, row and split of each entry."""
    if not path.is_file():
        raise ValueError(f"splits={str(path)!r} is not there: give a .csv with the columns row and split.")
    try:
        lines: Sequence[str] = read_all(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8 text ({error}): save it as UTF-8.") from error
    reader = csv.DictReader(lines, skipinitialspace=True)
    if not {"row", "split"} <= set(reader.fieldnames or ()):
        raise ValueError(f"{path} needs the columns row and split; it has {reader.fieldnames or 'none'}.")
    return [
        (reader.line_num, (entry["row"] or "").strip(), (entry["split"] or "").strip()) for entry in reader
    ]
