"""Tests for losses of drawn rows beyond chance: marginals, associations and classes of a table.

For n drawn and N real rows of the same distribution, with probability 1 - alpha for each of the m tested
things,

    KS              <= sqrt(log(2 / a) h / 2),                      h = 1/n + 1/N,  a = alpha / m        (1)
    total variation <= sum_k sqrt(p_k (1 - p_k) h) / 2 + sqrt(log(1 / a) h / 2)                          (2)
    |a_p - a_q|     <= z_a sqrt(2) max(1 / sqrt(n), s)       of associations, at n rows of each side     (3)
    class unseen       with probability (1 - p)^n                                                        (4)

(1) is the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart applied to both sides together, (2) that of
McDiarmid around a bound of the mean. In (3) 1/sqrt(n) is the standard error of a correlation of independent
columns; s is the bootstrap standard error from 100 resamples of the training rows, which is larger for rare
classes, and computed only where a loss is suspected. Distances of held-out rows beyond these bounds are
granted to drawn rows too.

Reference: Massart 1990; McDiarmid 1989; Efron 1979.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import scipy  # scipy.stats is loaded at first use, which takes a second

from simulacra.evaluation.tables.conditions import groups_of
from simulacra.evaluation.tables.fidelity import (
    LostClass,
    column_fidelity,
    lost_classes,
    modelled_associations,
)
from simulacra.tables.associations import Pair, resampled_associations
from simulacra.tables.columns import Columns, rounded

ALPHA = 0.001  # probability of a false alarm for columns, and for pairs
FREQUENT = 0.02  # classes with at least this share of the training rows must be drawn
FEW = 30  # fewest held-out rows whose associations are used
MOST = 5000  # most rows of each side for associations
RESAMPLES, SUSPECTS = 100, 30  # bootstrap resamples, for at most so many pairs


@dataclass(frozen=True)
class KeptColumn:
    """The fidelity of one column.

    Args:
        name: name of the column.
        drawn: fidelity of the drawn rows.
        held_out: fidelity of the held-out rows; NaN if none of their cells is known.
        chance: the largest distance that chance explains, plus the excess of held-out rows over theirs.
        constant: True if all training rows have one value, and drawn values have no more decimals than it.
    """

    name: str
    drawn: float
    held_out: float
    chance: float
    constant: bool = False

    @property
    def excess(self) -> float:
        """Distance beyond `chance`, 0 or more; 1 if no cell was drawn."""
        return 1.0 if math.isnan(self.drawn) else max(0.0, 1 - self.drawn - self.chance)


@dataclass(frozen=True)
class KeptPair:
    """The association of two columns.

    Args:
        pair: names of the columns.
        data: association in training rows: the weaker of that of all rows and of as many as were drawn.
        drawn: association in drawn rows.
        held_out: association in held-out rows; NaN if there are fewer than 30.
        chance: the largest difference that chance explains.
    """

    pair: Pair
    data: float
    drawn: float
    held_out: float
    chance: float

    @property
    def loss(self) -> float:
        """Association of training rows minus that of drawn rows, in the direction of the former."""
        return abs(self.data) - math.copysign(1.0, self.data) * self.drawn

    @property
    def excess(self) -> float:
        """`loss` beyond `chance`, 0 or more; 0 if held-out rows have more than half of the loss too."""
        if not math.isnan(self.held_out):
            theirs = abs(self.data) - math.copysign(1.0, self.data) * self.held_out
            if theirs > self.loss / 2:
                return 0.0
        return max(0.0, self.loss - self.chance)


@dataclass(frozen=True)
class Kept:
    """Columns, pairs and classes of drawn rows, compared with training and held-out rows.

    Args:
        columns: the columns with a known training cell, in order.
        pairs: the pairs of the first 60 columns.
        lost: classes of at least 2 % of the training rows that no drawn row has.
        classes: number of classes with at least 2 % of the training rows.
        drawn: number of drawn rows.
        rows: number of training rows.
        grouped: of p(x|c), the columns of x in each group of rows of like conditions.
        given: names of the columns of c.
    """

    columns: tuple[KeptColumn, ...]
    pairs: tuple[KeptPair, ...]
    lost: tuple[LostClass, ...]
    classes: int
    drawn: int
    rows: int
    grouped: tuple[KeptColumn, ...] = ()
    given: tuple[str, ...] = ()


def kept(
    train: Columns, held_out: Columns, drawn: Columns, seed: int = 0, given: tuple[str, ...] = ()
) -> Kept:
    """Compares drawn rows and held-out rows with training rows.

    Args:
        train: training rows.
        held_out: held-out rows.
        drawn: drawn rows.
        seed: seed of the choices of rows and of the bootstrap.
        given: names of the columns that are the condition of p(x|c); drawn rows have those of training rows.

    Example:
        >>> from simulacra.tables.columns import table_from
        >>> x = np.random.default_rng(0).normal(size=(3, 500))
        >>> train, held_out, drawn = (table_from({"a": v, "b": -v}) for v in x)
        >>> found = kept(train, held_out, drawn)
        >>> [column.excess for column in found.columns], found.pairs[0].drawn
        ([0.0, 0.0], -1.0)
    """
    names = [name for name in train.names if name not in given]
    ours, theirs, real = (table.only(names) for table in (drawn, held_out, train))
    frequent = sum(
        int((np.bincount(c[c >= 0]) >= FREQUENT * max((c >= 0).sum(), 1)).sum())
        for c in real.classes.values()
    )
    return Kept(
        tuple(_columns(real, theirs, ours, ALPHA / len(names))),
        tuple(_pairs(train, held_out, drawn, seed, given)),
        tuple(lost_classes(real, ours, FREQUENT)),
        frequent,
        len(drawn),
        len(train),
        tuple(grouped(train, held_out, drawn, given)),
        tuple(given),
    )


def grouped(train: Columns, held_out: Columns, drawn: Columns, given: tuple[str, ...]) -> list[KeptColumn]:
    """Returns the columns of x in each group of rows of like conditions; none without a condition.

    Args:
        train: training rows, with the columns of the condition.
        held_out: held-out rows.
        drawn: drawn rows.
        given: names of the columns of the condition.
    """
    names = [name for name in train.names if name not in given]
    groups = list(groups_of(train, held_out, drawn, given))
    found = []
    for group in groups:
        real, theirs, ours = (
            table.only(names).rows(at)
            for table, at in ((train, group.train), (held_out, group.held_out), (drawn, group.drawn))
        )
        a = ALPHA / (len(names) * len(groups))
        found += [replace(c, name=f"{c.name} at {group.name}") for c in _columns(real, theirs, ours, a)]
    return found


def _columns(train: Columns, held_out: Columns, drawn: Columns, a: float) -> list[KeptColumn]:
    ours, theirs = column_fidelity(train, drawn), column_fidelity(train, held_out)
    found = []
    for name in train.names:
        if np.isnan(train.column(name)).all():
            continue
        drift = 1 - theirs[name] - distance_by_chance(train, held_out, name, a)
        chance = distance_by_chance(train, drawn, name, a) + max(0.0, drift)
        constant = _constant(train, name) and drawn.decimals.get(name, 0) <= train.decimals.get(name, 0)
        found.append(KeptColumn(name, ours[name], theirs[name], chance, constant))
    return found


def _constant(train: Columns, name: str) -> bool:
    return bool(np.nanmax(train.column(name)) == np.nanmin(train.column(name)))


def distance_by_chance(train: Columns, other: Columns, name: str, a: float) -> float:
    """Returns the bound (1) or (2) of a column; infinity if one side has no known cell.

    Args:
        train: training rows.
        other: drawn or held-out rows.
        name: name of the column.
        a: probability of a larger distance by chance.
    """
    sides = [int((~np.isnan(table.column(name))).sum()) for table in (train, other)]
    if not min(sides):
        return math.inf
    h = sum(1 / n for n in sides)
    if name in train.numbers:
        # (1)
        return math.sqrt(math.log(2 / a) * h / 2)
    codes = train.classes[name]
    p = np.bincount(codes[codes >= 0]) / sides[0]
    # (2)
    return float(np.sqrt(p * (1 - p) * h).sum() / 2) + math.sqrt(math.log(1 / a) * h / 2)


def _pairs(
    train: Columns, held_out: Columns, drawn: Columns, seed: int, given: tuple[str, ...]
) -> list[KeptPair]:
    """Compares associations at equal numbers of rows, so that sampling noise is the same on both sides."""
    n = min(len(train), len(drawn), MOST)
    if n < 2 or len(train.names) < 2:
        return []
    rows, associations = train.some(n, seed), partial(modelled_associations, given=given)
    # the weaker of both: in few rows a rare class may look associated by chance
    data = {p: min(both, key=abs) for p, both in _both(associations(rows), associations(train)).items()}
    ours = associations(rounded(drawn, train).some(n, seed))
    enough = len(held_out) >= FEW
    theirs = associations(held_out.some(MOST, seed)) if enough else dict.fromkeys(data, math.nan)
    # (3)
    z = float(scipy.stats.norm.isf(ALPHA / len(data))) * math.sqrt(2)
    found = [KeptPair(pair, data[pair], ours[pair], theirs[pair], z / math.sqrt(n)) for pair in data]
    suspects = sorted((pair for pair in found if pair.excess), key=lambda pair: -pair.excess)[:SUSPECTS]
    surer = {p.pair: replace(p, chance=max(p.chance, z * resampled(rows, p.pair, seed))) for p in suspects}
    return [surer.get(pair.pair, pair) for pair in found]


def _both(a: dict[Pair, float], b: dict[Pair, float]) -> dict[Pair, tuple[float, float]]:
    return {pair: (value, b[pair]) for pair, value in a.items()}


def resampled(rows: Columns, pair: Pair, seed: int) -> float:
    """Returns the bootstrap standard error of the association of two columns.

    Args:
        rows: the rows that are resampled.
        pair: names of the columns.
        seed: seed of the resamples.
    """
    rng, n = np.random.default_rng(seed), len(rows)
    again = np.stack([rng.integers(0, n, n) for _ in range(RESAMPLES)])
    return float(np.std(resampled_associations(rows, *pair, again), ddof=1))
