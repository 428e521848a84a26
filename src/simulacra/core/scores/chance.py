"""Is a difference between two scores beyond chance? For few rows, and for many pairs at once.

    one pair     p = P(|T| >= |d| / s), T of Student's law with n - 1 degrees of freedom         (1)
    m pairs      p_(1) <= ... <= p_(m): the k smallest are decided where
                 (m + 1 - j) p_(j) <= LEVEL for every j <= k                                     (2)

`LEVEL` is the probability of `ERRORS` standard errors under the normal law, so that for many rows one pair is
decided beyond 2.5 standard errors. By (2), some pair of equal models is decided in at most that share of
tables, however the pairs depend on each other.

(1) is right for normal differences alone. At 2 standard errors, exponential ones of mean 0 are decided in 11
percent of pairs of 5 rows, 10 of 10 and 7 of 30; at 2.5 in 6, 5 and 3, and normal ones in 1.3 %.

Reference: Student 1908; Holm 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

ERRORS = 2.5  # standard errors
LEVEL = math.erfc(ERRORS / math.sqrt(2))  # 1.24 %


def chance_of(difference: float, error: float, freedom: float = math.inf) -> float:
    """Probability of so large a difference between equals, by equation (1); 1 where no error is known.

    Args:
        difference: of two scores.
        error: its standard error.
        freedom: degrees of freedom of the error; infinite for the normal law.

    Example:
        >>> round(chance_of(2.0, 1.0), 4), round(chance_of(2.0, 1.0, freedom=2), 4)
        (0.0455, 0.1835)
    """
    if difference == 0 or math.isnan(difference) or math.isnan(error) or math.isinf(error):
        return 1.0
    ratio = abs(difference) / error if error else math.inf
    if math.isinf(freedom) or math.isinf(ratio):
        return math.erfc(ratio / math.sqrt(2))
    # of `scipy.special`: `scipy.stats` takes a second to import
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -ratio))


def beyond_chance(chances: Sequence[float], pairs: int) -> list[bool]:
    """Decisions on some of `pairs` comparisons by equation (2), in the order of `chances`.

    The others are those whose probability is larger: they are counted, and decided by none.

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
    """One sentence on the verdicts of a table with so many pairs.

    Args:
        pairs: that could be decided.
        law: that a difference was compared with.
    """
    return (
        f"verdicts hold for all {pairs} pairs together: by {law} and Holm's correction, chance decides "
        "some pair of equal models in fewer than 5 % of such tables."
    )
