"""Decides when two rows are near-duplicates, and finds them.

Images are compared as grey images, averaged down to 16x16, centred and normalized to length 1, so that
brightness and contrast do not matter. Two images are near if their distance is below 0.05. Largest measured
distances of copies: one level brighter 0.006; JPEG of quality 90 0.03 (0.055 at low contrast), of quality 75
0.065. Smallest distances of different images across splits: 0.075 (MNIST), 0.11 (Olivetti faces), 0.15 (a
fifth of CIFAR-10), 0.18 (digits). Only Fashion-MNIST has smaller ones, twenty pairs down to 0.004, which show
the same garment.

Table rows are near if all real columns (standardized; positive ones log-transformed before) agree within 1e-3
of a deviation and all other columns are equal. In small tables, or with few columns, unrelated rows may be
that near by chance. The limit therefore shrinks until fewer than 0.01 pairs of unrelated rows are expected,
with the probability

    P(r) = exp(d mean_j log P(|x_j - y_j| <= r)),    d = D^2 / |C|^2,

where C is the correlation matrix of the D columns that vary: d = D if they are independent, 1 if they are all
equal. P(r) is estimated from distinct rows, since repeated rows are no evidence of chance; |C|^2 is corrected
for the correlations of few unrelated rows. Exact copies of continuous numbers never occur by chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from simulacra.core.preprocessing.column_scales import place_and_scale
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Numeric
from simulacra.core.spaces.plain import Binary, Positive, Real, Space
from simulacra.core.spaces.tokens import Tokens

SIDE, NEAR_IMAGES = 16, 0.05
LEAST_PIXELS = 64  # smaller images cannot tell near-duplicates from similar images
NEAR_ROWS = (1e-3, 1e-4, 1e-5, 1e-6)
GROUPS, MEMBERS = 10, 50  # most groups of similar rows, and fewest distinct rows in each
EXPECTED = 0.01  # largest expected number of unrelated pairs that are near by chance
DIRECTIONS, CANDIDATES = 8, 16  # dimensions of the tree for images; neighbours of a row that are compared
LOOKED_AT, COLUMNS = 2000, 512  # rows and columns from which chance is estimated
DECIMALS, SINGLE = 7, 1e-7  # digits that a rounded number may have; relative rounding of float32
VARIED, ALONE = (
    0.99,
    1000,
)  # share of distinct rows with a unique value; fewest distinct rows of a single column
Near = tuple[np.ndarray, np.ndarray, np.ndarray]  # row numbers in one split, in the other, distances


def is_pictured(space: Space) -> bool:
    """Returns True if rows are compared as images; binary images are only compared exactly."""
    rich = space.image and space.shape[1] * space.shape[2] >= LEAST_PIXELS
    return rich and not isinstance(space, Binary)


def thumbnails(x: Tensor) -> Tensor:
    """Returns images as unit vectors, shape (B, at most 256); images of a single value are NaN.

    Args:
        x: images of any type, shape (B, C, H, W).
    """
    grey = x.float().mean(1, keepdim=True)
    small = F.adaptive_avg_pool2d(grey, (min(SIDE, x.shape[2]), min(SIDE, x.shape[3]))).flatten(1)
    small = small - small.mean(1, keepdim=True)
    length = small.norm(dim=1, keepdim=True)
    return small / torch.where(length > 1e-6 * grey.abs().amax(), length, torch.nan)


class Pictures:
    """Finds near-duplicate images: a k-d tree in principal directions proposes pairs, the distance decides.

    A projection lengthens no distance, so the tree's radius loses no pair.

    Args:
        train: thumbnails from which the principal directions are computed, shape (N, at most 256).
    """

    def __init__(self, train: Tensor):
        some = train[:: max(1, len(train) // 5000)]
        some = some[~some.isnan().any(1)]
        self.directions = torch.linalg.svd(some - some.mean(0), full_matrices=False).Vh[:DIRECTIONS].T

    def near(self, a: Tensor, b: Tensor) -> Near:
        """Finds the nearest near-duplicate in `a` for each row of `b` that has one.

        Args:
            a: thumbnails of one split.
            b: thumbnails of another split.
        """
        rows_a, rows_b = (np.flatnonzero(~t.isnan().any(1).numpy()) for t in (a, b))
        project = lambda t, rows: (t[torch.from_numpy(rows)] @ self.directions).double().numpy()
        tree = _tree(project(a, rows_a))
        _, found = tree.query(project(b, rows_b), CANDIDATES, distance_upper_bound=NEAR_IMAGES)
        i, j = np.nonzero(found < len(rows_a))
        first, second = rows_a[found[i, j]], rows_b[i]
        distance = (a[torch.from_numpy(first)] - b[torch.from_numpy(second)]).norm(dim=1).numpy()
        inside = distance < NEAR_IMAGES
        return _nearest(first[inside], second[inside], distance[inside])


class Columns:
    """Finds near-duplicate rows of tables and vectors.

    Args:
        space: space of the raw rows.
        splits: raw rows by split, shape (N, D).
    """

    def __init__(self, space: Space, splits: Mapping[str, Tensor]):
        real, positive = _kinds(space)
        x = {split: rows.flatten(1).double().numpy().copy() for split, rows in splits.items()}
        for rows in x.values():
            rows[:, positive] = np.log(rows[:, positive])
        train = x["train"][:, real]
        shift, scale = (t.numpy() for t in place_and_scale(torch.from_numpy(train)))
        for rows in x.values():
            rows[:, real] = (rows[:, real] - shift) / scale
        self.x = x
        found = (r for r in NEAR_ROWS if _pairs(x) * _chance(x["train"], r) < EXPECTED)
        self.radius = next(found, None)

    def near(self, a: str, b: str) -> Near:
        """Finds the nearest near-duplicate in split `a` for each row of split `b` that has one.

        Args:
            a: name of a split.
            b: name of another split.
        """
        if self.radius is None:
            return _nearest(*(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)))
        tree = _tree(self.x[a])
        distance, found = tree.query(self.x[b], 1, p=np.inf, distance_upper_bound=self.radius)
        second = np.flatnonzero(found < len(self.x[a]))
        return _nearest(found[second], second, distance[second])


def copies_by_chance(space: Space, splits: Mapping[str, Tensor]) -> bool:
    """Returns True if unrelated rows of such values are expected to be equal across splits by chance.

    Args:
        space: space of the raw rows.
        splits: raw rows by split, shape (N, *).
    """
    return _pairs(splits) * chance_of_copy(space, splits["train"]) >= EXPECTED


def chance_of_copy(space: Space, train: Tensor) -> float:
    """Returns the probability that two unrelated rows are equal; 0 if a column is continuous.

    Args:
        space: space of the raw rows.
        train: raw rows, shape (N, *).

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> x = (torch.rand(2000, 3, generator=torch.Generator().manual_seed(0)) < 0.5).float()
        >>> 0.01 < chance_of_copy(Binary((3,)), x) < 1
        True
    """
    if isinstance(space, Tokens):
        return _chance_of_texts(train)
    some = train[:: max(1, len(train) // LOOKED_AT)].flatten(1).double().numpy()
    if _continuous(some[:, _numbers(space)]):
        return 0.0
    return max(_chance(some, 0.0), _chance_in_groups(some))


def _chance_of_texts(train: Tensor) -> float:
    """Returns the share of pairs of training rows that are equal, since tokens of a text are not independent.

    One pair is added, so that no share is 0.
    """
    hashes = [hash(row.tobytes()) for row in train.flatten(1).numpy()]
    _, counts = np.unique(np.array(hashes, np.int64), return_counts=True)
    n = len(hashes)
    return float((counts * (counts - 1.0)).sum() + 1) / (n * (n - 1.0) + 1)


def _chance_in_groups(x: np.ndarray) -> float:
    """Returns the probability that two unrelated rows are equal if the rows form groups.

    Columns may be independent within a kind and not over all rows, such as in a file of easy and hard rows.
    Kinds are told by the first principal component of the distinct rows, in groups of at least `MEMBERS`; two
    rows are of group g with probability w_g^2, w_g the share of all rows.
    """
    distinct, counts = np.unique(x, axis=0, return_counts=True)
    groups = min(GROUPS, len(distinct) // MEMBERS)
    if groups < 2 or distinct.shape[1] < 2:
        return 0.0
    centred = distinct - distinct.mean(0)
    scales = centred.std(0)
    centred = centred[:, scales > 0] / scales[scales > 0]
    if not centred.size:
        return 0.0
    first = np.linalg.eigh(centred.T @ centred)[1][:, -1] if centred.shape[1] <= COLUMNS else centred[0]
    order = np.argsort(centred @ first, kind="stable")
    parts = np.array_split(order, groups)
    weights = [counts[part].sum() / counts.sum() for part in parts]
    return float(sum(w**2 * _chance(distinct[part], 0.0) for w, part in zip(weights, parts)))


def continuous(space: Space, x: Tensor) -> bool:
    """Returns True if rows are never equal by chance: some column holds numbers that are not rounded.

    Args:
        space: space of the raw rows.
        x: some raw rows, shape (N, *).

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> continuous(Real((2,)), torch.randn(50, 2)), continuous(Real((2,)), torch.randn(50, 2).round())
        (True, False)
    """
    return _continuous(x.flatten(1).double().numpy()[:, _numbers(space)])


def _continuous(x: np.ndarray) -> bool:
    """Returns True if some column holds numbers that are neither rounded nor shared by distinct rows."""
    x = np.unique(x, axis=0)
    if len(x) < (2 if x.shape[1] > 1 else ALONE):
        return False
    varied = [v for v in x.T[:COLUMNS] if len(np.unique(v)) >= VARIED * len(v)]
    return any(not _rounded(v) for v in varied)


def _rounded(v: np.ndarray) -> bool:
    """Returns True if nearly all numbers have so few decimals that float32 would resolve more."""
    resolution = SINGLE * np.abs(v).max()
    grids = (k for k in range(DECIMALS) if 10.0**-k >= 100 * resolution)
    return any((np.abs(v - v.round(k)) <= resolution).mean() >= VARIED for k in grids)


def _pairs(splits: Mapping[str, Tensor] | Mapping[str, np.ndarray]) -> int:
    """Returns the number of pairs of rows between the largest split and the others."""
    sizes = sorted(map(len, splits.values()))
    return sizes[-1] * sum(sizes[:-1])


def has_distances(space: Space) -> bool:
    """Returns True if some column is compared by distance; otherwise rows are equal or different."""
    return bool(_kinds(space)[0].any())


def _numbers(space: Space) -> np.ndarray:
    """Returns a mask of the columns that hold numbers, of a table or of vectors."""
    return np.array([isinstance(kind, Real | Positive | Numeric) for kind in _columns(space)])


def _tree(points: np.ndarray) -> Any:
    # imported here, since the import takes a tenth of a second
    from scipy.spatial import cKDTree

    # sliding midpoints stay fast with many equal rows
    return cKDTree(points, balanced_tree=False, compact_nodes=False)


def _kinds(space: Space) -> tuple[np.ndarray, np.ndarray]:
    """Returns a mask of the columns that are compared by distance, and one of the positive columns."""
    kinds = _columns(space)
    positive = np.array([isinstance(kind, Positive) for kind in kinds])
    return positive | np.array([isinstance(kind, Real) for kind in kinds]), positive


def _columns(space: Space) -> list[Space]:
    """Returns the space of each column."""
    if isinstance(space, Table):
        return [field for _, field in space.fields for _ in range(max(1, field.dims))]
    return [space] * space.dims


def _chance(x: np.ndarray, radius: float) -> float:
    """Returns P(r), the probability that two unrelated rows are within `radius` in all columns."""
    x = np.unique(x[:: max(1, len(x) // LOOKED_AT)], axis=0)
    x = x[:, x.min(0) < x.max(0)][:, :COLUMNS]
    if not x.size:
        return 1.0
    n, columns = x.shape
    dims = _independent(np.corrcoef(x, rowvar=False).reshape(columns, columns), n)
    ordered = np.sort(x, axis=0)
    near = [
        (np.searchsorted(v, v + radius, "right") - np.searchsorted(v, v - radius, "left")).sum() - n
        for v in ordered.T
    ]
    # one pair is added, so that no share is 0
    shares = (np.array(near) + 1) / (n * (n - 1) + 1)
    return float(np.exp(dims * np.log(shares.clip(max=1)).mean()))


def _independent(correlation: np.ndarray, n: int) -> float:
    """Returns d = D^2 / |C|^2, with |C|^2 corrected for the correlations of n unrelated rows."""
    columns = len(correlation)
    related = float((correlation**2).sum()) - columns
    if n > 2:
        # r^2 - (1 - r^2) / (n - 2) is 0 on average without correlation
        others = columns * (columns - 1)
        related = max(0.0, related - (others - related) / (n - 2))
    return columns**2 / (columns + related)


def _nearest(first: np.ndarray, second: np.ndarray, distance: np.ndarray) -> Near:
    """Keeps one pair for each row of `second`: the nearest."""
    order = np.lexsort((distance, second))
    _, at = np.unique(second[order], return_index=True)
    kept = order[at]
    return first[kept], second[kept], distance[kept]
