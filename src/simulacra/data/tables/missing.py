"""Finds the missing cells of a table: empty ones, and words such as NA if they are not a class.

A word of `WORDS` is a missing entry in a column of numbers, of codes such as 02139, or of True and False, and
in a column that holds nothing else. Among texts, `NA`, `none`, `null` and `n/a` may be a class (no outcome,
Namibia): one that recurs is a class, unless the same spelling is among the numbers of another column, where
it can only mean missing, or the user declares it missing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from simulacra.data.tables.numbers import Marks

CLASSES = {"na", "n/a", "null", "none"}  # words that are also classes
# error codes of spreadsheets: in English, German, French and Spanish
ERRORS = {"#n/a", "#na", "#n/a n/a", "#ref!", "#div/0!", "#value!", "#name?", "#null!", "#num!"} | {
    *("#nv", "#bezug!", "#wert!", "#zahl!", "#n/d", "#valeur!", "#nombre!", "#nom?", "#nul!"),
    *("#\u00a1ref!", "#\u00a1div/0!", "#\u00a1valor!", "#\u00bfnombre?", "#\u00a1nulo!", "#\u00a1num!"),
}
NEVER = {"nan", "-nan", "?", "<na>", "1.#ind", "1.#qnan", "-1.#ind", "-1.#qnan"} | ERRORS
WORDS = CLASSES | NEVER
LONGEST = max(map(len, WORDS))
TRUTH = {"true", "false"}


def may_miss(cell: str) -> bool:
    """Returns True for an empty cell and for the words that may stand for a missing entry."""
    return not cell or (len(cell) <= LONGEST and cell.lower() in WORDS)


@dataclass(frozen=True)
class Missing:
    """The spellings of missing cells in each column.

    Args:
        spellings: spellings of missing cells in each column, by its number.
        classes: words that look missing but are classes, with their number of cells, by column.
    """

    spellings: Mapping[int, Collection[str]]
    classes: Mapping[int, Mapping[str, int]] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        """All spellings except the empty cell."""
        return sorted({word for words in self.spellings.values() for word in words if word})


def find_missing(columns: Sequence[Sequence[str]], marks: Marks, told: Collection[str] | None) -> Missing:
    """Finds the spellings that stand for a missing entry.

    Args:
        columns: cells of each column.
        marks: decimal and thousands marks.
        told: the spellings that the user gives, None: inferred; an empty cell is always missing.

    Example:
        >>> columns = [["1.5", "NA", "2.5"], ["NA", "a", "a"], ["none", "none", "b"]]
        >>> found = find_missing(columns, Marks(), None)
        >>> found.spellings, found.classes
        ({0: ['NA'], 1: ['NA'], 2: []}, {2: {'none': 2}})
    """
    counts = [Counter(column) for column in columns]
    if told is not None:
        spelt = {"", *told}
        return Missing({j: [w for w in count if w in spelt] for j, count in enumerate(counts)})
    found = [[w for w in count if may_miss(w)] for count in counts]
    numeric = [_numeric([c for c in count if c not in words], marks) for count, words in zip(counts, found)]
    of_the_file = {w for words, number in zip(found, numeric) if number for w in words}
    spellings: dict[int, list[str]] = {}
    classes: dict[int, dict[str, int]] = {}
    for j, (count, words, number) in enumerate(zip(counts, found, numeric)):
        alone = number or len(words) == len(count)
        kept = [] if alone else [w for w in words if w not in of_the_file and _is_class(w, count[w])]
        spellings[j] = [w for w in words if w not in kept]
        if kept:
            classes[j] = {w: count[w] for w in kept}
    return Missing(spellings, classes)


def _is_class(word: str, count: int) -> bool:
    return word.lower() in CLASSES and count > 1


def _numeric(there: Sequence[str], marks: Marks) -> bool:
    """Returns True if most cells are numbers or codes of digits, or all are True or False."""
    return bool(there) and (
        marks.all_numbers(there) is not None
        or 2 * sum(marks.looks_like(cell) for cell in there) > len(there)
        or all(cell.lower() in TRUTH for cell in there)
    )


def far_code(numbers: np.ndarray) -> tuple[float, int] | None:
    """Finds a number of nines that lies beyond all others by more than their range, such as -999.

    Args:
        numbers: values of a column, NaN where missing, shape (N,).

    Returns:
        The number and how often it occurs, or None.

    Example:
        >>> far_code(np.array([0.5, -999, 1.5, -999, 0.25])), far_code(np.array([97.0, 99, 98, 99]))
        ((-999.0, 2), None)
    """
    there = numbers[~np.isnan(numbers)]
    for value in (there.min(), there.max()) if len(there) else ():
        others, count = there[there != value], int((there == value).sum())
        if count < 2 or len(others) < 2 or not re.fullmatch(r"9{2,}", f"{abs(value):.0f}"):
            continue
        gap = min(abs(others - value))
        if value == round(value) and gap > np.ptp(others) > 0:
            return float(value), count
    return None
