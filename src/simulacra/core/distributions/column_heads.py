"""Distributions of table columns whose parameters a network computes column by column.

Numbers on normal scores and real numbers get mixtures of Gaussians; columns of few values and classes are
categorical; positive numbers and counts get the first distribution that their space offers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from simulacra.core.distributions import elementary as d
from simulacra.core.distributions.heads import MAX_LOG_SCORE, MIN_LOG_SCORE, LikelihoodHead, likelihood_head
from simulacra.core.distributions.intervals import IntervalGaussian
from simulacra.core.errors.other_data import of_discrete
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Grid, Scores
from simulacra.core.spaces.plain import Binary, Count, Positive, Real, Space

KINDS = (Scores, Binary, Ordinal, Categorical, Real, Positive, Count)
FARTHEST, MOST_COUNTED = 1e15, 1e9  # largest drawn numbers; an untrained network may exceed them
REAL = (-7.0, 40.0)  # of the log deviation of a real column


def columns_of(space: Space) -> tuple[Space, ...]:
    """Returns the space of each column of a table or of a vector, one entry each.

    Example:
        >>> columns_of(Real((2,)))
        (Real(shape=()), Real(shape=()))
    """
    if isinstance(space, Table):
        # an unchanged column keeps the cache of its cells
        one = lambda field: replace(field, shape=()) if field.shape else field
        return tuple(one(field) for _, field in space.fields for _ in range(field.dims))
    return (replace(space, shape=()),) * space.dims


def head_of(space: Space, mixtures: int) -> LikelihoodHead:
    """Returns the likelihood head of one column.

    Args:
        space: space of the column.
        mixtures: number of components of a mixture of Gaussians.

    Example:
        >>> head_of(Scores(edges=(0.0,)), mixtures=3).output
        (9,)
    """
    if isinstance(space, Scores):
        return likelihood_head(space, "interval-mixture" if mixtures > 1 else "auto", mixtures=mixtures)
    if isinstance(space, (Binary, Ordinal)):
        classes = 2 if isinstance(space, Binary) else space.classes
        return LikelihoodHead("categorical", (classes,), partial(_categorical))
    if type(space) is Real:
        return LikelihoodHead("gaussian-mixture", (3 * mixtures,), partial(_mixture, k=mixtures))
    return likelihood_head(space)


def _categorical(p: Tensor) -> d.Categorical:
    return d.Categorical(p, 0)


def _mixture(p: Tensor, k: int) -> d.Distribution:
    loc, log_scale, weights = p.split(k, -1)
    return d.Mixture(weights, d.Gaussian(loc, log_scale.clamp(*REAL), 0), 0)


@dataclass
class ColumnHeads:
    """The distributions of all columns; their parameters have shape (B, columns, P), with P the most of any.

    Args:
        columns: space of each column.
        mixtures: number of components of a mixture of Gaussians.

    Example:
        >>> heads = ColumnHeads((Scores(edges=(0.0,)), Binary()), mixtures=1)
        >>> heads.entries(torch.zeros(1, 2, 2), torch.tensor([[0.3, 1.0]])).exp().tolist()
        [[0.5, 0.5]]
    """

    columns: tuple[Space, ...]
    mixtures: int

    def __post_init__(self) -> None:
        self.heads = [head_of(column, self.mixtures) for column in self.columns]
        scores = [j for j, column in enumerate(self.columns) if isinstance(column, Scores)]
        classes = [j for j, head in enumerate(self.heads) if head.name == "categorical"]
        # on the CPU even if the model is built on the meta device
        numbers = partial(torch.tensor, dtype=torch.long, device="cpu")
        self.scores, self.classes = numbers(scores), numbers(classes)
        self.others = [j for j in range(len(self.columns)) if j not in {*scores, *classes}]
        self.grid = Grid(tuple(c for c in self.columns if isinstance(c, Scores))) if scores else None
        self.sizes = numbers([self.heads[j].output[0] for j in classes])
        self.places = numbers([*scores, *classes, *self.others]).argsort()

    @property
    def outputs(self) -> list[int]:
        """Number of parameters of each column."""
        return [head.output[0] for head in self.heads]

    def entries(self, p: Tensor, x: Tensor) -> Tensor:
        """Returns log p of each entry in nats, shape of x.

        Args:
            p: parameters, shape (B, columns, P).
            x: shape (B, columns).
        """
        found = []
        if self.grid is not None:
            at = self.scores.to(x.device)
            found.append(self._mixtures(p[:, at], self.grid).entries(x[:, at]))
        if len(self.classes):
            at = self.classes.to(x.device)
            found.append(self._categoricals(p[:, at]).entries(x[:, at]))
        one = lambda j: self.heads[j].build(p[:, j, : self.outputs[j]]).entries(x[:, j])
        found += [one(j).unsqueeze(1) for j in self.others]
        return torch.cat(found, 1)[:, self.places.to(x.device)]

    def _mixtures(self, p: Tensor, grid: Grid) -> d.Distribution:
        k = self.mixtures
        # (B, K, columns): components in front of the entries
        loc, log_scale, *weights = p[..., : (3 if k > 1 else 2) * k].mT.split(k, 1)
        log_scale = log_scale.clamp(MIN_LOG_SCORE, MAX_LOG_SCORE)
        if not weights:
            return IntervalGaussian(loc[:, 0], log_scale[:, 0], 1, grid)
        return d.Mixture(weights[0], IntervalGaussian(loc, log_scale, 1, grid), 1)

    def _categoricals(self, p: Tensor) -> d.Categorical:
        most = int(self.sizes.max())
        gone = torch.arange(most, device="cpu") >= self.sizes.unsqueeze(1)
        return d.Categorical(p[..., :most].masked_fill(gone.to(p.device), -torch.inf).mT, 1)

    def finite(self, x: Tensor, j: int) -> Tensor:
        """Clamps drawn values of column j to a range that is safe in single precision.

        Args:
            x: drawn values, any shape.
            j: number of the column.
        """
        column = self.columns[j]
        if isinstance(column, Positive):
            return x.clamp(1 / FARTHEST, FARTHEST)
        if isinstance(column, Count):
            return x.clamp(max=MOST_COUNTED)
        return x.clamp(-FARTHEST, FARTHEST) if isinstance(column, Real) else x


class Conditionals(d.Distribution):
    """The conditional distribution of each column, given the columns before it in fixed rows.

    Args:
        p: parameters, shape (B, columns, P).
        heads: distributions of the columns.
    """

    event_dims = 1

    def __init__(self, p: Tensor, heads: ColumnHeads):
        self.p, self.heads = p, heads

    @property
    def discrete(self) -> bool:  # type: ignore[override]
        """True if every column is discrete."""
        return all(column.discrete for column in self.heads.columns)

    def entries(self, x: Tensor) -> Tensor:
        """Returns log p of each column, shape of x."""
        return self.heads.entries(self.p, x)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws each column given the columns before it in the fixed rows, shape (B, columns)."""
        draws = [part.sample(rng, f"{name}-{j}") for j, part in enumerate(self._parts)]
        return torch.stack([draw.to(self.p.dtype) for draw in draws], 1)

    @property
    def mean(self) -> Tensor:
        """Means of the conditionals, shape (B, columns)."""
        return torch.stack([part.mean for part in self._parts], 1)

    @property
    def _parts(self) -> list[d.Distribution]:
        heads = enumerate(self.heads.heads)
        return [head.build(self.p[:, j, : head.output[0]]) for j, head in heads]


def check_columns(owner: str, space: Space) -> None:
    """Checks that `space` is a table or a vector whose columns have one of the kinds here.

    Args:
        owner: name of the model, for the message.
        space: space to check.

    Raises:
        ValueError: if it is not.
    """
    columns: Sequence[Space] = columns_of(space) if len(space.shape) == 1 else ()
    strange = next((column for column in columns if not isinstance(column, KINDS)), None)
    if not columns or strange is not None:
        got = space if strange is None else strange
        raise ValueError(f"{owner} models the columns of a table, but got {got}: {of_discrete(got)}.")
