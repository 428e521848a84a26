"""The dimension of the surface near which rows lie, by principal components of their neighbourhoods.

    S_i(k) = covariance of x_i and its k nearest rows,   l_1 >= l_2 >= ... its eigenvalues               (1)
    d_i(k) = #{j : l_j > a l_1},   a = 0.05                                                              (2)
    d(k) = mean of d_i(k) over the rows i;   d = d(k) at the smallest k with k >= 4 d(k)                 (3)

The manifold hypothesis says that observations lie near a surface of few dimensions, onto which a generator
maps its codes. Few neighbours span few directions, and noise has as many as there are entries; over many
neighbours the surface is curved. The dimension is therefore a curve over the scale k, of which (3) takes the
first point at which each direction has four neighbours: a Gaussian cloud of d dimensions then rarely has an
eigenvalue below a l_1.

Reference: Fukunaga and Olsen, An algorithm for finding intrinsic dimensionality of data, 1971. Row D20.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.numerics.precision import to_float64
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng, some_of
from simulacra.core.storage.records import Record

SMALL = 0.05  # a of equation (2)
ENOUGH = 4  # neighbours of each direction in equation (3)
LEAST, MOST = 4, 256  # neighbours at the smallest and the largest scale, which double from one to the next
CENTRES = 100  # rows whose neighbourhoods are measured


@dataclass(frozen=True)
class Curve(Record):
    """Local dimension of rows over the scale.

    Args:
        neighbours: k at each scale, ascending.
        radius: median distance of the k-th neighbour, in features.
        dimension: d(k) of equation (3).
        error: standard error of d(k) over the rows i.
        rows: number of rows.
    """

    neighbours: tuple[int, ...]
    radius: tuple[float, ...]
    dimension: tuple[float, ...]
    error: tuple[float, ...]
    rows: int
    derived = ("found",)

    @property
    def found(self) -> float | None:
        """The dimension d of equation (3); None if no scale has enough neighbours."""
        return None if self.place is None else self.dimension[self.place]

    @property
    def place(self) -> int | None:
        """Number of the scale at which the dimension is taken, or None."""
        enough = (i for i, k in enumerate(self.neighbours) if k >= ENOUGH * self.dimension[i])
        return next(enough, None)

    @property
    def words(self) -> str:
        """The dimension with its error and its scale, in words."""
        i = self.place
        if i is None:
            return f"more than {self.rows:,} rows can tell"
        error = "" if math.isnan(self.error[i]) else f" +- {self.error[i]:.1f}"
        return f"{self.dimension[i]:.1f}{error} (of {self.neighbours[i]} neighbours)"


def local_dimension(x: Tensor, centres: int = CENTRES, seed: int = 0) -> Curve:
    """Measures the local dimension of rows over the scale, equations (1) to (3).

    Args:
        x: rows, shape (N, *).
        centres: number of rows whose neighbourhoods are measured, chosen at random.
        seed: seed of the choice.

    Raises:
        ValueError: if there are fewer than five rows.

    Example:
        >>> t = torch.linspace(0, 6.28, 200)
        >>> local_dimension(torch.stack([t.cos(), t.sin()], 1)).found
        1.0
    """
    x = to_float64(x.flatten(1))
    if len(x) <= LEAST:
        raise ValueError(f"a neighbourhood has {LEAST + 1} rows, but there are {len(x)}: give more.")
    scales = [k for k in _doubled(LEAST, MOST) if k < max(len(x) // 2, LEAST + 1)]
    found, distances = [], []
    for i in each(some_of(len(x), centres, Rng(seed, "centres")).tolist(), "neighbourhoods"):
        away = x - x[i]
        squares = away.square().sum(1)
        near = squares.topk(scales[-1] + 1, largest=False, sorted=True).indices
        found.append([directions(away[near[: k + 1]]) for k in scales])
        distances.append(squares[near[scales]].sqrt())
    dims = torch.tensor(found, dtype=torch.float64)
    # NaN of a single neighbourhood
    error = dims.std(0) / len(dims) ** 0.5 if len(dims) > 1 else torch.full_like(dims[0], torch.nan)
    radius = torch.stack(distances).median(0).values
    of = lambda t: tuple(t.tolist())
    return Curve(tuple(scales), of(radius), of(dims.mean(0)), of(error), len(x))


def directions(x: Tensor) -> int:
    """Counts the directions in which rows vary, equation (2); 0 if all are equal.

    Args:
        x: rows of one neighbourhood, shape (n, d), in float64.

    Example:
        >>> directions(torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.1]]).double())
        1
    """
    away = x - x.mean(0)
    # (1): the eigenvalues of the smaller of the two matrices of products
    products = away @ away.T if len(x) <= x.shape[1] else away.T @ away
    values = torch.linalg.eigvalsh(products)
    # (2)
    return int((values > SMALL * values[-1]).sum()) if values[-1] > 0 else 0


def _doubled(first: int, last: int) -> Iterator[int]:
    """Yields first, 2 first, 4 first, ... up to last."""
    while first <= last:
        yield first
        first *= 2
