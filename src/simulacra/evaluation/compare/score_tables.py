"""Tables of scores that need no likelihood, with 95 % intervals: samples, copies, reconstructions, tasks.

Each kind of score has its own table, and each table one protocol: the rows that were held out, the number of
samples, the feature extractor and the seed. The standard error of a difference is the root of the sum of both
squared errors: correct for samples, which are drawn independently, and conservative for scores on the same
rows. Two models differ significantly beyond 2.5 of them; for more models the tests are corrected for the
number of pairs (`core.scores.chance`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

from simulacra.core.scores.chance import LEVEL, beyond_chance, chance_of, said_of
from simulacra.evaluation.interval import WIDE, Interval

HIDDEN = ("protocol", "weights", "sampling")  # not shown in titles: digests, and what `on` says


@dataclass(frozen=True)
class Cell:
    """A score with its standard error.

    Args:
        value: the score.
        error: standard error; None if it is unknown.
        ends: ends of the 95 % interval; None: `WIDE` errors to each side.
        percent: True for shares, which are shown in per cent.
        digits: significant digits of other scores.
    """

    value: float
    error: float | None = None
    ends: tuple[float, float] | None = None
    percent: bool = False
    digits: int = 3

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % confidence interval; None without an error."""
        if self.ends is not None or self.error is None or math.isnan(self.error):
            return self.ends
        return self.value - WIDE * self.error, self.value + WIDE * self.error

    @property
    def spread(self) -> float:
        """Standard error, or the half width of the interval over `WIDE` if that is larger; NaN if unknown."""
        if self.error is None:
            return math.nan
        wide = (self.ends[1] - self.ends[0]) / (2 * WIDE) if self.ends else 0.0
        return max(self.error, wide)

    def __str__(self) -> str:
        show = lambda v: f"{100 * v:.1f}" if self.percent else f"{v:.{self.digits}g}"
        sides = f" [{', '.join(map(show, self.interval))}]" if self.interval else ""
        return f"{show(self.value)}{'%' if self.percent else ''}{sides}"


def of_interval(found: Interval, percent: bool = False, digits: int = 3) -> Cell:
    """Returns a cell from an interval.

    Args:
        found: value with standard error and interval.
        percent: True for shares, which are shown in per cent.
        digits: significant digits of other scores.
    """
    return Cell(found.value, found.error, (found.low, found.high), percent, digits)


@dataclass(frozen=True)
class Column:
    """Title of a column and the better direction.

    Args:
        title: such as `kernel distance`.
        better: `lower`, `higher`, or `neither` if the column decides nothing.
    """

    title: str
    better: Literal["lower", "higher", "neither"]


@dataclass(frozen=True)
class Scores:
    """The scores of one kind of one model.

    Args:
        kind: title of the table.
        key: everything that must be equal for two models to share a table, by name.
        columns: columns; the first one decides.
        cells: a cell for each column.
        reference: cells of a reference, shown in the last row, or empty.
        beside: name of the reference.
    """

    kind: str
    key: Mapping[str, Any]
    columns: tuple[Column, ...]
    cells: tuple[Cell | None, ...]
    reference: tuple[Cell | None, ...] = ()
    beside: str = "training rows"

    def unlike(self, other: Scores) -> dict[str, tuple[Any, Any]]:
        """Returns the entries of `key` in which two scores differ, with both values."""
        names = {**self.key, **other.key}
        found = {n: (self.key.get(n), other.key.get(n)) for n in names if self.key.get(n) != other.key.get(n)}
        # equal digests: another name of the same data is no difference
        return {n: both for n, both in found.items() if n != "on" or "protocol" in found}


@dataclass
class ScoreTable:
    """Scores of one kind under one protocol.

    Args:
        rows: scores of each model, by name.
    """

    rows: dict[str, Scores] = field(default_factory=dict)

    @property
    def first(self) -> Scores:
        """The scores of the first model; kind, key and columns are the same for all."""
        return next(iter(self.rows.values()))

    @property
    def title(self) -> str:
        """Kind and protocol in words."""
        told = ", ".join(f"{name} {value}" for name, value in self.first.key.items() if name not in HIDDEN)
        return f"{self.first.kind} ({told})"

    def better(self, a: str, b: str) -> bool | None:
        """Compares two models by the first column.

        Args:
            a: name of a model.
            b: name of another.

        Returns:
            True if a is better than b, False if b is; None if the difference is not significant.
        """
        chances = self._chances()
        names = (a, b) if (a, b) in chances else (b, a)
        alone = {pair: chance for pair, chance in chances.items() if chance < LEVEL}
        decided = dict(zip(alone, beyond_chance(list(alone.values()), len(chances))))
        if not decided.get(names, False):
            return None
        x, y = (self.rows[name].cells[0] for name in (a, b))
        assert x is not None and y is not None
        return (x.value < y.value) == (self.first.columns[0].better == "lower")

    def _chances(self) -> dict[tuple[str, str], float]:
        """Returns p-values of the differences in the first column, for the pairs that can be decided."""
        first = {name: scores.cells[0] for name, scores in self.rows.items()}
        known = {name: c for name, c in first.items() if c is not None and not math.isnan(c.spread)}
        return {
            (a, b): chance_of(x.value - y.value, math.hypot(x.spread, y.spread))
            for (a, x), (b, y) in combinations(known.items(), 2)
            if self.first.columns[0].better != "neither"
        }

    @property
    def sentences(self) -> list[str]:
        """One sentence for each pair, by the first column, and one on the correction for their number."""
        column, pairs = self.first.columns[0], len(self._chances())
        if column.better == "neither":
            return []
        found = [self._sentence(a, b, column) for a, b in combinations(self.rows, 2)]
        return [*found, said_of(pairs, "their standard errors")] if pairs > 1 else found

    def _sentence(self, a: str, b: str, column: Column) -> str:
        found = self.better(a, b)
        x, y = self.rows[a].cells[0], self.rows[b].cells[0]
        if found is None:
            lacking = [name for name, c in ((a, x), (b, y)) if c is None or c.error is None]
            why = f"; no error is known of {' and '.join(lacking)}" if lacking else ""
            return f"{a} or {b}: undecided, {column.title} {x} against {y}{why}."
        winner, loser, best, worst = (a, b, x, y) if found else (b, a, y, x)
        return f"{winner} beats {loser}: {column.title} {best} against {worst} ({column.better} is better)."

    def lines(self) -> list[list[str]]:
        """Returns header and rows as text, the reference last."""
        shown = [c.title for c in self.first.columns]
        body = [[name, *map(_text, scores.cells)] for name, scores in self.rows.items()]
        best = [[f"({self.first.beside})", *map(_text, self.first.reference)]] if self.first.reference else []
        return [["model", *shown], *body, *best]


def _text(cell: Cell | None) -> str:
    return "" if cell is None else str(cell)
