"""Confidence intervals of 95 %.

    share     k of n: Wilson's interval                                                          (1)
    mean      m -+ t s / sqrt(n), t of Student's law with n - 1 degrees of freedom               (2)
    crossed   of e_ci, choice c of C and row i of N:
              error^2 = var_c(mean_i e_ci) / C + var_i(mean_c e_ci) / N                          (3)

(3) counts the residual variance of choice and row twice, so it is a little too wide; its degrees of freedom
are Welch's.

Reference: Wilson 1927; Welch 1947.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import scipy  # loads scipy.stats on first use, because that takes a second
from torch import Tensor

LEVEL = 0.95
WIDE = 1.959963984540054  # half width of a 95 % interval in standard errors, for a normal law


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % confidence interval.

    Args:
        value: the estimate.
        error: its standard error.
        low: lower end of the interval.
        high: upper end.
    """

    value: float
    error: float
    low: float
    high: float


def share_of(hits: Tensor) -> Interval:
    """Returns the share of True among booleans of shape (n,), with the interval (1).

    Example:
        >>> import torch
        >>> found = share_of(torch.arange(50) < 40)
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.8, 0.67, 0.888)
    """
    return share(int(hits.sum()) / len(hits), len(hits))


def share(value: float, n: int) -> Interval:
    """Returns a share with the interval (1).

    Args:
        value: share in [0, 1].
        n: number of rows.

    Example:
        >>> found = share(0.0, 100)
        >>> round(found.low, 3), round(found.high, 3)
        (0.0, 0.037)
    """
    z = WIDE**2 / n
    middle = (value + z / 2) / (1 + z)
    half = math.sqrt(value * (1 - value) * z + z * z / 4) / (1 + z)
    error = math.sqrt(value * (1 - value) / n)
    return Interval(value, error, max(0.0, middle - half), min(1.0, middle + half))


def mean_of(values: Tensor) -> Interval:
    """Returns the mean of at least two values of shape (n,), with the interval (2).

    Example:
        >>> import torch
        >>> found = mean_of(torch.tensor([1.0, 2.0, 3.0]))
        >>> found.value, round(found.error, 4), round(found.low, 3), round(found.high, 3)
        (2.0, 0.5774, -0.484, 4.484)
    """
    x = values.double()
    return _student(float(x.mean()), float(x.var()) / len(x), len(x) - 1)


def crossed_mean(values: Tensor) -> Interval:
    """Returns the mean of values of shape (C, N) with the interval (3), or (2) if C = 1."""
    x = values.double()
    if len(x) == 1:
        return mean_of(x[0])
    parts = [(float(m.var()) / len(m), len(m) - 1) for m in (x.mean(1), x.mean(0))]
    variance = sum(v for v, _ in parts)
    spread = sum(v * v / df for v, df in parts)
    return _student(float(x.mean()), variance, variance**2 / spread if spread else math.inf)


def crossed_share(hits: Tensor) -> Interval:
    """Returns the share of True among booleans of shape (C, N) with the interval (3), or (1) if C = 1.

    The interval is at least as wide as (1) for the same share of N rows, because (3) is 0 if all choices
    agree on all rows.
    """
    if len(hits) == 1:
        return share_of(hits[0])
    found, n = crossed_mean(hits), hits.shape[1]
    least = scipy.stats.binomtest(round(found.value * n), n).proportion_ci(LEVEL, method="wilson")
    low, high = max(0.0, min(found.low, least.low)), min(1.0, max(found.high, least.high))
    return Interval(found.value, found.error, float(low), float(high))


def _student(mean: float, variance: float, df: float) -> Interval:
    error = math.sqrt(variance)
    reach = float(scipy.stats.t.ppf((1 + LEVEL) / 2, df)) * error
    return Interval(mean, error, mean - reach, mean + reach)


def in_words(found: Interval, digits: str = ".1%") -> str:
    """Formats a value with its interval.

    Args:
        found: the value.
        digits: format of each number.

    Example:
        >>> in_words(Interval(0.8, 0.05, 0.67, 0.888))
        '80.0% (67.0% to 88.8%)'
    """
    return f"{found.value:{digits}} ({found.low:{digits}} to {found.high:{digits}})"
