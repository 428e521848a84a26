"""Records of a text table, read one by one: the text of each beside its cells."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from simulacra.data.tables.comments import is_comment
from simulacra.data.tables.dialect import BOMS, SEPARATOR_LINE

STDIN = Path("-")
BUFFER = 2**16  # bytes that are read at once


@dataclass(frozen=True)
class Record:
    """One record of a text table.

    Args:
        text: the text as the file has it, without the end of its line.
        cells: its cells, without blanks around them.
        line: number of its last line, from 1.
    """

    text: str
    cells: list[str]
    line: int


@contextmanager
def opened(path: Path, encoding: str | None) -> Iterator[Iterator[str]]:
    """Opens a text file, plain or gzipped, or standard input for `-`: its lines with their ends.

    Args:
        path: the file.
        encoding: encoding of the text; None: UTF-8. A byte order mark decides first, then whether letters
            beyond ASCII are UTF-8, in which the library writes, whatever its data were written in.

    Raises:
        ValueError: if the file is not text in this encoding.
    """
    with _binary(path) as raw:
        buffered = io.BufferedReader(raw, BUFFER)  # type: ignore[type-var]
        try:
            start = buffered.peek(4)
            found = next((name for mark, name in BOMS if start.startswith(mark)), "")
            if not found:
                plain = encoding is None or is_utf8(path, buffered)
                found = "utf-8" if plain else str(encoding)
            # the mark stays in the first line, so that the output begins with it, too
            found = "utf-8" if found == "utf-8-sig" else found
            text = io.TextIOWrapper(buffered, encoding=found, newline="")
            try:
                yield _decoded(path, text, found)
            finally:
                text.detach()
        finally:
            # standard input stays open
            buffered.detach()


def is_utf8(path: Path, buffered: Any) -> bool:
    """Returns True if a text has letters beyond ASCII, and all of them are UTF-8.

    Args:
        path: the file, which is read once more; of standard input only what is buffered is looked at.
        buffered: its bytes, which stay where they are.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    beyond = False
    try:
        if path == STDIN:
            head = buffered.peek(BUFFER)
            return not head.isascii() and bool(decoder.decode(head))
        with _binary(path) as file:
            while block := file.read(BUFFER):
                beyond = beyond or not block.isascii()
                decoder.decode(block)
        decoder.decode(b"", True)
    except UnicodeError:
        return False
    return beyond


@contextmanager
def _binary(path: Path) -> Iterator[IO[bytes]]:
    if path == STDIN:
        yield sys.stdin.buffer
    elif path.suffix.lower() == ".gz":
        with gzip.open(path) as file:
            yield file  # type: ignore[misc]
    else:
        with open(path, "rb", buffering=0) as file:
            yield file


def _decoded(path: Path, text: Iterable[str], encoding: str) -> Iterator[str]:
    number = 0
    try:
        for number, line in enumerate(text, 1):
            yield line if number > 1 else _without_separator_line(line)
    except UnicodeError as error:
        raise ValueError(
            f"{path} is no {encoding.upper()} text (after line {number}): save it as UTF-8."
        ) from error
    except (EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is damaged after line {number} ({error}): make it again.") from error


def _without_separator_line(line: str) -> str:
    return "\n" if SEPARATOR_LINE.match(line) else line


def records(path: Path, lines: Iterable[str], separator: str, comment: str) -> Iterator[Record]:
    r"""Yields the records of a table; blank lines and comments are left out.

    Args:
        path: the file, for errors.
        lines: its lines, with their ends.
        separator: the mark between cells, a blank for any number of blanks, empty for a single column.
        comment: the mark that begins a line without data, or an empty string.

    Raises:
        ValueError: if a quotation is not closed.

    Example:
        >>> [r.cells for r in records(Path("x.csv"), ["a,b\n", "# no\n", '"1\n', '2", 3\n'], ",", "#")]
        [['a', 'b'], ['1\n2', '3']]
    """
    taken = _Taken(lines, separator, comment)
    if separator == "":
        for line in taken:
            yield Record(taken.text(), [line.strip()], taken.number)
        return
    reader = csv.reader(taken, delimiter=separator, skipinitialspace=True, strict=True)
    try:
        for row in reader:
            cells = list(map(str.strip, row))
            text = taken.text()
            if len(cells) > 1 or any(cells):
                yield Record(text, cells, taken.number)
    except csv.Error as error:
        raise ValueError(
            f"{path} cannot be read at line {taken.number} ({error}): close each quotation, and write marks "
            "within one twice."
        ) from error


class _Taken:
    """Iterator of lines that keeps those of the present record."""

    def __init__(self, lines: Iterable[str], separator: str, comment: str):
        self.lines, self.blanks, self.comment = iter(lines), separator == " ", comment
        self.kept: list[str] = []
        self.number = 0

    def __iter__(self) -> _Taken:
        return self

    def __next__(self) -> str:
        for line in self.lines:
            self.number += 1
            # within a quoted cell, a blank line or a mark of comments is part of the cell
            if not self.kept and (not line.strip() or is_comment(line, self.comment)):
                continue
            self.kept.append(line)
            return line.replace("\t", " ").strip() + "\n" if self.blanks else line
        raise StopIteration

    def text(self) -> str:
        """Returns the text of the record and begins another one."""
        text, self.kept = "".join(self.kept).rstrip("\r\n"), []
        return text
