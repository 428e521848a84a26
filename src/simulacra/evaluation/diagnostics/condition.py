"""Measures whether a conditional model uses its condition, compared with the information in the data.

In the data: let e be the event that the condition of the nearest training row agrees with the row's own. Then

    I(x; c) >= KL(Bernoulli(P(e)) || Bernoulli(P_0(e))),     P_0 with a condition drawn anew             (1)

by data processing, because the nearest row is a function of x. In the model, if it has a score of rows,

    E [log p(x|c) - log p(x|c')],     c' the condition of another row                                    (2)

which is at least I(x; c) for the true p, and 0 if c is ignored; for other models, (1) of their samples. If x
does not depend on c in the data, (1) is 0 and any model passes.

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
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.likelihood.relative import has_relative, relative_scores
from simulacra.evaluation.rows import (
    chosen,
    feature_blocks,
    features,
    lent,
    prepared_condition,
    samples_like,
)
from simulacra.evaluation.samples.nearest import nearest

# largest numbers of held-out rows and samples, and of training rows for the nearest-row search
ROWS, SEARCHED = 1000, 5000
SHUFFLES = 4  # number of wrong conditions for each row
FEWEST = 30  # fewer rows give no result
SURE = 3.0  # standard errors subtracted from the estimate for the data


@dataclass(frozen=True)
class ConditionUse:
    """Information of the condition about x, in the data and as used by the model, in nats.

    Args:
        data: equation (1) for held-out rows, less three standard errors.
        model: equation (2), or (1) for samples.
        error: standard error of `model`.
        by_score: True if `model` is equation (2).
        most: equation (1) for held-out rows, plus three standard errors.
        rows: number of held-out rows.
    """

    data: float
    model: float
    error: float
    by_score: bool
    most: float = 0.0
    rows: int = ROWS


def condition_use(
    model: Model, data: Dataset, split: str = "test", n: int = ROWS, seed: int = 0, limit: int | None = None
) -> ConditionUse | None:
    """Evaluates equations (1) and (2) on at most 1,000 rows of `split`.

    Args:
        model: conditional model.
        data: data set with conditions.
        split: `train`, `valid` or `test`.
        n: number of samples, for models without a score.
        seed: seed of the choice of rows and of all draws.
        limit: largest number of rows; None: 1,000.

    Returns:
        the two numbers; None if the model takes no condition, rows or conditions have missing entries, or
        there are fewer than 30 rows.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("digits", binarize="threshold", condition="label")
        >>> found = condition_use(simulacra.MADE(data.space, data.condition, hidden=(20,)), data)
        >>> found.data > 1, abs(found.model) < 1
        (True, True)
    """
    rows = data[split]
    if not _applicable(model, data, rows):
        return None
    held_out = _random_rows(rows, min(ROWS, limit or ROWS), seed)
    train = _random_rows(data.train, SEARCHED, seed)
    if min(len(held_out), len(train)) < FEWEST or held_out.c is None or train.c is None:
        return None
    condition = model.condition
    assert condition is not None
    known = _Nearest(model, condition, train, seed)
    of_data, error = known.information(torch.cat(list(feature_blocks(model, held_out, seed))), held_out.c)
    shown, most = max(0.0, of_data - SURE * error), of_data + SURE * error
    if has_relative(model):
        return ConditionUse(shown, *_score_drop(model, held_out, seed), True, most, len(held_out))
    if not model.supports(can.Samples):
        return None
    n = min(n, ROWS)
    drawn = features(model, samples_like(model, held_out, n, seed), seed=seed)
    c = held_out.c[lent(held_out, n, seed)]
    return ConditionUse(shown, *known.information(drawn, c), False, most, len(held_out))


def _applicable(model: Model, data: Dataset, rows: Split) -> bool:
    """Returns True if the model takes a condition and the rows have no missing entries."""
    if model.condition is None or not model.supports(can.TakesCondition):
        return False
    sides = (rows, data.train)
    whole = all(side.known is None and side.c_known is None and side.lengths is None for side in sides)
    return whole and all(len(side) for side in sides)


def _random_rows(split: Split, most: int, seed: int) -> Split:
    """Returns at most so many rows of a split, in memory."""
    drawn = split.rows(chosen(split, most, seed))
    return Split(drawn.x, split.preprocessing, drawn.c, conditioning=split.conditioning)


def _score_drop(model: Model, held_out: Split, seed: int) -> tuple[float, float]:
    """Returns equation (2) and its standard error."""
    whole = relative_scores(model, held_out, seed)
    falls = [whole - relative_scores(model, other, seed) for other in _shuffled(held_out, seed)]
    fall = torch.stack(falls).mean(0)
    return float(fall.mean()), float(fall.std() / math.sqrt(len(fall)))


def _shuffled(rows: Split, seed: int) -> Iterator[Split]:
    """Yields the rows with the conditions of other rows."""
    assert rows.c is not None
    for i in range(SHUFFLES):
        order = Rng(seed, "conditions of others", i).permutation("rows", len(rows))
        yield replace(rows, c=rows.c[order])


class _Nearest:
    """Search for the nearest training rows and their conditions.

    Args:
        model: model whose features define distances.
        condition: space of the conditions.
        train: training rows, in memory.
        seed: seed of the preprocessing and of random conditions.
    """

    def __init__(self, model: Model, condition: Space, train: Split, seed: int):
        assert train.c is not None
        self.rows = torch.cat(list(feature_blocks(model, train, seed + 2)))
        self.model, self.condition, self.seed = model, condition, seed
        self.c = self._prepared(train.c)

    def information(self, x: Tensor, c: Tensor) -> tuple[float, float]:
        """Returns equation (1) for points x with raw conditions c, and its standard error."""
        c = self._prepared(c)
        near = self.c[nearest(x, self.rows)[1]]
        r = Rng(self.seed, "any conditions").permutation("rows", len(self.c))
        other = self.c[r[torch.arange(len(c)) % len(r)]]
        if self.condition.discrete and self.condition.dims == 1:
            agrees, by_chance = (near == c.cpu()).flatten().double(), self._by_chance(c.cpu().flatten())
        else:
            to_near, to_other = (self._distances(c.cpu(), others) for others in (near, other))
            agrees, by_chance = (to_near < to_other).double() + 0.5 * (to_near == to_other), 0.5
        p, n = float(agrees.mean()), len(agrees)
        p = min(max(p, 1 / (n + 2)), 1 - 1 / (n + 2))
        if p <= by_chance or not 0 < by_chance < 1:
            return 0.0, 0.0
        slope = math.log(p / by_chance) - math.log((1 - p) / (1 - by_chance))
        divergence = p * math.log(p / by_chance) + (1 - p) * math.log((1 - p) / (1 - by_chance))
        return divergence, abs(slope) * math.sqrt(p * (1 - p) / n)

    def _prepared(self, c: Tensor) -> Tensor:
        prepared = prepared_condition(self.model, c)
        assert prepared is not None
        return prepared.cpu()

    def _by_chance(self, c: Tensor) -> float:
        """Returns the probability that a random training row has the class of a random row in c."""
        k = int(max(c.max(), self.c.max())) + 1
        shares = [torch.bincount(codes.flatten().long(), minlength=k).double() for codes in (c, self.c)]
        return float((shares[0] / shares[0].sum() * shares[1] / shares[1].sum()).sum())

    def _distances(self, a: Tensor, b: Tensor) -> Tensor:
        """Returns the distances between features of conditions, or n-grams of texts, shape (B,)."""
        texts = isinstance(self.condition, Tokens)
        vectors = self.condition.compact if texts else self.condition.features
        one, other = (vectors(c).flatten(1).double() for c in (a, b))
        return (one - other).norm(dim=1)
