"""Infers the mark between the cells of a text table from its first lines.

The detector of the package clevercsv decides. Decimal commas and blanks after marks, which it does not
handle, are handled here (decision 11).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from simulacra.data.tables.numbers import UNITS, Marks, have_units

SAMPLE = 100  # most lines that the detector reads
WIDEST = 20_000  # most characters that it reads
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*(?:,[0-9]+)?(?:[eE][+-]?[0-9]+)?")  # also matches whole numbers


def find_separator(lines: Sequence[str]) -> str:
    """Returns the mark between the cells of lines; an empty string for a single column.

    Example:
        >>> find_separator(["1,5;2,5", "3,5;4,0"]), find_separator(["body mass", "1.5", "2.5"])
        (';', '')
    """
    import clevercsv

    sample = "\n".join(lines[:SAMPLE])[:WIDEST]
    sample = sample if len(lines) == 1 or len(sample) < WIDEST else sample[: sample.rfind("\n")]
    found = clevercsv.Detector().detect(sample, delimiters=[",", ";", "\t", "|", " "])
    separator = found.delimiter if found is not None and found.delimiter else ""
    if separator == "," and _one_column_of_commas(lines[:SAMPLE]):
        return ""
    if separator == " " and _one_column_of_units(lines[:SAMPLE]):
        return ""
    # a mark that splits the lines into different numbers of cells is part of the cells
    rivals = [mark for mark in ";\t|" if _cut_alike(lines[:SAMPLE], mark)]
    shares = {mark: _clearness(lines[:SAMPLE], mark, rivals) for mark in ",;\t|"}
    best = max(shares, key=lambda mark: shares[mark])
    # the detector ignores decimal commas and takes `0.5,c;d` for two cells of text; a single column is as
    # clear as two columns of text, unless a mark separates numbers
    single = -1.0 if _numbers(lines[:SAMPLE], best) else 0.0
    if separator != " " and shares[best] > shares.get(separator, single):
        separator = best
    if separator == ",":
        separator = next((m for m in ";\t|" if _commas_are_decimal(lines[:SAMPLE], m)), separator)
    separator = (separator == " " and _mark_before_blanks(lines[:SAMPLE])) or separator
    return separator if _cuts(lines[:SAMPLE], separator) else ""


def _commas_are_decimal(lines: Sequence[str], separator: str) -> bool:
    """Returns True if a mark splits all lines equally, and commas are only in numbers, as in `0,5;red`."""
    cells = _cut_alike(lines, separator)
    return bool(cells) and all(DECIMAL_COMMA.fullmatch(cell) for cell in cells if "," in cell)


def _cut_alike(lines: Sequence[str], separator: str) -> list[str]:
    """Returns the cells if a mark splits all lines into equally many, two or more; otherwise []."""
    try:
        rows = list(csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True))
    except csv.Error:
        return []
    alike = bool(rows) and {*map(len, rows)} == {max(2, len(rows[0]))}
    return [cell.strip() for row in rows for cell in row] if alike else []


def _mark_before_blanks(lines: Sequence[str]) -> str:
    """Returns the mark that precedes all blanks, as in `1.5, "x y"`, and separates the cells."""
    ends = lambda line, mark: all(cell.endswith(mark) for cell in line.split('"')[0].split()[:-1])
    found = (mark for mark in ",;|" if all(mark in line and ends(line, mark) for line in lines))
    return next((mark for mark in found if _cut_alike(lines, mark)), "")


def _clearness(lines: Sequence[str], separator: str, rivals: Sequence[str]) -> float:
    """Returns the share of numbers in the cells that a mark separates, minus that of texts with another mark.

    Texts with commas count half, since prose has them. A cell that holds the mark itself was quoted, which
    does not tell against it. It is -1 where the lines differ in number of cells.
    """
    cells = _cut_alike(lines, separator)
    if not cells:
        return -1.0
    texts = [c for c in cells if all(marks.number(c) is None for marks in (Marks("."), Marks(",")))]
    others = [mark for mark in rivals if mark != separator]
    comma = 0.0 if separator == "," else 0.5
    uncut = sum(1.0 if any(mark in text for mark in others) else comma * ("," in text) for text in texts)
    # numbers next to texts are clearer than a single column
    return 1 - (len(texts) + uncut) / len(cells) + 0.01 * (len(texts) < len(cells))


def _numbers(lines: Sequence[str], separator: str) -> bool:
    """Returns True if half of the cells that a mark separates, or one column, are numbers below line 1."""
    cells = _cut_alike(lines[1:], separator)
    numbers = [Marks(".").number(cell) is not None for cell in cells]
    width = len(cells) // max(1, len(lines) - 1)
    columns = [numbers[j::width] for j in range(width)]
    return bool(cells) and (2 * sum(numbers) >= len(cells) or any(map(all, columns)))


def _one_column_of_commas(lines: Sequence[str]) -> bool:
    """Returns True for a name without a comma above numbers with one each: a column of decimal commas."""
    cells = [line.strip().strip('"') for line in lines[1:]]
    many = 2 * sum("," in cell for cell in cells) > len(cells)
    return many and "," not in lines[0] and all(DECIMAL_COMMA.fullmatch(cell) for cell in cells)


def _one_column_of_units(lines: Sequence[str]) -> bool:
    """Returns True for a word above numbers that are separated from their unit by a blank, as in `50 kg`."""
    cells = [line.strip() for line in lines[1:]]
    return " " not in lines[0].strip() and len(cells) >= UNITS and have_units(cells, Marks("."))


def _cuts(lines: Sequence[str], separator: str) -> bool:
    """Returns True if the mark is in most lines; a blank in one name is not a separator."""
    return bool(separator) and 2 * sum(separator in line.strip() for line in lines) > len(lines)
