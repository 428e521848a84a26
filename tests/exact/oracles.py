"""What the exact tests compare with: enumeration, quadrature and prescribed noise.

Nothing here uses the library, so that an error in it cannot hide behind itself.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import scipy
import torch
from scipy.special import logsumexp
from torch import Tensor


def states(n: int, levels: int = 2) -> np.ndarray:
    """All vectors of n entries 0..levels-1, shape (levels^n, n)."""
    return np.array(list(itertools.product(range(levels), repeat=n)), dtype=np.float64)


def normal_grid(n: int = 2001, limit: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and log-weights of E f(z), z ~ N(0, 1): the trapezium rule, spectral for smooth f."""
    z = np.linspace(-limit, limit, n)
    return z, -0.5 * z**2 - 0.5 * math.log(2 * math.pi) + math.log(z[1] - z[0])


def log_normal(z: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """log N(z; mean, scale^2) of each entry."""
    return -0.5 * ((z - mean) / scale) ** 2 - np.log(scale) - 0.5 * math.log(2 * math.pi)


def log_evidence(log_likelihood: np.ndarray, log_weights: np.ndarray) -> np.ndarray:
    """log of the integral over the grid of z of p(x|z) N(z): likelihoods of shape (grid, B)."""
    return logsumexp(log_likelihood + log_weights[:, None], axis=0)


def within(value: float, truth: float, error: float, n: float = 4.0) -> bool:
    """Whether a Monte-Carlo value lies within n standard errors of the truth."""
    return abs(value - truth) <= n * error


def chi_square(draws: np.ndarray, masses: np.ndarray) -> float:
    """The p-value of draws among 0..K-1 against their masses; rare values are pooled into one."""
    seen, due = np.bincount(draws.astype(int), minlength=len(masses)), masses * len(draws)
    assert len(seen) == len(masses), "a draw beyond the support"
    common, most = due >= 5, due.argmax()
    cells = np.where(common, np.arange(len(due)), len(due))
    if due[~common].sum() < 1:  # too rare for a cell of their own
        cells[~common] = most
    observed, expected = (np.bincount(cells, v, len(due) + 1) for v in (seen, due))
    kept = expected > 0
    return scipy.stats.chi2.sf(((observed - expected)[kept] ** 2 / expected[kept]).sum(), kept.sum() - 1)


class Prescribed:
    """A generator whose numbers the test chooses: turns a draw into a node of a quadrature."""

    def __init__(self, value: Tensor | float):
        self.value = torch.as_tensor(value)
        self.rows = range(len(self.value)) if self.value.dim() else range(1)

    def _given(self, name: str, *shape: int, rows=None, dtype=None) -> Tensor:
        value = self.value if dtype is None else self.value.to(dtype)
        return value.expand(value.shape[0] if value.dim() else 1, *shape)

    normal = uniform = _given
    device = "cpu"

    def at(self, *path: object) -> Prescribed:
        return self

    def on(self, batch: object) -> Prescribed:
        return self

    per_row = lambda self: self
