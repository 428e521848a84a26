"""What the tests of densities share: draws against a law, with a power that is known, and rows in batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.stats
import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng

N = 20_000
SIZES = (2, 3, 50)


def drawn_from(draws: Tensor, cdf: Callable[[np.ndarray], np.ndarray], wrong: Callable | None = None) -> None:
    """The test of Kolmogorov and Smirnov at 1 in 1,000; the wrong law would fail it at 1 in 1,000,000."""
    x = draws.detach().flatten().numpy()
    assert scipy.stats.kstest(x, cdf).pvalue > 1e-3
    if wrong is not None:
        assert scipy.stats.kstest(x, wrong).pvalue < 1e-6


def within_errors(rows: Tensor, due: float, share: float) -> None:
    """The mean of independent rows is `due` within 5 standard errors, which are at most `share` of it."""
    mean, error = float(rows.mean()), float(rows.std()) / len(rows) ** 0.5
    assert error < share * abs(due)
    assert abs(mean - due) < 5 * error, (mean, due, error)


def rows_do_not_depend_on_the_batch(draw: Callable[[Rng], Tensor]) -> None:
    """Row i is the same among 2, 3 and 50 rows, and where its process begins with it."""
    whole = draw(Rng(3, "rows", rows=range(50)))
    for n in SIZES:
        torch.testing.assert_close(draw(Rng(3, "rows", rows=range(n))), whole[:n], rtol=0, atol=0)
    torch.testing.assert_close(draw(Rng(3, "rows", rows=range(40, 50))), whole[40:], rtol=0, atol=0)
    assert len(torch.unique(whole)) == whole.numel()
