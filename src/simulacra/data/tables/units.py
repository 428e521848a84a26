"""Numbers that are written with a unit, such as `50kg`, `$1.50` or `3 mg/l`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from simulacra.data.tables.numbers import Marks

UNITS = 3  # fewest numbers with a unit over which a text is a name
RARE = 10  # values for each different unit of a column
WORD = r"[°µμ]?[^\W\d_]{1,4}[²³]?"
UNIT = re.compile(
    r"([$€£¥]?) ?([-+\u2212]?[0-9](?:[0-9.,' \u00a0\u202f]*[0-9.,])?)"
    rf"([ \u00a0]?(?:[%‰$€£¥°]|{WORD}(?:/{WORD})?)|)"
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
    """Returns True if all texts are numbers with one of few units: `50kg`, but not `1a`, `2b`.

    Args:
        texts: texts, without blanks around them.
        marks: decimal and thousands marks.
    """
    units = {unit_of(text, marks) for text in texts}
    return not units & {None, ("", "")} and len(units) <= max(1, len(texts) // RARE)
