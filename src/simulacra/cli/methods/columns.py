"""Answers in columns: the rows of a file as they are, with cells added at the end of each."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from simulacra.cli.methods.request import Request

if TYPE_CHECKING:
    from simulacra.data.new_rows.chunk import Chunk, NewRows

log = logging.getLogger("simulacra")
Put = Callable[[str], object]
Answers = Callable[["Chunk"], Mapping[str, Sequence[Any]]]  # columns by name, each of shape (B,)
SUFFIXES = (".csv", ".tsv", ".txt", ".tab")
ARRAYS = (".npy", ".npz")


def add_columns(request: Request, rows: NewRows, answers: Answers) -> int:
    """Writes the rows with further columns; returns the number of rows.

    Args:
        request: the words of the command.
        rows: rows of the file.
        answers: returns the columns for the rows of a chunk.
    """
    _check_names_are_text(rows)
    _tell_formulas(request, rows)
    return written(request, lambda put: _added(put, request, rows, answers))


def _check_names_are_text(rows: NewRows) -> None:
    """Raises ValueError for a file name whose bytes are not UTF-8, so that no text file can contain it."""
    odd = [name for name in rows.listed if name.encode("utf-8", "replace").decode() != name]
    if odd:
        many = f", and {len(odd) - 1:,} others are none either" if len(odd) > 1 else ""
        raise ValueError(
            f"the file name {odd[0]} in {rows.path} is no UTF-8 text, so that no table can hold it{many}: "
            "rename the file."
        )


def _tell_formulas(request: Request, rows: NewRows) -> None:
    """Warns of names of files that a spreadsheet would compute as formulas."""
    from simulacra.core.storage.plain_text import is_formula

    found = [name for name in rows.listed if is_formula(name)]
    if found and not request.escape:
        log.warning(
            "%s of the files %s a name that begins with = + - or @, such as %s, which a spreadsheet "
            "computes: add --escape-formulas to write an apostrophe before it, or open the table as text.",
            f"{len(found):,}",
            "has" if len(found) == 1 else "have",
            found[0],
        )


def check_table(request: Request, arrays: bool = False) -> None:
    """Raises ValueError if the output is no file of columns.

    Args:
        request: the words of the command.
        arrays: True if it may be a .npy or .npz file.
    """
    ends = (*SUFFIXES[:1], *(ARRAYS if arrays else ()))
    if not request.piped and request.path.suffix.lower() not in (*SUFFIXES, *ends):
        listed = " or ".join(ends)
        raise ValueError(f"--out {request.out} must end in {listed}, or be - for standard output.")


def written(request: Request, produce: Callable[[Put], int]) -> int:
    """Writes a text file atomically, or to standard output; returns what `produce` returns.

    Args:
        request: the words of the command.
        produce: writes the text piece by piece by the function that it is given.
    """
    from simulacra.core.storage.files import write_atomically
    from simulacra.core.storage.folders import check_output, parents_of

    if request.piped:
        if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
            # the table as a file would have it, on Windows too
            sys.stdout.reconfigure(encoding="utf-8", newline="")
        n = produce(_on_terminal if sys.stdout.isatty() else sys.stdout.write)
        sys.stdout.flush()
        return n
    counts = []

    def write(aside: Any) -> None:
        with open(aside, "w", newline="", encoding="utf-8") as file:
            counts.append(produce(file.write))

    check_output(request.path)
    with parents_of(request.path):
        write_atomically(request.path, write)
    return counts[0]


def _on_terminal(text: str) -> None:
    """Writes a piece of a table to a terminal, with control characters escaped; a pipe gets the table."""
    from simulacra.core.storage.plain_text import printable

    sys.stdout.write(printable(text.replace("\r\n", "\n")))


def _added(put: Put, request: Request, rows: NewRows, answers: Answers) -> int:
    from simulacra.core.methods.rows import CHUNK
    from simulacra.data.new_rows.chunk import joined

    mark, n, names = rows.mark, 0, None
    waiting: list[str] = []  # rows before the first answer, which tells the names
    for chunk in rows.chunks(CHUNK):
        n += len(chunk)
        ends = [""] * len(chunk)
        if len(chunk.places):
            found = answers(chunk)
            for i, cells in zip(chunk.places.tolist(), zip(*found.values())):
                ends[i] = joined(map(mark.cell, cells), mark.separator)
            if names is None:
                names = list(found)
                request.check_names(rows, names)
                if mark.header is not None:
                    put(f"{mark.header}{mark.separator}{joined(names, mark.separator)}{mark.end}")
        if names is None:
            waiting += chunk.heads
            continue
        empty = mark.separator * (len(names) - 1)
        put("".join(f"{head}{mark.separator}{empty}{mark.end}" for head in waiting))
        waiting = []
        lines = (f"{head}{mark.separator}{end or empty}{mark.end}" for head, end in zip(chunk.heads, ends))
        put("".join(lines))
    if names is None:
        raise request.nothing(rows)
    return n
