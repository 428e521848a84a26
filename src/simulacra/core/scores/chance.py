"""Significance tests for differences between scores: for few rows, and for many pairs at once.

    one pair     p = P(|T| >= |d| / s), T of Student's t distribution with n - 1 degrees of freedom   (1)
    m pairs      p_(1) <= ... <= p_(m): the k smallest are decided where
                 (m + 1 - j) p_(j) <= LEVEL for every j <= k                                          (2)

`LEVEL` is the p-value of a difference of `ERRORS` standard errors under the normal distribution, so that with
many rows, one pair is decided beyond 2.5 standard errors. Under (2), the probability that any pair of equal
models is decided is at most `LEVEL`, whatever the dependence between pairs.

(1) is exact only for normal differences. At 2 standard errors, exponential ones of mean 0 are decided in
11 percent of pairs of 5 rows, 10 of 10 and 7 of 30; at 2.5 in 6, 5 and 3, and normal ones in 1.3 %.

Reference: Student 1908; Holm 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

ERRORS = 2.5  # standard errors
LEVEL = math.erfc(ERRORS / math.sqrt(2))  # 1.24 %


def chance_of(difference: float, error: float, freedom: float = math.inf) -> float:
    """Returns the two-sided p-value of a difference by equation (1); 1 if its standard error is unknown.

    Args:
        difference: difference of two scores.
        error: its standard error.
        freedom: degrees of freedom of the error; infinite: the normal distribution.

    Example:
        >>> round(chance_of(2.0, 1.0), 4), round(chance_of(2.0, 1.0, freedom=2), 4)
        (0.0455, 0.1835)
    """
    if difference == 0 or math.isnan(difference) or math.isnan(error) or math.isinf(error):
        return 1.0
    ratio = abs(difference) / error if error else math.inf
    if math.isinf(freedom) or math.isinf(ratio):
        return math.erfc(ratio / math.sqrt(2))
    # not from `scipy.stats`, which takes a second to import
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -ratio))


def share_error(hits: int, n: int) -> float:
    """Returns the standard error of a share; NaN of a single row.

    If none or all of the rows are hits, the binomial error would be 0, as if nothing were left to chance:
    it is then taken at the share (hits + 1) / (n + 2) of Laplace's rule.

    Args:
        hits: number of hits.
        n: number of rows.

    Example:
        >>> round(share_error(5, 10), 3), round(share_error(0, 10), 3), share_error(1, 1)
        (0.158, 0.087, nan)
    """
    if n < 2:
        return math.nan
    share = hits / n if 0 < hits < n else (hits + 1) / (n + 2)
    return math.sqrt(share * (1 - share) / n)


def beyond_chance(chances: Sequence[float], pairs: int) -> list[bool]:
    """Returns for each p-value True if its comparison is significant by equation (2).

    Args:
        chances: p-values of some of the comparisons; those left out must have larger ones.
        pairs: number of all comparisons, for the correction.

    Example:
        >>> beyond_chance([0.04, 0.001], pairs=3)
        [False, True]
    """
    found = [False] * len(chances)
    for k, i in enumerate(sorted(range(len(chances)), key=lambda i: chances[i])):
        if (pairs - k) * chances[i] > LEVEL:
            break
        found[i] = True
    return found


def said_of(pairs: int, law: str = "Student's t") -> str:
    """Returns one sentence on the significance of the verdicts in a table.

    Args:
        pairs: number of pairs that could be decided.
        law: name of the reference distribution of a difference.
    """
    return (
        f"verdicts hold for all {pairs} pairs together: by {law} and Holm's correction, chance decides "
        "some pair of equal models in fewer than 5 % of such tables."
    )
