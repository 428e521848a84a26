"""Rows whose importance-weighted bound rests on few of its samples.

    n(x) = (sum_j w_j)^2 / sum_j w_j^2,    1 <= n(x) <= k                                            (1)

n is the effective number of the k samples. Where it is near 1, one weight is nearly the whole sum: the
other samples missed the posterior, and log (1/k) sum_j w_j may lie below log p(x) by any number of nats. A
mean over rows can hide such rows, so they are counted.

Reference: Kong, Liu and Wong 1994 (1); Burda, Grosse and Salakhutdinov 2015 (the bound).
"""

from __future__ import annotations

import math

from torch import Tensor

FEW = 10  # smallest effective number of importance samples of a reliable bound


class FewSamples:
    """Counts the rows with few effective importance samples, in chunks.

    Args:
        k: number of importance samples of each row.

    Example:
        >>> import torch
        >>> counted = FewSamples(1000)
        >>> counted.add(torch.tensor([700.0, 1.25, math.nan, 4.0]))
        >>> print(counted)
        2 of 4 rows rest on fewer than 10 effective of k=1,000 importance samples, the fewest on 1.2
    """

    def __init__(self, k: int):
        self.k, self.rows, self.few, self.least = k, 0, 0, math.inf

    @property
    def limit(self) -> float:
        """Effective number below which a row counts: 10, or half of k."""
        return min(FEW, 0.5 * self.k)

    @property
    def share(self) -> float:
        """Share of such rows."""
        return self.few / max(1, self.rows)

    def add(self, effective: Tensor | None) -> None:
        """Adds the rows of a chunk.

        Args:
            effective: effective number of each row, NaN where a score is exact, shape (B,); None: no
                samples.
        """
        if effective is None or self.k < 2:
            return
        self.rows += len(effective)
        found = effective[effective < self.limit]
        self.few += len(found)
        self.least = min([self.least, *found.tolist()])

    def __str__(self) -> str:
        rest = "rests" if self.few == 1 else "rest"
        return (
            f"{self.few:,} of {self.rows:,} rows {rest} on fewer than {self.limit:g} effective of "
            f"k={self.k:,} importance samples, the fewest on {self.least:.1f}"
        )
