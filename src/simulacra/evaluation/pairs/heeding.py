"""Measures whether translations depend on their sources, and on the noise that the model draws.

x is the truth of a source c, y a translation of it, y' one of the source of another pair, a bar the mean
over pairs, and Var x = E |x - E x|^2:

    C = 1/2 (E |x - y'|^2 - E |x - y|^2) = sum_k Cov(x_k, y_k)                                       (1)
    g = C / Var x                                                                                    (2)
    h = sum_k Cov(y_k, a_k) / sum_k Cov(x_k, a_k),   a = a(c) any answer without a model             (3)

g is 0 if y ignores c, and Var E[x|c] / Var x both for the mean y = E[x|c] and for honest draws y ~ p(x|c).
h is 0 if y ignores c, and 1 for both, whatever a is, since then E[y|c] = E[x|c]. Its denominator shows
whether the source tells anything, and its error is small where c says little of x. As a stand the source
itself, where it has the size of x, the mean x of the K training pairs whose sources are nearest, and the best
linear filter. A permutation test says whether C is 0: under the hypothesis that y tells nothing of x, every
assignment of the y to the x is as likely.

    S = E |y_1 - y_2|^2,   E = E |x - y|^2,   y_1 and y_2 two draws of one source                    (4)

For honest draws S = E. If S is 0 and E is not, the model draws noise and answers as if it had none.

Reference: Cover and Thomas 2006; Isola et al. 2017, section 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.data.dataset import Dataset
from simulacra.evaluation.pairs.filters import linear_filter
from simulacra.evaluation.pairs.translated import Translated
from simulacra.evaluation.rows import chosen

TRAIN, NEAREST, ENTRIES = 2000, 5, 2**25  # training pairs of the search, K, and most entries of the pairs
PERMUTATIONS, AT_ONCE = 2999, 1000
THE_SOURCE, FILTER = "the source itself", "a linear filter"
NEAR = f"the {NEAREST} training pairs of the nearest sources"


@dataclass(frozen=True)
class Share:
    """An estimate of (2), or of S in (4), with its standard error over pairs.

    Args:
        value: the estimate.
        error: its standard error.
    """

    value: float
    error: float


@dataclass(frozen=True)
class Shown:
    """An estimate of (3).

    Args:
        by: name of the answer a.
        told: the denominator over its standard error: beyond 4, the source tells something of x for sure.
        value: h.
        error: its standard error.
    """

    by: str
    told: float
    value: float
    error: float


@dataclass(frozen=True)
class Heeding:
    """Dependence of translations on source and noise.

    Args:
        pairs: number of pairs.
        model: g of equation (2).
        chance: p-value of the permutation test of C <= 0.
        least: the smallest p-value that so many pairs can give.
        shown: h of equation (3) for each answer a that varies.
        own: E of equation (4), relative to Var x.
        others: the same with the sources of other pairs.
        same: S of equation (4), relative to Var x; None with one draw.
        noisy: True if the model draws random numbers.
    """

    pairs: int
    model: Share
    chance: float
    least: float
    shown: tuple[Shown, ...]
    own: float
    others: float
    same: Share | None
    noisy: bool


def heeding(found: Translated, data: Dataset, seed: int = 0) -> Heeding | None:
    """Evaluates equations (1) to (4).

    Args:
        found: held-out pairs and translations.
        data: data set of pairs, whose training rows say what sources tell.
        seed: seed of the permutations and of the choice of training pairs.

    Returns:
        the numbers; None if all x are equal, or there are fewer than two.

    Example:
        >>> import simulacra
        >>> from simulacra.evaluation.pairs.translated import Translated
        >>> x = torch.randn(60, 1, 4, 4, generator=torch.Generator().manual_seed(0))
        >>> data = simulacra.from_tensors(x, simulacra.Real((1, 4, 4)), c=x)
        >>> found = heeding(Translated(x, x, x.unsqueeze(1), False), data)
        >>> round(found.model.value, 6), found.chance < 1e-3
        (1.0, True)
        >>> [(shown.by, round(shown.value, 6)) for shown in found.shown][-1]
        ('a linear filter', 1.0)
    """
    raw = data.preprocessing.raw
    x, draws = _features(raw, found.x), [_features(raw, y) for y in found.y.unbind(1)]
    if len(x) < 2 or bool((x == x[0]).all()):
        return None
    mean = sum(draws[1:], draws[0]) / len(draws)
    spread = float(_centred(x).square().sum(1).mean())
    shown = tuple(
        shown_of(by, x, mean, a) for by, a in _answers(x, found, data, seed) if float(a.var(0).sum())
    )
    least = max(1 / math.factorial(min(len(x), 20)), 1 / (PERMUTATIONS + 1))
    own = float(torch.stack([(x - y).square().sum(1) for y in draws]).mean()) / spread
    model = _share(x, mean)
    same = None if len(draws) < 2 else _between(draws[0], draws[1], spread)
    # (1)
    others = own + 2 * model.value
    chance = chance_of_none(_centred(x) @ _centred(mean).T, seed)
    return Heeding(len(x), model, chance, least, shown, own, others, same, found.noisy)


def _features(space: Space, x: Tensor) -> Tensor:
    """Returns raw rows as vectors on a linear scale, float64, shape (B, features)."""
    return space.measured(x, torch.float64).flatten(1)


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(0)


def _share(x: Tensor, y: Tensor) -> Share:
    """Returns equation (2) and its standard error by the delta method."""
    x, y = _centred(x), _centred(y)
    c, v = (x * y).sum(1), x.square().sum(1)
    # (2)
    g = float(c.mean() / v.mean())
    return Share(g, _error(c / v.mean() - g * v / v.mean()))


def shown_of(by: str, x: Tensor, y: Tensor, a: Tensor) -> Shown:
    """Returns equation (3) and its standard error by the delta method.

    Args:
        by: name of the answer a.
        x: the truth as vectors, shape (B, d).
        y: translations, shape of x.
        a: answers without a model that vary, shape of x.
    """
    a = _centred(a)
    of_x, of_y = ((a * _centred(t)).sum(1) for t in (x, y))
    told = float(of_x.mean())
    strength = abs(told) / max(_error(of_x), 1e-300)
    if told == 0:
        return Shown(by, 0.0, 0.0, math.inf)
    # (3)
    h = float(of_y.mean()) / told
    return Shown(by, strength, h, _error(of_y - h * of_x) / abs(told))


def _error(influences: Tensor) -> float:
    return float(influences.std()) / math.sqrt(len(influences))


def _between(a: Tensor, b: Tensor, spread: float) -> Share:
    """Returns S of equation (4) relative to the spread of x."""
    apart = (a - b).square().sum(1) / spread
    return Share(float(apart.mean()), _error(apart))


def chance_of_none(products: Tensor, seed: int = 0) -> float:
    """Returns the p-value of the sum of the diagonal among those of permuted columns.

    Args:
        products: inner products of centred rows and answers, shape (B, B).
        seed: seed of the permutations.

    Example:
        >>> chance_of_none(torch.eye(20)) < 1e-3, chance_of_none(torch.ones(3, 3))
        (True, 1.0)
    """
    n = len(products)
    rng, rows, seen = Rng(seed, "assignments"), torch.arange(n), float(products.diagonal().sum())
    # rounding must not tell equal sums apart
    least = seen - 1e-9 * float(products.abs().sum()) / n
    as_large = 0
    for k in range(0, PERMUTATIONS, AT_ONCE):
        keys = rng.at(k).uniform("order", n, rows=range(min(AT_ONCE, PERMUTATIONS - k)))
        as_large += int((products[rows, keys.argsort(1)].sum(1) >= least).sum())
    return (1 + as_large) / (1 + PERMUTATIONS)


def _answers(x: Tensor, found: Translated, data: Dataset, seed: int) -> Iterator[tuple[str, Tensor]]:
    """Yields answers without a model, by name, as vectors of the length of x."""
    assert data.conditioning is not None
    raw, source = data.preprocessing.raw, data.conditioning.raw
    c = _features(source, found.c)
    index = chosen(data.train, max(NEAREST, min(TRAIN, ENTRIES // max(source.dims, raw.dims))), seed)
    if (known := data.train.c_known) is not None:
        index = index[known.to(index.device)[index]]
    rows = data.train.rows(index)
    assert rows.c is not None
    others = _features(source, rows.c.cpu())
    near = torch.cdist(c, others).topk(min(NEAREST, len(others)), largest=False).indices
    yield NEAR, _features(raw, rows.x.cpu())[near].mean(1)
    if c.shape == x.shape:
        yield THE_SOURCE, c
    answer = linear_filter(data, seed)
    if answer is not None:
        yield FILTER, answer(found.c)
