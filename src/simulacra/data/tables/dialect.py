"""How a text table is written: encoding, comments, separator, marks of numbers, header.

What the user does not say is found out. The separator comes from the detector of the package clevercsv, on
the first lines. Of four detectors that were measured (decision 11) none finds a header of numbers or decimal
commas in a single column, so those are looked for here. What was found is a `Dialect`, with which the file is
read in the same way again.
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

COMMENTS = ("#", "%", "//")
NAMES = {"tab": "\t", "blank": " ", "space": " ", "comma": ",", "semicolon": ";", "\\t": "\t"}
SAID = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "blanks", "|": "bars", "": "one column"}
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")  # no other mark ends a line, as U+2028 does for Python
OPENING = re.compile(r'(?:^|[,;\t| ])"')
SEPARATOR_LINE = re.compile(r'\ufeff?("?sep=([^\r\n"])"?[,;]*)[ \t]*(?=[\r\n])', re.IGNORECASE)
LONGEST = 200  # lines of one quoted cell

Line = tuple[int, list[str]]  # number in the file, from 1, and cells


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Args:
        separator: the mark between cells; a blank stands for any number of blanks and tabs, nothing for one
            column.
        marks: how numbers are written.
        header: number of the line with the names, from 1, or 0 where there is none.
        comment: the mark that begins a line without data, or nothing.
        encoding: of the text.
    """

    separator: str = ","
    marks: Marks = Marks()
    header: int = 0
    comment: str = ""
    encoding: str = "utf-8-sig"

    def __str__(self) -> str:
        """In words, such as `semicolons, decimal commas, header`."""
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
        """The options of `load_data` with which a file is read in this dialect."""
        return {
            "separator": {"\t": "tab", " ": "blank", "": "none"}.get(self.separator, self.separator),
            "decimal": self.marks.decimal,
            "thousands": {"": "none", " ": "blank"}.get(self.marks.thousands, self.marks.thousands),
            "header": self.header or False,
            "comment": self.comment or "none",
            "encoding": self.encoding,
        }


def decoded(path: Path, encoding: str | None) -> tuple[str, str]:
    """The text of a file and its encoding.

    Raises:
        ValueError: if it is no such text.
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
    """Bytes of memory that a table of such a text takes."""
    return TEXT * len(content) + OF_A_LINE * max(content.count(b"\n"), content.count(b"\r"))


def _wide(content: bytes) -> str:
    """The mend for a file with null bytes: every second one of UTF-16 text is null."""
    even, odd = content[::2].count(0), content[1::2].count(0)
    if 4 * max(even, odd) < len(content):
        return "remove it, or if the file is no text save it as one"
    wide = load_with(encoding="utf-16-le" if odd > even else "utf-16-be")
    return Phrase(f"if it is UTF-16 load it with {wide}", wide)


def records_of(text: str) -> list[tuple[int, str]]:
    """Number of the first line, from 1, and text of each record: lines that a quoted cell spans are one.

    Example:
        >>> records_of('a,b\\n"1\\n2",3\\n')
        [(1, 'a,b\\n'), (2, '"1\\n2",3\\n')]
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
    """The number of the line after a record that begins with line i, both from 0."""
    if lines[i].count('"') % 2 == 0 or OPENING.search(lines[i]) is None:
        return i + 1
    odd = (j + 1 for j in range(i + 1, min(i + LONGEST, len(lines))) if lines[j].count('"') % 2)
    # a mark that nothing closes, such as that of inches, opens no cell
    return next(odd, i + 1)


def separator_line(text: str) -> tuple[str, str]:
    """The text without the line `sep=;` with which spreadsheets begin, and the separator that it names."""
    found = SEPARATOR_LINE.match(text)
    return (text, "") if found is None else (text[found.end(1) :], found[2])


def blanked(text: str, numbers: Collection[int]) -> str:
    """The text with some of its lines made blank."""
    return "".join("\n" if i in numbers else line for i, line in enumerate(LINE.findall(text), 1))


def cells_of(path: Path, text: str, separator: str) -> Iterator[Line]:
    """Line number and cells of every row that is not blank, without blanks around cells.

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


def find_comment(lines: Sequence[str], told: str | None) -> str:
    """The mark that begins lines without data, or nothing.

    Args:
        lines: of the file, blank ones left out.
        told: by the user; `none` for no such mark.
    """
    if told is not None:
        return "" if told == "none" else told
    for mark in COMMENTS:
        marked = [line.lstrip().startswith(mark) for line in lines]
        # a first column of colours such as #ff0000 is marked throughout
        if any(marked) and not all(marked[1:]) and (marked[0] or 5 * sum(marked) < len(marked)):
            return mark
    return ""


def told_dialect(options: TableOptions, encoding: str) -> Dialect:
    """The dialect with what the user says and nothing found out."""
    separator = options.separator
    if separator is not None:
        separator = "" if separator == "none" else NAMES.get(separator, separator)
        if len(separator) > 1:
            raise ValueError(
                f"separator={options.separator!r} must be one character, or tab, blank or none (one column)."
            )
    return replace(Dialect(encoding=encoding), separator="," if separator is None else separator)
