"""Scores of translations y of x to another class without pairs, each beside "copy the source".

    led        share of y that a classifier of real rows takes for the class they were led to        (1)
    kept       share of y whose own x is the nearest of all sources of its class, by the
               correlation of contents less the mean of each side                                   (2)
    both       share of y with (1) and (2), which decides comparisons                                (3)
    cycle      mean |x'' - x| / mean |x_i - x_j|, x'' the way back of y, i and j two rows of a class  (4)
    variety    Var y / min(Var x, Var x_t), x_t the real rows of the target class                    (5)

A copy of the source keeps all and leads nothing; one constant answer of the target class leads all and keeps
nothing: (3) is low for both. A classifier can be fooled by what no eye would take for the class, so that
pictures belong beside the scores.

Reference: Zhu, Park, Isola and Efros 2017. Rows E18, G24, G29.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset
from simulacra.evaluation.domains.judges import Judge, contents, judge_of
from simulacra.evaluation.domains.led import Led
from simulacra.evaluation.interval import Interval, mean_of, share_of


@dataclass(frozen=True)
class Crossed(Record):
    """Scores of translations; comparable if the data and all fields down to `digest` are equal.

    Args:
        split: split of the rows.
        seed: seed of the choice of rows.
        rows: number of rows.
        classes: names of the classes.
        judge: the classifier and its quality.
        digest: digest of its weights.
        led: (1).
        kept: (2).
        both: (3).
        cycle: (4).
        moved: mean |y - x| in the unit of (4).
        copied: (1) and (3) of copies of the source.
        real: share of real rows that the classifier takes for their own class.
        variety: (5) of each target class.
    """

    split: str
    seed: int
    rows: int
    classes: tuple[str, ...]
    judge: str
    digest: str
    led: Interval
    kept: Interval
    both: Interval
    cycle: Interval
    moved: Interval
    copied: Interval
    real: Interval
    variety: tuple[float, ...]


def crossed(found: Led, data: Dataset, split: str = "test", seed: int = 0) -> Crossed | None:
    """Evaluates equations (1) to (5).

    Args:
        found: rows and their translations.
        data: data set, on whose training rows the judge is trained.
        split: name of their split.
        seed: seed of the choice of rows, and of the judge.

    Returns:
        the scores; None if training rows have fewer than two classes.
    """
    judge = judge_of(data)
    return None if judge is None else scores_by(judge, found, data, split, seed)


def scores_by(judge: Judge, found: Led, data: Dataset, split: str = "test", seed: int = 0) -> Crossed:
    """Returns the scores of `crossed` by a given judge.

    Args:
        judge: the classifier.
        found: rows and their translations.
        data: their data set.
        split: name of their split.
        seed: seed of the choice of rows.
    """
    space = data.preprocessing.raw
    told, own = judge.classes(found.y), judge.classes(found.x)
    # (1)
    leads = told == found.to
    keeps = recognized(contents(found.x, space), contents(found.y, space), found.label)
    flat = lambda t: space.measured(t, torch.float64).flatten(1)
    x, y, back = flat(found.x), flat(found.y), flat(found.back)
    apart = _between(x, found.label)
    # (4)
    cycle, moved = (mean_of((t - x).abs().mean(1) / apart) for t in (back, y))
    return Crossed(
        *(split, seed, len(x), found.names, judge.label, judge.digest),
        led=share_of(leads),
        kept=share_of(keeps),
        both=share_of(leads & keeps),
        cycle=cycle,
        moved=moved,
        copied=share_of(own == found.to),
        real=share_of(own == found.label),
        variety=varieties(x, y, found.label, found.to, len(found.names)),
    )


def recognized(x: Tensor, y: Tensor, label: Tensor) -> Tensor:
    """Returns where the own x is the nearest source of its class by (2), shape (B,).

    A tie is no hit, so that equal translations of all rows recognize none.

    Args:
        x: contents of the sources, shape (B, d).
        y: contents of the translations, shape (B, d).
        label: class of each source, shape (B,).

    Example:
        >>> x = torch.eye(3)
        >>> label = torch.zeros(3)
        >>> recognized(x, 5 - x, label).tolist(), recognized(x, x + 1, label).tolist()
        ([False, False, False], [True, True, True])
    """
    hits = torch.zeros(len(x), dtype=torch.bool)
    for k in label.unique().tolist():
        rows = (label == k).nonzero()[:, 0]
        # (2)
        similar = _directions(y[rows]) @ _directions(x[rows]).T
        own = similar.diagonal().clone()
        similar.fill_diagonal_(-torch.inf)
        hits[rows] = own > similar.amax(1) + 1e-12
    return hits


def _directions(t: Tensor) -> Tensor:
    """Returns rows less their mean, of length 1 or 0."""
    t = t - t.mean(0)
    return torch.nn.functional.normalize(t, dim=1, eps=1e-12)


def _between(x: Tensor, label: Tensor) -> float:
    """Returns the mean of |x_i - x_j| per entry over rows of a class: each row and the three after it."""
    parts = []
    for k in label.unique().tolist():
        rows = x[label == k]
        parts += [(rows - rows.roll(shift, 0)).abs().mean(1) for shift in range(1, min(4, len(rows)))]
    return max(float(torch.cat(parts).mean()), 1e-12)


def varieties(x: Tensor, y: Tensor, label: Tensor, to: Tensor, classes: int) -> tuple[float, ...]:
    """Returns (5) of each target class; 1 where the real rows do not vary either.

    Args:
        x: sources, shape (B, d).
        y: translations, shape (B, d).
        label: class of each source, shape (B,).
        to: class of each translation, shape (B,).
        classes: number of classes.
    """
    spread = lambda t: float((t - t.mean(0)).square().sum(1).mean())
    found = []
    for k in range(classes):
        # sources or targets may be quiet: translations collapse where they vary less than both
        of_y, of_x = spread(y[to == k]), min(spread(x[label == k]), spread(x[to == k]))
        # (5)
        found.append(of_y / of_x if of_x else 1.0)
    return tuple(found)
