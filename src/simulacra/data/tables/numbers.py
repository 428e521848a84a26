"""Parses numbers in text: decimal and thousands marks, and digits that are not numbers.

    1234.5  1,234.5  1 234,5  1.234,5  1'234.5  -3e-5        numbers
    02139  00501  +4917612345678  12345678901234567890      codes: digits that a number does not preserve

A code is kept as text. Python's own `float` also accepts `1_000`, `infinity` and digits of other scripts,
which are not numbers in a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from simulacra.core.errors.suggestion import Refusal, load_with

UNITS = 3  # fewest numbers with a unit for which a text above them is a header
RARE = 10  # fewest values of a column for each of its different units
WORD = r"[°µμ]?[^\W\d_]{1,4}[²³]?"
UNIT = re.compile(
    r"([$€£¥]?) ?([-+\u2212]?[0-9](?:[0-9.,' \u00a0\u202f]*[0-9.,])?)"
    rf"([ \u00a0]?(?:[%‰$€£¥°]|{WORD}(?:/{WORD})?)|)"
)
GROUPS = "., '\u00a0\u202f"  # marks between groups of three digits
EXACT = 2**53  # whole numbers up to here are exact in double precision
MOST_DIGITS = 309  # digits of the largest double
LONG = 7  # more digits after a plus sign are a telephone number
MINUS = "\u2212"  # the typographic minus sign
PLAIN = re.compile(r"[+-]?[0-9]+")
BEYOND = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


def as_float(text: str) -> float | None:
    """Returns the number that a text is, infinite and NaN as well, or None.

    Python's `float` also takes `1_0` for 10, and digits of other scripts.

    Args:
        text: a number with a decimal point, or anything else.

    Example:
        >>> as_float("-1.5e3"), as_float("1_0"), as_float("ten")
        (-1500.0, None, None)
    """
    if "_" in text or not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None


@dataclass(frozen=True)
class Marks:
    """The marks with which numbers are written.

    Args:
        decimal: the decimal mark, `.` or `,`.
        thousands: the mark between groups of three digits, or an empty string.

    Example:
        >>> marks = Marks(",", ".")
        >>> marks.number("1.234,5"), marks.number("1,5e3"), marks.number("1.5"), marks.number("02139")
        (1234.5, 1500.0, None, None)
    """

    decimal: str = "."
    thousands: str = ""

    @cached_property
    def _number(self) -> re.Pattern[str]:
        point, group = re.escape(self.decimal), re.escape(self.thousands)
        whole = f"[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+" if group else "[0-9]+"
        return re.compile(rf"[+-]?(?:(?:{whole})(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?")

    def number(self, text: str) -> float | None:
        """Returns the number in a cell; None for text and for codes that a number does not preserve."""
        text = text.replace(MINUS, "-")
        if self._number.fullmatch(text) is None:
            return float(text) if BEYOND.fullmatch(text) else None
        if is_code(text):
            return None
        plain = text.replace(self.thousands, "") if self.thousands else text
        return float(plain.replace(self.decimal, "."))

    @cached_property
    def _other(self) -> re.Pattern[str]:
        """The pattern of a cell that is not a short number without leading zeros, between null characters."""
        point = re.escape(self.decimal)
        whole = rf"(?!\+[0-9]{{{LONG + 1}}})[+-]?(?:(?:0|[1-9][0-9]{{0,14}})(?:{point}[0-9]*)?|{point}[0-9]+)"
        short = rf"{whole}(?:[eE][+-]?[0-9]{{1,2}})?"
        return re.compile(rf"\0(?!{short}\0|\Z)")

    def all_numbers(self, cells: Sequence[str]) -> np.ndarray | None:
        """Parses many cells at once, if all are ordinary numbers; None: parse them one by one."""
        text = "\0".join(cells)
        if not text or self._other.search(f"\0{text}\0") is not None:
            return None
        plain = text if self.decimal == "." else text.replace(self.decimal, ".")
        return np.array(list(map(float, plain.split("\0"))), dtype=np.float64)

    def looks_like(self, text: str) -> bool:
        """Returns True for numbers, and for digits that are codes."""
        return self._number.fullmatch(text.replace(MINUS, "-")) is not None


def is_code(text: str) -> bool:
    """Returns True for digits that a number does not preserve: leading zeros, a long `+`, or too many digits.

    Example:
        >>> is_code("02139"), is_code("0"), is_code("0.5"), is_code("12345678901234567890")
        (True, False, False, True)
    """
    if PLAIN.fullmatch(text) is None:
        return False
    digits = text.lstrip("+-")
    zeros = len(digits) > 1 and digits[0] == "0"
    # longer ones are beyond double precision, and Python refuses to read thousands of digits
    beyond = len(digits) > MOST_DIGITS or not is_exact(int(digits))
    return zeros or (text[0] == "+" and len(digits) > LONG) or beyond


def is_exact(number: int) -> bool:
    """Returns True if double precision holds a whole number exactly."""
    return abs(number) <= EXACT or (abs(number) < 2**1023 and int(float(number)) == number)


def beyond_exact(x: np.ndarray) -> bool:
    """Returns True if most numbers have the size of identifiers that a double rounds, from 2^53 to 2^64.

    Args:
        x: numbers, NaN where missing, shape (N,).
    """
    size = np.abs(x[~np.isnan(x)])
    return 2 * int(((size >= EXACT) & (size < 2**64)).sum()) > len(size)


@dataclass(frozen=True)
class Seen:
    """An example of each form of number that occurs in the cells, or None.

    Args:
        comma: a decimal comma, such as `1,5`.
        point: a decimal point, such as `1.5`.
        commas: groups with commas, such as `1,234,567` or `1,234.5`.
        points: groups with points.
        comma_or_group: `1,234`, which may be either.
        point_or_group: `1.234`, which is a decimal unless others have decimal commas.
        groups: another mark between groups, such as the blank of `1 234`.
    """

    comma: str | None = None
    point: str | None = None
    commas: str | None = None
    points: str | None = None
    comma_or_group: str | None = None
    point_or_group: str | None = None
    groups: str | None = None


E = r"(?:[eE][+-]?[0-9]+)?"
GROUP = r"[+-]?[1-9][0-9]{0,2},[0-9]{3}"
DOTTED = r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}"
FORMS = {
    "commas": r"[+-]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3}){2,}(?:\.[0-9]*)?|,[0-9]{3}\.[0-9]*)",
    "points": r"[+-]?[1-9][0-9]{0,2}(?:(?:\.[0-9]{3}){2,}(?:,[0-9]*)?|\.[0-9]{3},[0-9]*)",
    "comma_or_group": GROUP,
    "comma": rf"(?!{GROUP}\0)[+-]?(?:[0-9]+,[0-9]+|,[0-9]+){E}",
    "point_or_group": DOTTED,
    "point": rf"(?!{DOTTED}\0)[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+){E}",
    "groups": r"[+-]?[1-9][0-9]{0,2}([ '\u00a0\u202f])[0-9]{3}(?:\2[0-9]{3})*(?:[.,][0-9]*)?",
}
BETWEEN_NULLS = {name: re.compile(rf"\0({form})(?=\0)") for name, form in FORMS.items()}


def seen_in(cells: Iterable[str]) -> Seen:
    """Returns the first cell of each form."""
    # no cell holds a null character; one search of all cells is faster than many
    text = "\0" + "\0".join(cells).replace(MINUS, "-") + "\0"
    found = {name: match[1] for name, form in BETWEEN_NULLS.items() if (match := form.search(text))}
    if "groups" in found:
        # its decimal mark counts, too
        for mark, name in ((",", "comma"), (".", "point")):
            if mark in found["groups"]:
                found.setdefault(name, found["groups"])
    return Seen(**found)


def find_marks(
    where: str,
    cells: Iterable[str],
    decimal: str | None = None,
    thousands: str | None = None,
    separator: str = ",",
) -> Marks:
    """Infers the marks with which the numbers of a file are written.

    Args:
        where: the file, for errors.
        cells: cells of all columns.
        decimal: the decimal mark; None: inferred.
        thousands: the mark between groups, or `none`; None: inferred.
        separator: the separator of the file; semicolons are usual where the decimal mark is a comma.

    Raises:
        ValueError: if some numbers have decimal commas and others decimal points, or `1,234` may be either;
            between semicolons, if `1.234` may be either.

    Example:
        >>> find_marks("x.csv", ["1,5", "1.234,0"])
        Marks(decimal=',', thousands='.')
    """
    seen = seen_in(cells)
    if decimal is None:
        decimal = _decimal(where, seen, thousands, separator)
    if thousands is not None:
        group = "" if thousands == "none" else {"blank": " "}.get(thousands, thousands)
        if group == decimal or (group and group not in GROUPS):
            raise ValueError(
                f"{where} cannot have thousands={thousands!r} beside decimal={decimal!r}: give ',', '.', "
                "'blank', \"'\" or none."
            )
        return Marks(decimal, group)
    if seen.groups:
        return Marks(decimal, next(mark for mark in seen.groups if mark in " '\u00a0\u202f"))
    if decimal == ",":
        return Marks(",", "." if seen.points or seen.point_or_group else "")
    return Marks(".", "," if seen.commas or seen.comma_or_group else "")


def _decimal(where: str, seen: Seen, thousands: str | None, separator: str) -> str:
    comma, point = seen.comma or seen.points, seen.point or seen.commas
    if thousands in (",", "."):
        return "." if thousands == "," else ","
    if comma and point:
        ways = load_with(decimal=","), load_with(decimal=".")
        raise Refusal(
            f"{where} has numbers with a decimal comma, such as {comma!r}, and with a decimal point, such as "
            f"{point!r}: load it with {ways[0]} or load it with {ways[1]} to take the others as text.",
            *ways,
        )
    if comma:
        return ","
    if not point and not seen.comma_or_group and seen.point_or_group and separator == ";" and not thousands:
        ways = load_with(decimal="."), load_with(decimal=",")
        raise Refusal(
            f"{where} has numbers such as {seen.point_or_group!r}, whose point may be a decimal mark or "
            f"stand between thousands: load it with {ways[0]} or load it with {ways[1]}.",
            *ways,
        )
    if point or not seen.comma_or_group:
        return "."
    ways = load_with(decimal=","), load_with(thousands=",")
    raise Refusal(
        f"{where} has numbers such as {seen.comma_or_group!r}, whose comma may be a decimal mark or stand "
        f"between thousands: load it with {ways[0]} or load it with {ways[1]}.",
        *ways,
    )


def unit_of(text: str, marks: Marks) -> tuple[str, str] | None:
    """Returns the texts before and after the number in a text, or None.

    Args:
        text: the text, without blanks around it.
        marks: decimal and thousands marks.

    Example:
        >>> unit_of("50kg", Marks()), unit_of("$1.50", Marks()), unit_of("7", Marks()), unit_of("a7", Marks())
        (('', 'kg'), ('$', ''), ('', ''), None)
    """
    found = UNIT.fullmatch(text)
    return None if found is None or marks.number(found[2].strip()) is None else (found[1], found[3])


def have_units(texts: Sequence[str], marks: Marks) -> bool:
    """Returns True if there are texts, all numbers with one of few units: `50kg`, but not `1a`, `2b`.

    Args:
        texts: texts, without blanks around them.
        marks: decimal and thousands marks.
    """
    units = {unit_of(text, marks) for text in texts}
    return bool(units) and not units & {None, ("", "")} and len(units) <= max(1, len(texts) // RARE)
