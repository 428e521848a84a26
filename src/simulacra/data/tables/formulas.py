"""Finds formulas in a spreadsheet whose results were never stored.

A spreadsheet program stores each formula with its last result, and readers take the result. Packages that
write files store the formula alone, `<c r="C2"><f>A2*2</f><v/></c>`, and readers then find an empty cell. A
formula whose result is an empty text has the type `str`, and is a gap as any other.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

PIECE, LONGEST = 2**20, 2**14  # bytes that are read at once, and most bytes of a cell
WITHOUT = re.compile(
    rb"<(?:\w{1,20}:)?c\s(?![^<>]{0,200}\bt=[\"']str[\"'])[^<>]{0,200}?\br=[\"']([A-Z]{1,3})([0-9]{1,9})[\"'][^<>]{0,200}>"
    rb"\s*<(?:\w{1,20}:)?f\b[^<>]{0,200}>[^<>]{0,9000}</(?:\w{1,20}:)?f>\s*"
    rb"(?:<(?:\w{1,20}:)?v\s*/>|<(?:\w{1,20}:)?v>\s*</(?:\w{1,20}:)?v>)?\s*</(?:\w{1,20}:)?c>"
)


def check_formulas(path: Path, sheet: Any, empty: np.ndarray) -> None:
    """Raises ValueError if cells of a sheet hold formulas without results.

    Args:
        path: the spreadsheet; other kinds than .xlsx and .xlsm are not looked at.
        sheet: name of the sheet.
        empty: True for cells that were read as empty, shape (rows, columns).
    """
    if not empty.any() or not zipfile.is_zipfile(path) or path.suffix.lower() not in (".xlsx", ".xlsm"):
        return
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name)]
        found = [cell for name in names for cell in _without_results(archive, name)]
    # other sheets may have such formulas, too: the cell must be empty in the sheet that is read
    there = [(row, column) for row, column in found if row <= empty.shape[0] and column <= empty.shape[1]]
    lost = {cell for cell in there if empty[cell[0] - 1, cell[1] - 1]}
    if lost and (len(names) == 1 or len(lost) > len(found) / 2):
        row, column = min(lost)
        many = f"{len(lost):,} formula{'s' * (len(lost) > 1)} without a stored result"
        raise ValueError(
            f"{path} has {many} in the sheet {sheet!r}, the first in row {row}, column {column}: open it in "
            "a spreadsheet program and save it again."
        )


def _without_results(archive: zipfile.ZipFile, name: str) -> list[tuple[int, int]]:
    """Returns row and column, from 1, of the formulas without results in one sheet."""
    found, end = set(), b""
    with archive.open(name) as file:
        while piece := file.read(PIECE):
            piece = end + piece
            found |= {(int(row), column_number(letters)) for letters, row in WITHOUT.findall(piece)}
            # a cell may be cut by the end of a piece
            end = piece[-LONGEST:]
    return sorted(found)


def column_number(letters: bytes) -> int:
    """Returns the number of a column, such as 28 for AB.

    Example:
        >>> column_number(b"AB")
        28
    """
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number
