"""Readers of spreadsheets, Parquet and Feather files, by pandas with its usual engines."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simulacra.core.packages import install_command
from simulacra.data.limits import check_memory
from simulacra.data.sources.source import Source
from simulacra.data.splits.options import SplitOptions
from simulacra.data.tables.columns import check_names
from simulacra.data.tables.data_frames import frame_source
from simulacra.data.tables.header import beginning, check_clear, has_header
from simulacra.data.tables.numbers import Marks
from simulacra.data.tables.options import FrameOptions, SheetOptions

SHEET = 20  # memory in bytes for each byte of text in a spreadsheet
CELL, COPIES = 32, 4  # memory in bytes for each cell of a Parquet file, and for each of its bytes
EMPTY = 100  # memory in bytes for each cell within the extent of a sheet
PLACE_OF_ROW = re.compile(rb"<(?:\w{1,20}:)?row\s[^<>]{0,200}?\br\s*=\s*[\"']\s*([0-9]+)")
PLACE_OF_CELL = re.compile(rb"<(?:\w{1,20}:)?c\s[^<>]{0,200}?\br\s*=\s*[\"']\s*([A-Z]+)([0-9]+)")
# a formula without a stored result, as written: `<c r="C2"><f>A2*2</f><v/></c>`; a result that is an
# empty text has the type `str`
PIECE, LONGEST = 2**20, 2**14  # bytes that are read at once, and most bytes of a cell
WITHOUT = re.compile(
    rb"<(?:\w{1,20}:)?c\s(?![^<>]{0,200}\bt=[\"']str[\"'])[^<>]{0,200}?\br=[\"']([A-Z]{1,3})([0-9]{1,9})[\"'][^<>]{0,200}>"
    rb"\s*<(?:\w{1,20}:)?f\b[^<>]{0,200}>[^<>]{0,9000}</(?:\w{1,20}:)?f>\s*"
    rb"(?:<(?:\w{1,20}:)?v\s*/>|<(?:\w{1,20}:)?v>\s*</(?:\w{1,20}:)?v>)?\s*</(?:\w{1,20}:)?c>"
)
OVER, LONG = 300, 9  # most bytes of a tag, most digits or letters of a cell reference


def open_parquet(path: Path, own: FrameOptions, split: SplitOptions) -> Source:
    """Reads a Parquet or Feather file; columns have the types of the file.

    Args:
        path: the file.
        own: options of tables with typed columns.
        split: options of the splits.

    Raises:
        ValueError: if the file is damaged, or the package pyarrow is missing.
    """
    frame = parquet_frame(path)
    return frame_source(path.stem, str(path), frame, own, split)


def parquet_frame(path: Path, own: FrameOptions | None = None) -> Any:
    """Returns the content of a Parquet or Feather file as a data frame.

    Args:
        path: the file.
        own: not used; every reader takes its options.

    Raises:
        ValueError: if the file is damaged or too large, or the package pyarrow is missing.
    """
    import pandas as pd

    read = pd.read_feather if path.suffix.lower() == ".feather" else pd.read_parquet
    if read is pd.read_parquet:
        _check_rows(path)
    # by default, pandas makes whole numbers doubles where a cell is empty, which rounds those beyond 2^53
    return _reading(path, lambda: read(path, dtype_backend="numpy_nullable"))


def open_sheet(path: Path, own: SheetOptions, split: SplitOptions) -> Source:
    """Reads one sheet of a spreadsheet.

    Args:
        path: the file.
        own: options of spreadsheets.
        split: options of the splits.

    Raises:
        ValueError: if the file is damaged or empty, has several sheets and none is named, or the package that
            reads it is missing.
    """
    sheet = sheet_frame(path, own)
    source = frame_source(path.stem, str(path), sheet.frame, own, split)
    source = source.noted("read as", f"sheet {sheet.name!r}, {'header' if sheet.header else 'no header'}")
    source, k = source.numbered(sheet.numbers, sheet.total), sheet.above
    return source.noted("left out", f"{k} row{'s' * (k > 1)} above the table") if k else source


def sheet_cells(path: Path, own: SheetOptions) -> Any:
    """Returns the table in one sheet of a spreadsheet as a data frame.

    Args:
        path: the file.
        own: options of spreadsheets.

    Raises:
        ValueError: as `open_sheet`.
    """
    return sheet_frame(path, own).frame


@dataclass(frozen=True)
class Sheet:
    """The table in one sheet of a spreadsheet.

    Args:
        frame: its rows with the names of the columns.
        name: name of the sheet.
        header: True if the sheet has names of columns.
        above: number of rows above the table.
        numbers: number of each row of the table, from 0, where empty ones count.
        total: number of the rows of the table, with empty ones.
    """

    frame: Any
    name: Any
    header: bool
    above: int
    numbers: list[int]
    total: int


def sheet_frame(path: Path, own: SheetOptions) -> Sheet:
    """Returns the table in one sheet of a spreadsheet.

    Args:
        path: the file.
        own: options of spreadsheets.

    Raises:
        ValueError: as `open_sheet`.
    """
    import pandas as pd

    _check_unpacked(path)
    sheets = _reading(path, lambda: pd.read_excel(path, sheet_name=None, header=None, dtype=object))
    name = _chosen(path, list(sheets), own.sheet)
    _check_formulas(path, name, sheets[name].isna().to_numpy())
    cells = sheets[name].dropna(how="all").dropna(how="all", axis=1)
    if cells.empty:
        raise ValueError(f"{path} holds nothing in the sheet {name!r}: give another with sheet=.")
    text = [["" if pd.isna(c) else str(c).strip() for c in row] for row in cells.to_numpy().tolist()]
    rows = [(int(number) + 1, row) for number, row in zip(cells.index, text)]
    if type(own.header) is int and own.header not in dict(rows):
        raise ValueError(
            f"{path} has no names in row {own.header} of the sheet {name!r}, which header= gives."
        )
    # skips a title above the table
    begin = beginning(rows, len(text[0]), None if own.header is True else own.header)
    cells, text = cells.iloc[begin:], text[begin:]
    if own.header is None:
        check_clear(str(path), text, Marks())
    header = has_header(text, Marks()) if own.header is None else own.header is not False
    frame = cells.iloc[1:] if header else cells
    if not len(frame):
        raise ValueError(f"{path} holds a header but no rows in the sheet {name!r}: a table needs one.")
    names = [cell or f"column {j}" for j, cell in enumerate(text[0], 1)]
    frame = frame.set_axis(names if header else [str(j) for j in range(1, len(names) + 1)], axis=1)
    first = int(cells.index[0]) + header
    numbers, total = [int(i) - first for i in frame.index], int(frame.index[-1]) + 1 - first
    return Sheet(frame, name, header, begin, numbers, total)


def _check_unpacked(path: Path) -> None:
    """Raises ValueError if the archive of a spreadsheet unpacks to more than the limit of memory."""
    if zipfile.is_zipfile(path):
        archive = _reading(path, lambda: zipfile.ZipFile(path))
        with archive:
            whole = sum(info.file_size for info in archive.infolist())
            check_memory(path, SHEET * whole, f"{whole:,} bytes of sheets")
            for info in archive.infolist():
                if info.filename.startswith("xl/") and info.filename.endswith(".xml"):
                    rows, columns = _reading(path, lambda name=info: _extent(archive, name))
                    said = f"{rows:,} rows of {columns:,} columns, most of them empty"
                    check_memory(path, EMPTY * rows * columns, said)


def _extent(archive: zipfile.ZipFile, sheet: zipfile.ZipInfo) -> tuple[int, int]:
    """Returns the last row and column of a sheet; the reader also allocates empty cells before them."""
    row = column = 0
    end = b""
    with archive.open(sheet) as file:
        while piece := file.read(2**20):
            piece = end + piece
            for number in PLACE_OF_ROW.findall(piece):
                row = max(row, int(number[:LONG]))
            for letters, number in PLACE_OF_CELL.findall(piece):
                row, column = max(row, int(number[:LONG])), max(column, _column(letters[:LONG]))
            # a tag may be cut by the end of a piece
            end = piece[-OVER:]
    return row, column


def _check_formulas(path: Path, sheet: Any, empty: np.ndarray) -> None:
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
            found |= {(int(row), _column(letters)) for letters, row in WITHOUT.findall(piece)}
            # a cell may be cut by the end of a piece
            end = piece[-LONGEST:]
    return sorted(found)


def _column(letters: bytes) -> int:
    """Returns the number of a column, such as 28 for AB."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number


def _check_rows(path: Path) -> None:
    """Raises ValueError if a Parquet file exceeds the limit of memory, or has columns of one name.

    Equal values are stored only once, so that a small file may need much memory.
    """
    about = _reading(path, lambda: _parquet(path))
    groups = [about.row_group(i).total_byte_size for i in range(about.num_row_groups)]
    needed = max(CELL * about.num_rows * about.num_columns, COPIES * sum(groups))
    check_memory(path, needed, f"{about.num_rows:,} rows of {about.num_columns:,} columns")
    # pandas cannot read such a file
    check_names(str(path), about.schema.to_arrow_schema().names)


def _parquet(path: Path) -> Any:
    from pyarrow import parquet

    return parquet.read_metadata(path)


def _chosen(path: Path, sheets: list[Any], told: str | None) -> Any:
    """Returns the name of the sheet that is read."""
    listed = ", ".join(map(repr, sheets))
    if told is None:
        if len(sheets) > 1:
            raise ValueError(f"{path} has the sheets {listed}: name one with sheet=.")
        return sheets[0]
    if told in sheets:
        return told
    if told.isdecimal() and len(told) <= LONG and 1 <= int(told) <= len(sheets):
        return sheets[int(told) - 1]
    raise ValueError(f"{path} has no sheet {told!r}, which sheet= names; it has {listed}.")


def _reading(path: Path, read: Any) -> Any:
    """Calls a reader; its exceptions are raised as a ValueError in one sentence."""
    try:
        return read()
    except ImportError as error:
        get = install_command("tables")
        raise ValueError(f"{path} needs a further package ({error}): {get}.") from error
    # damaged files make the engines raise many kinds of exceptions
    except Exception as error:
        what = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"{path} could not be read ({what}): save it again, or as .csv.") from error
