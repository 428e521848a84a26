"""The dialect of a text table: encoding, comments, separator, marks of numbers, header.

What the user does not give is inferred. The separator comes from the detector of the package clevercsv, on
the first lines. None of the four detectors that were measured (decision 11) finds a header of numbers, or
decimal commas in a single column, so those are inferred here. The result is a `Dialect`, with which the file
is read in the same way again.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from simulacra.core.errors.suggestion import Phrase, Refusal, load_with
from simulacra.data.catalog.formats import read_all
from simulacra.data.limits import LINE as OF_A_LINE
from simulacra.data.limits import TEXT
from simulacra.data.tables.numbers import Marks
from simulacra.data.tables.options import TableOptions

NAMES = {"tab": "\t", "blank": " ", "space": " ", "comma": ",", "semicolon": ";", "\\t": "\t"}
SAID = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "blanks", "|": "bars", "": "one column"}
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")  # unlike str.splitlines, which also splits at U+2028
OPENING = re.compile(r'(?:^|[,;\t| ])"')
SEPARATOR_LINE = re.compile(r'\ufeff?("?sep=([^\r\n"])"?[,;]*)[ \t]*(?=[\r\n])', re.IGNORECASE)
LONGEST = 200  # most lines of one quoted cell

Line = tuple[int, list[str]]  # number in the file, from 1, and cells


@dataclass(frozen=True)
class Dialect:
    """The form in which a text table is written.

    Args:
        separator: the mark between cells; a blank stands for any number of blanks and tabs, an empty string
            for a single column.
        marks: decimal and thousands marks.
        header: number of the line with the names, from 1, or 0 if there is none.
        comment: the mark that begins a line without data, or an empty string.
        encoding: encoding of the text.
    """

    separator: str = ","
    marks: Marks = Marks()
    header: int = 0
    comment: str = ""
    encoding: str = "utf-8-sig"

    def __str__(self) -> str:
        """Describes the dialect, such as `semicolons, decimal commas, header`."""
        said = [SAID.get(self.separator, f"separator {self.separator!r}")]
        if self.marks.decimal == ",":
            said.append("decimal commas")
        if self.marks.thousands:
            said.append(f"{self.marks.thousands!r} between thousands")
        said.append("header" if self.header else "no header")
        if self.comment:
            said.append(f"comments after {self.comment}")
        if self.encoding not in ("utf-8", "utf-8-sig"):
            said.append(self.encoding)
        return ", ".join(said)

    def options(self) -> dict[str, str | int | bool]:
        """Returns the options of `load_data` that read a file in this dialect."""
        return {
            "separator": {"\t": "tab", " ": "blank", "": "none"}.get(self.separator, self.separator),
            "decimal": self.marks.decimal,
            "thousands": {"": "none", " ": "blank"}.get(self.marks.thousands, self.marks.thousands),
            "header": self.header or False,
            "comment": self.comment or "none",
            "encoding": self.encoding,
        }


def decoded(path: Path, encoding: str | None) -> tuple[str, str]:
    """Reads a file, and returns its text and encoding.

    Args:
        path: the file, plain or gzipped.
        encoding: the encoding that the user gives; None: UTF-8, or UTF-16 or UTF-32 with a byte order mark.

    Raises:
        ValueError: if it is not text in this encoding.
    """
    content = bytes(read_all(path, _needed))
    marked = next((name for mark, name in BOMS if content.startswith(mark)), None)
    found = marked or "utf-8-sig"
    if encoding is not None and not (marked == "utf-8-sig" and encoding.lower() in ("utf-8", "utf8")):
        found = encoding
    try:
        text = content.decode(found)
    except LookupError as error:
        raise ValueError(f"encoding={encoding!r} is unknown: give one such as 'cp1252'.") from error
    except UnicodeError as error:
        line = content[: getattr(error, "start", 0)].count(b"\n") + 1
        if encoding is not None or found != "utf-8-sig":
            mend = "it is damaged, or of another encoding: save it as UTF-8"
        elif b"\0" in content:
            mend = _wide(content)
        elif other := _line_of_utf8(content):
            mend = f"line {other:,} is, so that encodings are mixed: save all lines in one, as UTF-8"
        else:
            western = load_with(encoding="cp1252")
            mend = Phrase(
                f"save it as UTF-8, or if it comes from a western Windows load it with {western}", western
            )
        raise Refusal(
            f"{path} is no {found.removesuffix('-sig').upper()} text (line {line}): {mend}.", mend
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        mend = _wide(content)
        raise Refusal(f"{path} holds a null character in line {line}: {mend}.", mend)
    return text, found


def _needed(content: bytearray) -> int:
    """Returns the memory of a table with such a text, in bytes."""
    return TEXT * len(content) + OF_A_LINE * max(content.count(b"\n"), content.count(b"\r"))


def _line_of_utf8(content: bytes) -> int:
    """Returns the first line, from 1, that is UTF-8 text with letters beyond ASCII; 0 if there is none."""
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.isascii():
            try:
                line.decode()
            except UnicodeError:
                continue
            return number
    return 0


def _wide(content: bytes) -> str:
    """Returns advice for a file with null bytes: in UTF-16 text every second byte is null."""
    even, odd = content[::2].count(0), content[1::2].count(0)
    if 4 * max(even, odd) < len(content):
        return "remove it, or if the file is no text save it as one"
    wide = load_with(encoding="utf-16-le" if odd > even else "utf-16-be")
    return Phrase(f"if it is UTF-16 load it with {wide}", wide)


def records_of(text: str) -> list[tuple[int, str]]:
    r"""Returns the first line number, from 1, and the text of each record; a quoted cell may span lines.

    Example:
        >>> records_of('a,b\n"1\n2",3\n')
        [(1, 'a,b\n'), (2, '"1\n2",3\n')]
    """
    lines = LINE.findall(text)
    if '"' not in text:
        return list(enumerate(lines, 1))
    records, i = [], 0
    while i < len(lines):
        end = _end_of_record(lines, i)
        records.append((i + 1, lines[i] if end == i + 1 else "".join(lines[i:end])))
        i = end
    return records


def _end_of_record(lines: Sequence[str], i: int) -> int:
    """Returns the number of the line after a record that begins with line i, both from 0."""
    if lines[i].count('"') % 2 == 0 or OPENING.search(lines[i]) is None:
        return i + 1
    odd = (j + 1 for j in range(i + 1, min(i + LONGEST, len(lines))) if lines[j].count('"') % 2)
    # a quotation mark that is never closed, such as one for inches, does not open a cell
    return next(odd, i + 1)


def separator_line(text: str) -> tuple[str, str]:
    """Removes the first line `sep=;` of spreadsheets; returns the text and that separator."""
    found = SEPARATOR_LINE.match(text)
    return (text, "") if found is None else (text[found.end(1) :], found[2])


def blanked(text: str, numbers: Collection[int]) -> str:
    """Returns the text with some of its lines made blank.

    Args:
        text: the text of a file.
        numbers: numbers of the lines, from 1.
    """
    return "".join("\n" if i in numbers else line for i, line in enumerate(LINE.findall(text), 1))


def cells_of(path: Path, text: str, separator: str) -> Iterator[Line]:
    """Yields line number and cells of every row that is not blank; blanks around cells are stripped.

    Args:
        path: the file, for errors.
        text: its text.
        separator: the mark between cells; an empty string for a single column.

    Raises:
        ValueError: if a quotation is not closed.
    """
    if separator == "":
        for number, record in records_of(text):
            if record.strip():
                yield number, [_unquoted(record.strip())]
        return
    lines = LINE.findall(text)
    if separator == " ":
        lines = [line.replace("\t", " ").strip() + "\n" for line in lines]
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    try:
        for row in reader:
            cells = list(map(str.strip, row))
            if len(cells) > 1 or any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(
            f"{path} cannot be read at line {reader.line_num} ({error}): close each quotation, and write "
            "marks within one twice."
        ) from error


def _unquoted(cell: str) -> str:
    quoted = len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1].replace('""', "")
    return cell[1:-1].replace('""', '"').strip() if quoted else cell


def told_dialect(options: TableOptions, encoding: str) -> Dialect:
    """Returns the dialect that the user gives, with defaults for the rest.

    Args:
        options: options of text tables.
        encoding: encoding of the text.
    """
    separator = options.separator
    if separator is not None:
        separator = "" if separator == "none" else NAMES.get(separator, separator)
        if len(separator) > 1:
            raise ValueError(
                f"separator={options.separator!r} must be one character, or tab, blank or none (one column)."
            )
    return replace(Dialect(encoding=encoding), separator="," if separator is None else separator)
