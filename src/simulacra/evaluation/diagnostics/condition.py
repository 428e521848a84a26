"""Does a conditional model heed its condition? Against what the data show that a condition says of x.

What the data show: where e is that the condition of the nearest training row agrees with the row's own,

    I(x; c) >= KL(Bernoulli(P(e)) || Bernoulli(P_0(e))),     P_0 with a condition drawn anew             (1)

by data processing: the nearest row is a function of x. What the model uses, where rows have a score,

    E [log p(x|c) - log p(x|c')],     c' the condition of another row                                    (2)

which is at least I(x; c) for the true p, and 0 where c is ignored; elsewhere (1) of its samples. A condition
says nothing of x in some data: then (1) is 0, and nothing is asked of the model.

Reference: Cover and Thomas 2006, 2.8.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.likelihood.relative import has_relative, relative_scores
from simulacra.evaluation.rows import chosen, feature_blocks, features, samples_like
from simulacra.evaluation.samples.nearest import nearest

ROWS, SEARCHED = (
    1000,
    5000,
)  # held-out rows and samples that are looked at, and training rows that are searched
SHUFFLES = 4  # conditions of other rows that each row is scored with
FEWEST = 30  # rows below which nothing is said
SURE = 3.0  # standard errors


@dataclass(frozen=True)
class ConditionUse:
    """What a condition says of x in the data, and to the model, in nats.

    Args:
        data: equation (1) of held-out rows, less three standard errors.
        model: equation (2), or (1) of samples.
        error: its standard error.
        by_score: whether it is (2).
    """

    data: float
    model: float
    error: float
    by_score: bool


def condition_use(
    model: Model, data: Dataset, split: str = "test", n: int = ROWS, seed: int = 0, limit: int | None = None
) -> ConditionUse | None:
    """Equations (1) and (2) on at most 1,000 rows of `split`.

    Args:
        n: samples, where rows have no score.

    Returns:
        None where the model takes no condition, rows or conditions are not known as a whole, or there are
        fewer than 30 of them.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("digits", binarize="threshold", condition="label")
        >>> found = condition_use(simulacra.MADE(data.space, data.condition, hidden=(20,)), data)
        >>> found.data > 1, abs(found.model) < 1
        (True, True)
    """
    rows = data[split]
    if not _judgeable(model, data, rows):
        return None
    held_out = _some(rows, min(ROWS, limit or ROWS), seed)
    train = _some(data.train, SEARCHED, seed)
    if min(len(held_out), len(train)) < FEWEST or held_out.c is None or train.c is None:
        return None
    condition = model.condition
    assert condition is not None
    known = _Nearest(model, condition, train, seed)
    of_data, error = known.information(torch.cat(list(feature_blocks(model, held_out, seed))), held_out.c)
    shown = max(0.0, of_data - SURE * error)
    if has_relative(model):
        return ConditionUse(shown, *_fall(model, held_out, seed), True)
    if not model.supports(can.Samples):
        return None
    n = min(n, ROWS)
    drawn = features(model, samples_like(model, held_out, n, seed), seed=seed)
    c = held_out.c[_in_turn(held_out, n, seed)]
    return ConditionUse(shown, *known.information(drawn, c), False)


def _judgeable(model: Model, data: Dataset, rows: Split) -> bool:
    """Returns True if there is a condition, and distances between rows that are known as a whole."""
    if model.condition is None or not model.supports(can.TakesCondition):
        return False
    sides = (rows, data.train)
    whole = all(side.known is None and side.c_known is None and side.lengths is None for side in sides)
    return whole and all(len(side) for side in sides)


def _some(split: Split, most: int, seed: int) -> Split:
    """At most so many rows of a split, in memory."""
    drawn = split.rows(chosen(split, most, seed))
    return Split(drawn.x, split.preprocessing, drawn.c)


def _in_turn(split: Split, n: int, seed: int) -> Tensor:
    """Numbers of the rows whose conditions `samples_like` takes."""
    first = chosen(split, max(1, min(n, len(split))), seed)
    return first[torch.arange(n) % len(first)]


def _fall(model: Model, held_out: Split, seed: int) -> tuple[float, float]:
    """Equation (2) and its standard error."""
    whole = relative_scores(model, held_out, seed)
    falls = [whole - relative_scores(model, other, seed) for other in _shuffled(held_out, seed)]
    fall = torch.stack(falls).mean(0)
    return float(fall.mean()), float(fall.std() / math.sqrt(len(fall)))


def _shuffled(rows: Split, seed: int) -> Iterator[Split]:
    """The rows with conditions of others."""
    assert rows.c is not None
    for i in range(SHUFFLES):
        order = Rng(seed, "conditions of others", i).permutation("rows", len(rows))
        yield replace(rows, c=rows.c[order])


class _Nearest:
    """Conditions of the nearest training rows.

    Args:
        train: in memory.
    """

    def __init__(self, model: Model, condition: Space, train: Split, seed: int):
        assert train.c is not None
        self.rows = torch.cat(list(feature_blocks(model, train, seed + 2)))
        self.c, self.condition, self.seed = train.c.cpu(), condition, seed

    def information(self, x: Tensor, c: Tensor) -> tuple[float, float]:
        """Equation (1) of points x with conditions c, and its standard error."""
        near = self.c[nearest(x, self.rows)[1]]
        r = Rng(self.seed, "any conditions").permutation("rows", len(self.c))
        other = self.c[r[torch.arange(len(c)) % len(r)]]
        if self.condition.discrete and self.condition.dims == 1:
            agrees, by_chance = (near == c.cpu()).flatten().double(), self._by_chance(c.cpu().flatten())
        else:
            to_near, to_other = (self._apart(c.cpu(), others) for others in (near, other))
            agrees, by_chance = (to_near < to_other).double() + 0.5 * (to_near == to_other), 0.5
        p, n = float(agrees.mean()), len(agrees)
        p = min(max(p, 1 / (n + 2)), 1 - 1 / (n + 2))
        if p <= by_chance or not 0 < by_chance < 1:
            return 0.0, 0.0
        slope = math.log(p / by_chance) - math.log((1 - p) / (1 - by_chance))
        divergence = p * math.log(p / by_chance) + (1 - p) * math.log((1 - p) / (1 - by_chance))
        return divergence, abs(slope) * math.sqrt(p * (1 - p) / n)

    def _by_chance(self, c: Tensor) -> float:
        """Probability that the class of any training row is that of any of these."""
        k = int(max(c.max(), self.c.max())) + 1
        shares = [torch.bincount(codes.flatten().long(), minlength=k).double() for codes in (c, self.c)]
        return float((shares[0] / shares[0].sum() * shares[1] / shares[1].sum()).sum())

    def _apart(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances of conditions in their features, shape (B,)."""
        one, other = (self.condition.features(c).flatten(1).double() for c in (a, b))
        return (one - other).norm(dim=1)
