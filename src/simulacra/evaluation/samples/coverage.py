"""Do samples look like the data, and do they show all of it? Four shares from nearest neighbours.

With B_k(x) the ball around x that reaches its k-th neighbour within its own set,

    precision = 1/M sum_j 1[ y_j in some B_k(x_i) ]       recall   = 1/N sum_i 1[ x_i in some B_k(y_j) ]
    density   = 1/(k M) sum_j sum_i 1[ y_j in B_k(x_i) ]  coverage = 1/N sum_i 1[ some y_j in B_k(x_i) ]

for real rows x_1..N and samples y_1..M. One outlier among the real rows makes a large ball and with it
precision; one among the samples recall. Density counts balls instead and may be above 1; coverage looks
only at balls around real rows.

Reference: Kynkaanniemi et al. 2019 (precision, recall); Naeem et al. 2020 (density, coverage). Row G15.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 128  # rows whose distances to all others are held at once: few enough for the cache
SLACK = 1e-12  # of the mean square of the rows: what rounding adds to the distance of equal rows


@dataclass(frozen=True)
class Coverage:
    """The four shares.

    Args:
        precision: of samples that lie among real rows.
        recall: of real rows that lie among samples.
        density: of balls around real rows that a sample lies in, 1 for the data themselves.
        coverage: of real rows with a sample nearby.
        k: neighbours.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    k: int


def precision_recall_density_coverage(real: Tensor, fake: Tensor, k: int = 5) -> Coverage:
    """The four shares of feature rows, in blocks: memory grows with N + M, not with N M.

    Args:
        real: shape (N, d).
        fake: shape (M, d).
        k: neighbours that a ball reaches.

    Raises:
        ValueError: if one side has no more than k rows.

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
    """The squared distance of each row to its k-th neighbour, itself not counted, shape (N,)."""
    return torch.cat([_squared(b, x).topk(k + 1, largest=False).values[:, k] for b in x.split(BLOCK)])


def _squared(a: Tensor, b: Tensor) -> Tensor:
    """|a_i - b_j|^2, shape (len(a), len(b))."""
    norms = a.square().sum(1, keepdim=True) + b.square().sum(1)
    return torch.addmm(norms, a, b.T, alpha=-2).clamp_(min=0)
