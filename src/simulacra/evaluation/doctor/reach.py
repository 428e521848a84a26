"""The least that a check can see with the rows it has, without which a number within its limits says nothing.

A check that finds nothing may have seen that there is nothing, or may have had too few rows to see it. Each
check therefore states what it could have seen, by one of

    rows       n rows or more
    p-value    the smallest that n rows can give, such as 2 / C(2n, n) of a permutation test, is significant
    effect     t s, the difference beyond chance by Student's law, is at most one that matters
    share      a share p of the rows shows in none of n with probability (1 - p)^n < 0.05
    interval   the estimate lies on its side of the limit by three standard errors

and where that is not so, its verdict is `unknown` in place of `ok`. The limits are set for all checks here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulacra.core.errors.finding import Finding

FEW = 10  # with fewer rows, a mean or a standard error is not judged
QUARTER = 0.25  # a share of the rows that should not go unseen
MISSED = 0.05  # probability that it goes unseen
SURE = 3.0  # standard errors


@dataclass(frozen=True)
class Reach:
    """The least fault that a check could have seen.

    Args:
        short: the reason why it could not have seen enough, after `too few ...`; empty if it could.
        of: what there is too little of.
    """

    short: str = ""
    of: str = "rows"

    def __and__(self, other: Reach) -> Reach:
        """Returns the first of two that falls short, or the second."""
        return self if self.short else other


CERTAIN = Reach()
"""The reach of a fact about weights, columns or a number of states, which further rows would not change."""


def well(name: str, measured: str, normal: str, meaning: str, see: str, reach: Reach) -> Finding:
    """Returns the finding of a check that found nothing: `ok`, or `unknown` if it could not have.

    Args:
        name: name of the check.
        measured: the measured numbers.
        normal: the numbers of a healthy model.
        meaning: what the numbers say if the check could have seen a fault.
        see: where the check is written up.
        reach: what the check could have seen.

    Example:
        >>> print(well("copies", "0 of 3 rows", "none", "nothing is copied", "", of_rows(3)))
        unknown: copies: 0 of 3 rows (normal: none): too few rows to tell (3, where 10 are needed).
    """
    if reach.short:
        return Finding(
            "unknown", name, measured, normal, f"too few {reach.of} to tell ({reach.short})", "", see
        )
    return Finding("ok", name, measured, normal, meaning, "", see)


def of_rows(n: int, fewest: int = FEW, of: str = "rows") -> Reach:
    """Returns the reach of a check that needs a number of rows.

    Args:
        n: number of rows.
        fewest: number that is needed.
        of: name of the rows.

    Example:
        >>> of_rows(9).short, of_rows(10).short
        ('9, where 10 are needed', '')
    """
    return CERTAIN if n >= fewest else Reach(f"{n:,}, where {fewest:,} are needed", of)


def of_chance(smallest: float, limit: float, of: str = "rows") -> Reach:
    """Returns the reach of a test by the smallest p-value that its rows can give.

    Args:
        smallest: the smallest possible p-value.
        limit: p-value below which the test finds something.
        of: name of the rows.

    Example:
        >>> of_chance(0.33, 0.01).short
        'the smallest p that they can give is 0.33'
    """
    return CERTAIN if smallest < limit else Reach(f"the smallest p that they can give is {smallest:.2g}", of)


def of_effect(
    error: float, n: int, limit: float, unit: str, alpha: float | None = None, of: str = "rows"
) -> Reach:
    """Returns the reach of a test by the smallest difference beyond chance.

    Args:
        error: standard error of the difference.
        n: number of rows.
        limit: a difference that should not go unseen.
        unit: unit of the difference, in words.
        alpha: two-sided significance level of Student's law; None: three standard errors.
        of: name of the rows.

    Example:
        >>> of_effect(0.5, 40, 1.0, "nats").short, of_effect(0.2, 40, 1.0, "nats").short
        ('a difference of 1.5 nats could be chance', '')
    """
    seen = (SURE if alpha is None else critical(alpha, n)) * error
    if not math.isfinite(seen):
        return Reach("the error of a single value is unknown", of)
    if seen > limit:
        return Reach(f"a difference of {seen:.2g} {unit} could be chance", of)
    return of_rows(n, of=of)


def of_share(n: int, limit: float = QUARTER, of: str = "rows") -> Reach:
    """Returns the reach of a count: the smallest share that all but surely shows in n rows.

    Args:
        n: number of rows.
        limit: share that should not go unseen.
        of: name of the rows.

    Example:
        >>> of_share(5).short, of_share(11).short
        ('a fault of 45% of all rows may show in none of 5', '')
    """
    seen = 1 - MISSED ** (1 / max(1, n))
    return (
        CERTAIN
        if seen <= limit
        else Reach(f"a fault of {seen:.0%} of all rows may show in none of {n:,}", of)
    )


def of_interval(value: float, error: float, limit: float, n: int, of: str = "rows") -> Reach:
    """Returns the reach of an estimate that must lie above a limit by three standard errors.

    Args:
        value: the estimate.
        error: its standard error.
        limit: the limit.
        n: number of rows.
        of: name of the rows.

    Example:
        >>> of_interval(0.3, 0.08, 0.1, 50).short, of_interval(0.5, 0.1, 0.1, 50).short
        ('by three standard errors it may be 0.06', '')
    """
    least = value - SURE * error
    if math.isnan(least):
        return Reach("the error of a single value is unknown", of)
    return (
        Reach(f"by three standard errors it may be {least:.1g}", of) if least < limit else of_rows(n, of=of)
    )


def critical(alpha: float, n: int) -> float:
    """Returns the quantile of Student's law beyond which a mean of n values is significant.

    Args:
        alpha: two-sided significance level.
        n: number of values; infinity if there is one.

    Example:
        >>> round(critical(0.05, 11), 2)
        2.23
    """
    if n < 2:
        return math.inf
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, 1 - alpha / 2))
