"""Strategies that write a text table from known values, in the dialects that people use."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

GAPS = ("", "NA", "nan", "NaN", "null", "None", "?", "<NA>", "N/A")
WORDS = (
    *(
        "red",
        "Rot",
        "RED",
        "grün",
        "new york",
        "a,b",
        "c;d",
        'say "x"',
        "it's",
        "x|y",
        "1 Main St",
        "-",
        "yes",
    ),
    *(
        "no",
        "true",
        "False",
        "none",
        "NA",
        "01",
        "#7",
        "5%",
        "A+",
        "line\nbreak",
        "tab\there",
        "a\u2028b",
        "łódź",
    ),
)
CODES = ("02139", "00501", "10001", "007", "0000", "12345678901234567890", "+4917612345678", "06520")
DATES = ("2020-01-31", "31.12.2019", "1/2/2003", "2020-01-31 12:00:00", "12:30")
NAMES = (
    "body mass",
    "größe",
    "x",
    "y_2",
    "A b C",
    "Preis (€)",
    "temp.",
    "no-1",
    "height,cm",
    "weight;kg",
    "q'",
    "Z",
)


@dataclass(frozen=True)
class Written:
    """A column as it was written.

    Args:
        name: in the header.
        cells: as text, unquoted.
        numbers: the number of each cell, None where a cell is no number.
        gaps: places of the missing cells.
    """

    name: str
    cells: list[str]
    numbers: list[float | None]
    gaps: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Style:
    """How a table is written, and what the reader is told of it."""

    separator: str
    decimal: str
    thousands: str
    header: bool
    told: dict[str, Any] = field(default_factory=dict)
    quoting: int = csv.QUOTE_MINIMAL
    newline: str = "\n"
    encoding: str = "utf-8"
    above: str = ""
    trailing: bool = False
    zipped: bool = False


def spelled(number: float, form: str, decimal: str, thousands: str) -> tuple[str, float]:
    """A number as text, and the number that the text says."""
    plain = format(number, form)
    text = format(number, "," + form) if thousands and "e" not in plain else plain
    return text.replace(",", "\0").replace(".", decimal).replace("\0", thousands), float(plain)


@st.composite
def number_columns(draw: Any, name: str, n: int, style: Style, gaps: bool = True) -> Written:
    """A column of numbers of one format, some of them missing."""
    form = draw(st.sampled_from((".3f", ".1f", ".12g", ".6e", ".17g", "d")))
    grouped = style.thousands if form in (".3f", ".1f", "d") else ""
    size = 10.0 ** draw(st.integers(-3, 8))
    if form == "d":
        values: Any = st.integers(-(2**53) if draw(st.booleans()) else 0, 2**53)
    else:
        values = st.floats(-size, size, allow_nan=False)
    pairs = [spelled(v, form, style.decimal, grouped) for v in draw(st.lists(values, min_size=n, max_size=n))]
    gone = draw(st.frozensets(st.integers(0, n - 1), max_size=n // 3)) if gaps else frozenset()
    gap = draw(st.sampled_from(GAPS))
    cells = [gap if i in gone else text for i, (text, _) in enumerate(pairs)]
    return Written(name, cells, [None if i in gone else x for i, (_, x) in enumerate(pairs)], gone)


@st.composite
def text_columns(draw: Any, name: str, n: int) -> Written:
    """A column of words, codes or dates, some of them missing."""
    known = draw(st.sampled_from((WORDS, CODES, DATES)))
    classes = draw(st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True))
    cells = draw(st.lists(st.sampled_from(classes), min_size=n, max_size=n))
    gone = draw(st.frozensets(st.integers(0, n - 1), max_size=n // 4))
    gap = draw(st.sampled_from(GAPS))
    cells = [gap if i in gone else cell for i, cell in enumerate(cells)]
    return Written(name, cells, [None] * n, gone)


@st.composite
def styles(draw: Any) -> Style:
    """A dialect; what cannot be found out is told to the reader."""
    decimal = draw(st.sampled_from((".", ".", ",")))
    separator = draw(st.sampled_from((";", "\t", "|") if decimal == "," else (",", ";", "\t", "|")))
    thousands = draw(st.sampled_from(("", "", "'", " ", "." if decimal == "," else ",")))
    header = draw(st.booleans())
    names = {"\t": "tab"}
    told: dict[str, Any] = {} if header else {"header": False}
    if draw(st.booleans()):
        told |= {"separator": names.get(separator, separator), "decimal": decimal}
        told |= {"thousands": {"": "none", " ": "blank"}.get(thousands, thousands)}
    encoding = draw(st.sampled_from(("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32")))
    return Style(
        separator,
        decimal,
        thousands,
        header,
        told,
        draw(st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))),
        draw(st.sampled_from(("\n", "\r\n", "\r"))),
        encoding,
        draw(st.sampled_from(("", "", "# station 5, 2020\n", "# a\n# b; c\n"))) if header else "",
        draw(st.booleans()) and header,
        draw(st.booleans()),
    )


@st.composite
def tables(draw: Any) -> tuple[Style, list[Written]]:
    """A dialect and the columns of a table; the first one is of numbers and has no gaps."""
    style, n = draw(styles()), draw(st.integers(5, 20))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True))
    first = draw(number_columns(names[0], n, style, gaps=False))
    others = st.booleans()
    rest = [
        draw(number_columns(name, n, style)) if draw(others) else draw(text_columns(name, n))
        for name in names[1:]
    ]
    columns = [first, *rest]
    numbers = [cell for c in columns for cell, x in zip(c.cells, c.numbers) if x is not None]
    if style.thousands == "." and not any("," in cell or cell.count(".") > 1 for cell in numbers):
        # 1.000 alone is one, or a thousand
        style = replace(style, told=style.told | {"decimal": ",", "thousands": "."})
    return style, columns


def write_table(folder: Path, style: Style, columns: list[Written]) -> Path:
    """The file that holds the columns."""
    out = io.StringIO(newline="")
    out.write(style.above.replace("\n", style.newline))
    writer = csv.writer(out, delimiter=style.separator, quoting=style.quoting, lineterminator=style.newline)  # type: ignore[call-overload]
    more = [""] if style.trailing else []
    if style.header:
        writer.writerow([column.name for column in columns] + more)
    writer.writerows([*row, *more] for row in zip(*(column.cells for column in columns)))
    content = out.getvalue().encode(style.encoding)
    path = folder / ("table.csv.gz" if style.zipped else "table.csv")
    path.write_bytes(gzip.compress(content, 1, mtime=0) if style.zipped else content)
    return path
