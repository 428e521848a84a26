"""Precision, recall, density and coverage of samples, from nearest neighbours.

With B_k(x) the ball around x that reaches its k-th neighbour within its own set,

    precision = 1/M sum_j 1[ y_j in some B_k(x_i) ]       recall   = 1/N sum_i 1[ x_i in some B_k(y_j) ]
    density   = 1/(k M) sum_j sum_i 1[ y_j in B_k(x_i) ]  coverage = 1/N sum_i 1[ some y_j in B_k(x_i) ]

for real rows x_1..N and samples y_1..M. An outlier among the real rows has a large ball and inflates
precision; one among the samples inflates recall. Density counts balls instead and may be above 1; coverage
uses only balls around real rows.

Reference: Kynkaanniemi et al. 2019 (precision, recall); Naeem et al. 2020 (density, coverage). Row G15.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 128  # rows whose distances to all others are in memory at once: few enough for the CPU's cache
SLACK = 1e-12  # tolerance for rounding of squared distances, relative to the mean square of the rows


@dataclass(frozen=True)
class Coverage:
    """Precision, recall, density and coverage.

    Args:
        precision: share of samples in the ball of a real row.
        recall: share of real rows in the ball of a sample.
        density: mean number of balls of real rows around a sample, over k; 1 for the data themselves.
        coverage: share of real rows whose ball contains a sample.
        k: number of neighbours within a ball.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    k: int


def precision_recall_density_coverage(real: Tensor, fake: Tensor, k: int = 5) -> Coverage:
    """Returns the four shares; computed in blocks, so that memory grows with N + M, not with N M.

    Args:
        real: features of real rows, shape (N, d).
        fake: features of samples, shape (M, d).
        k: number of neighbours within a ball.

    Raises:
        ValueError: if one side has at most k rows.

    Example:
        >>> x = torch.arange(50.0).unsqueeze(1)
        >>> found = precision_recall_density_coverage(x, x[:25])
        >>> found.precision, found.recall, found.coverage
        (1.0, 0.6, 0.56)
    """
    if k < 1 or min(len(real), len(fake)) <= k:
        raise ValueError(
            f"balls that reach {k} neighbours need k >= 1 and at least {k + 1} rows on each side, "
            f"but got {len(real)} and {len(fake)}."
        )
    middle = real.mean(0, dtype=torch.float64)
    x, y = real.double() - middle, fake.double() - middle
    slack = SLACK * float(x.square().sum(1).mean() + y.square().sum(1).mean())
    radii_x, radii_y = _radii(x, k) + slack, _radii(y, k) + slack
    recalled, covered, balls = [], [], torch.zeros(len(y), dtype=torch.long)
    for block, radius in zip(x.split(BLOCK), radii_x.split(BLOCK)):
        squared = _squared(block, y)
        inside = squared <= radius.unsqueeze(1)
        recalled.append((squared <= radii_y).any(1))
        covered.append(inside.any(1))
        balls += inside.sum(0)
    share = lambda flags: float(flags.double().mean())
    return Coverage(
        share(balls > 0), share(torch.cat(recalled)), float(balls.double().mean()) / k,
        share(torch.cat(covered)), k,
    )  # fmt: skip


def _radii(x: Tensor, k: int) -> Tensor:
    """Returns the squared distance of each row to its k-th neighbour, without itself, shape (N,)."""
    return torch.cat([_squared(b, x).topk(k + 1, largest=False).values[:, k] for b in x.split(BLOCK)])


def _squared(a: Tensor, b: Tensor) -> Tensor:
    """Returns |a_i - b_j|^2, shape (len(a), len(b))."""
    norms = a.square().sum(1, keepdim=True) + b.square().sum(1)
    return torch.addmm(norms, a, b.T, alpha=-2).clamp_(min=0)
