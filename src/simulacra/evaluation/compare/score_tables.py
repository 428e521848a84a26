"""Scores that need no likelihood, as columns with 95 % intervals: samples, copies, reconstructions, tasks.

Each kind of score has its own table, and each table one protocol: the rows that were held out, the number of
samples, the feature extractor and the seed. A difference is measured in standard errors of both sides, whose
squares add: right for samples, which are drawn independently, and careful for scores on the same rows. Two
models are told apart beyond 2.5 of them, more models by pairs together (`core.scores.chance`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

from simulacra.core.scores.chance import LEVEL, beyond_chance, chance_of, said_of
from simulacra.evaluation.interval import WIDE, Interval

HIDDEN = ("protocol", "weights")  # digests, which no title shows


@dataclass(frozen=True)
class Cell:
    """A score with its standard error, None where it has none.

    Args:
        value: the score.
        error: standard error.
        ends: of the 95 % interval; None: `WIDE` errors to each side.
        percent: whether it is a share, shown in per cent.
        digits: significant digits, where it is none.
    """

    value: float
    error: float | None = None
    ends: tuple[float, float] | None = None
    percent: bool = False
    digits: int = 3

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % of such intervals hold the value that endless data would give; None without an error."""
        if self.ends is not None or self.error is None or math.isnan(self.error):
            return self.ends
        return self.value - WIDE * self.error, self.value + WIDE * self.error

    @property
    def spread(self) -> float:
        """Standard error, wider where the interval is because rows are few; NaN if it is unknown."""
        if self.error is None:
            return math.nan
        wide = (self.ends[1] - self.ends[0]) / (2 * WIDE) if self.ends else 0.0
        return max(self.error, wide)

    def __str__(self) -> str:
        show = lambda v: f"{100 * v:.1f}" if self.percent else f"{v:.{self.digits}g}"
        sides = f" [{', '.join(map(show, self.interval))}]" if self.interval else ""
        return f"{show(self.value)}{'%' if self.percent else ''}{sides}"


def of_interval(found: Interval, percent: bool = False, digits: int = 3) -> Cell:
    """A score whose interval is known."""
    return Cell(found.value, found.error, (found.low, found.high), percent, digits)


@dataclass(frozen=True)
class Column:
    """What a number is, and which way is better.

    Args:
        title: such as `kernel distance`.
        better: `lower`, `higher`, or `neither` where it decides nothing.
    """

    title: str
    better: Literal["lower", "higher", "neither"]


@dataclass(frozen=True)
class Scores:
    """The scores of one kind of one model.

    Args:
        kind: title of the table.
        key: all that must be equal for two of these to stand in one table, by name.
        columns: what is measured; the first one decides.
        cells: a cell for each column.
        reference: what to read these numbers beside, or empty.
        beside: what the reference is of.
    """

    kind: str
    key: Mapping[str, Any]
    columns: tuple[Column, ...]
    cells: tuple[Cell | None, ...]
    reference: tuple[Cell | None, ...] = ()
    beside: str = "training rows"

    def unlike(self, other: Scores) -> dict[str, tuple[Any, Any]]:
        """What keeps two scores of one kind out of one table, by name."""
        names = {**self.key, **other.key}
        found = {n: (self.key.get(n), other.key.get(n)) for n in names if self.key.get(n) != other.key.get(n)}
        # one protocol, whatever the files are called
        return {n: both for n, both in found.items() if n != "on" or "protocol" in found}


@dataclass
class ScoreTable:
    """Scores of one kind under one protocol, by name.

    Args:
        rows: the scores of each model.
    """

    rows: dict[str, Scores] = field(default_factory=dict)

    @property
    def first(self) -> Scores:
        """Any of the scores: kind, key and columns are those of all."""
        return next(iter(self.rows.values()))

    @property
    def title(self) -> str:
        """Kind and protocol in words."""
        told = ", ".join(f"{name} {value}" for name, value in self.first.key.items() if name not in HIDDEN)
        return f"{self.first.kind} ({told})"

    def better(self, a: str, b: str) -> bool | None:
        """Returns True if a is better than b in the first column; None where that is undecided."""
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
        """Probabilities of the differences in the first column, of the pairs that can be decided."""
        first = {name: scores.cells[0] for name, scores in self.rows.items()}
        known = {name: c for name, c in first.items() if c is not None and not math.isnan(c.spread)}
        return {
            (a, b): chance_of(x.value - y.value, math.hypot(x.spread, y.spread))
            for (a, x), (b, y) in combinations(known.items(), 2)
            if self.first.columns[0].better != "neither"
        }

    @property
    def sentences(self) -> list[str]:
        """Says for each pair which is better in the deciding column, and how many are decided together."""
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
        """Header and rows as text, the reference last."""
        shown = [c.title for c in self.first.columns]
        body = [[name, *map(_text, scores.cells)] for name, scores in self.rows.items()]
        best = [[f"({self.first.beside})", *map(_text, self.first.reference)]] if self.first.reference else []
        return [["model", *shown], *body, *best]


def _text(cell: Cell | None) -> str:
    return "" if cell is None else str(cell)
