"""Distributions nearer to their likeliest values: at a temperature T, or of the k likeliest values alone.

    p_T(x) = p(x)^(1/T) / sum_x' p(x')^(1/T)                                     (1)
    p_k(x) = p(x) / sum of the k largest p(x')  for these x,  0 for others       (2)

Both are normalized for each entry.

Categorical and Bernoulli entries divide their logits by T, a Gaussian multiplies its variance by T, and
distributions of levels and of cells of scores are tempered by (1) over all of these. Counts and mixtures of
densities have no closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import singledispatch

import torch
from torch import Tensor

from simulacra.core.distributions.elementary import (
    Bernoulli,
    Categorical,
    DiscretizedLogistic,
    Distribution,
    Gaussian,
    Mixture,
)
from simulacra.core.distributions.intervals import IntervalGaussian
from simulacra.core.distributions.tabular import CumulativeLogit
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.numeric import Grid, Scores

SURE = 1e4  # logit of a certain bit: its sigmoid is 1 to the last bit
OTHERS = "other temperatures are for entries of finitely many values, and for Gaussian ones"


def tempered(p: Distribution, temperature: float) -> Distribution:
    """Returns the distribution (1) of each entry; at T = 1, `p` itself.

    Args:
        p: distribution of entries, shape (B, *).
        temperature: T, above 0.

    Raises:
        ValueError: if p^(1/T) of its kind has no closed form.

    Example:
        >>> round(tempered(Bernoulli(torch.tensor([2.0]), 0), 0.5).logits.item(), 2)
        4.0
    """
    return p if temperature == 1 else _at(p, temperature)


def likeliest(p: Distribution, k: int) -> Distribution:
    """Returns the distribution (2) of each entry; for k = 0, `p` itself.

    Values as likely as the k-th are kept too.

    Args:
        p: distribution of entries, shape (B, *).
        k: number of values, from 0.

    Raises:
        ValueError: if entries have no finite number of values.

    Example:
        >>> logits = torch.tensor([[0.5, 2.0, 0.0, 1.0]])
        >>> likeliest(Categorical(logits, 0), 2).logits.tolist()
        [[-inf, 2.0, -inf, 1.0]]
    """
    if k == 0:
        return p
    if isinstance(p, Bernoulli):
        return p if k > 1 else Bernoulli(SURE * p.logits.sign(), p.event_dims)
    levels = isinstance(p.components if isinstance(p, Mixture) else p, DiscretizedLogistic | CumulativeLogit)
    values = p if isinstance(p, Categorical) else _at(p, 1.0) if levels else None
    if not isinstance(values, Categorical):
        raise ValueError(
            f"top_k is {k}, but entries with the distribution {type(p).__name__} have no finite number of "
            "values to choose from: leave top_k out, or give 0."
        )
    dim = values.logits.dim() - p.event_dims - 1
    # (2)
    least = values.logits.topk(min(k, values.logits.shape[dim]), dim).values.amin(dim, keepdim=True)
    return replace(values, logits=values.logits.masked_fill(values.logits < least, -torch.inf))


@singledispatch
def _at(p: Distribution, temperature: float) -> Distribution:
    raise ValueError(
        f"temperature is {temperature}, but entries with the distribution {type(p).__name__} can only be "
        f"drawn at 1: {OTHERS}."
    )


@_at.register
def _bernoulli(p: Bernoulli, temperature: float) -> Distribution:
    return Bernoulli(p.logits / temperature, p.event_dims)


@_at.register
def _categorical(p: Categorical, temperature: float) -> Distribution:
    # `replace` keeps the class, such as `Texts`
    return replace(p, logits=p.logits / temperature)


@_at.register
def _gaussian(p: Gaussian, temperature: float) -> Distribution:
    # exp(-u^2 / 2 s^2)^(1/T) has the variance T s^2
    return Gaussian(p.loc, p.log_scale + 0.5 * math.log(temperature), p.event_dims)


@_at.register
def _logistic(p: DiscretizedLogistic, temperature: float) -> Distribution:
    return _over_values(p, torch.arange(p.levels), p.loc, temperature)


@_at.register
def _ordinal(p: CumulativeLogit, temperature: float) -> Distribution:
    return Categorical(p.log_probs / temperature, p.event_dims)


@_at.register
def _mixture(p: Mixture, temperature: float) -> Distribution:
    like = p.logits.select(p.logits.dim() - p.event_dims - 1, 0)
    if isinstance(p.components, IntervalGaussian):
        return _over_cells(p, p.components.cells, like, temperature)
    if not isinstance(p.components, DiscretizedLogistic):
        raise ValueError(
            f"temperature is {temperature}, but entries with a mixture of {type(p.components).__name__} "
            f"densities can only be drawn at 1: {OTHERS}."
        )
    return _over_values(p, torch.arange(p.components.levels), like, temperature)


@_at.register
def _cells(p: IntervalGaussian, temperature: float) -> Distribution:
    return _over_cells(p, p.cells, p.loc, temperature)


def _over_cells(p: Distribution, cells: Scores | Grid, like: Tensor, temperature: float) -> Cells:
    assert isinstance(cells, Scores), "columns are drawn one by one"
    return Cells(_over_values(p, cells.centres, like, temperature), cells)


def _over_values(p: Distribution, values: Tensor, like: Tensor, temperature: float) -> Categorical:
    """Returns (1) over some values, shape (K,), for entries of the shape of `like`."""
    x = values.to(like).view(-1, *[1] * like.dim()).expand(-1, *like.shape)
    # (1)
    return Categorical(p.entries(x).movedim(0, like.dim() - p.event_dims) / temperature, p.event_dims)


@dataclass
class Cells(Distribution):
    """Cells of normal scores, each shown by its expected score.

    Args:
        law: distribution of the number of the cell.
        cells: space of the scores.
    """

    law: Categorical
    cells: Scores
    discrete = True

    @property
    def event_dims(self) -> int:  # type: ignore[override]
        """Number of trailing dimensions of an observation."""
        return self.law.event_dims

    @property
    def _centres(self) -> Tensor:
        return self.cells.centres.to(self.law.logits)

    def entries(self, x: Tensor) -> Tensor:
        """Returns log P of the cell that contains x."""
        return self.law.entries(self.cells.cell(x))

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws a cell and returns its expected score."""
        return self._centres[self.law.sample(rng, name)]

    @property
    def mean(self) -> Tensor:
        """Mean of the expected scores."""
        return torch.tensordot(self.law.probs.movedim(-self.event_dims - 1, -1), self._centres, dims=1)
