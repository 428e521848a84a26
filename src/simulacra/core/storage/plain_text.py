"""Sanitizes untrusted text before it is printed or written.

terminal    control characters move the cursor, hide lines and set titles; bidi marks reorder letters
Markdown    tags run as HTML, and a bar or a star ends a cell or begins another style
csv         a spreadsheet computes a cell that begins with = + - @ as a formula
"""

from __future__ import annotations

import html
import re

# all but tab and line feed; marks of direction, of width 0 and of operators, and halves of characters
CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    r"""Returns the text with control characters escaped.

    Example:
        >>> print(printable("row\x1b[2J.csv"))
        row\x1b[2J.csv
    """
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def in_markdown(text: str, cell: bool = False) -> str:
    r"""Returns the text as one line of Markdown, without tags and links.

    Args:
        text: any text.
        cell: escape bars and stars too, for a cell of a table.

    Example:
        >>> print(in_markdown("<b>[a](b)"), in_markdown("a|b*", cell=True))
        &lt;b&gt;\[a\](b) a\|b\*
    """
    line = html.escape(" ".join(printable(text).split()), quote=False)
    return re.sub(r"([|*\[\]])" if cell else r"([\[\]])", r"\\\1", line)


def is_formula(cell: object) -> bool:
    """Returns True for a text that a spreadsheet would compute as a formula; numbers are not formulas.

    Example:
        >>> [is_formula(cell) for cell in ("=1+1", "-3", -3.0, "a")]
        [True, False, False, False]
    """
    if not isinstance(cell, str) or not cell.startswith(FORMULA):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False


def without_formula(cell: object) -> object:
    """Returns the cell, with an apostrophe before a text that a spreadsheet would compute.

    Example:
        >>> without_formula("=1+1"), without_formula(2)
        ("'=1+1", 2)
    """
    return f"'{cell}" if is_formula(cell) else cell
