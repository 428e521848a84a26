"""Approximate Bayesian computation against posteriors that are known, and a law without a density.

command     python recipes/abc_conjugate.py
protocol    39 rows of N(theta, 1) in three entries with the prior N(0, 1), 40,000 simulations, of which
            1 % are kept: standard deviation of the posterior over the exact one, 1 / sqrt(40) = 0.158, mean
            of the entries, with regression adjustment and without it. Then 1,000 rows of the g-and-k law
            (3, 1, 2, 0.5) of Drovandi and Pettitt 2011, standardized by themselves: how far samples are
            from them, as MMD^2
published   none; by the conjugate posterior both ratios tend to 1 as the share falls
ours        0.95 with the adjustment and 1.50 without it (deviations 0.151 and 0.237); g-and-k: MMD^2
            0.0008 at 1,000 rows
device      2 shared CPU cores, one thread; 4 s
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator

import torch
from torch import Tensor

import simulacra
from simulacra.core.distributions.divergences import mmd2
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.data.dataset import Dataset
from simulacra.evaluation.compare.reproduction import Figure, Measured
from simulacra.models.moments.simulators import GAndK
from simulacra.training.hardware.budget import Budget

ROWS, ENTRIES, SIMULATIONS, SHARE = 39, 3, 40_000, 0.01
EXACT = 1 / math.sqrt(ROWS + 1)
LAW = (3.0, 0.0, 2.0, 2 * math.log(2 * 0.5 + 1))  # a, log b, g, 2 log(2 k + 1)
ADJUSTED = Figure("deviation over the exact one, adjusted", 1.0, "conjugate posterior", "", "", 0.05, 0.1)
PLAIN = Figure("deviation over the exact one, rejection alone", None, "", "", "", 0.0, 0.0)
FIGURES: tuple[Figure, ...] = (ADJUSTED, PLAIN)


def normal_rows() -> Dataset:
    """Returns 39 rows of a normal distribution, all for training."""
    x = Rng(1, "rows", rows=range(ROWS)).normal("x", ENTRIES) + torch.linspace(-0.5, 0.5, ENTRIES)
    return simulacra.from_tensors(x, Real((ENTRIES,)), "normal rows", valid=0, test=0)


def ratio(adjust: bool) -> float:
    """Returns the deviation of the approximate posterior over the exact one, mean of the entries.

    Args:
        adjust: with regression adjustment.
    """
    data = normal_rows()
    model = simulacra.ABC(data.space, simulations=SIMULATIONS, share=SHARE, adjust=adjust)
    run = simulacra.fit(model, data, out=tempfile.mkdtemp(), doctor=False, progress=False)
    return float(run.model.posterior.deviation.mean()) / EXACT


def without_density() -> tuple[float, Tensor]:
    """Returns MMD^2 of samples to rows of a g-and-k law, and the posterior means of its parameters."""
    rows = GAndK((1,)).simulate(torch.tensor([LAW]).expand(1000, 4), Rng(0, "law", rows=range(1000)))
    x = (rows - rows.mean()) / rows.std()
    data = simulacra.from_tensors(x, Real((1,)), "g-and-k", valid=0, test=0)
    model = simulacra.ABC(data.space, simulator="g-and-k", rows=1000)
    run = simulacra.fit(model, data, out=tempfile.mkdtemp(), doctor=False, progress=False)
    drawn = torch.as_tensor(run.model.sample(1000, seed=0))
    return float(mmd2(x, drawn, (0.5, 1.0, 2.0))), run.model.posterior.mean


def reproduce(budget: Budget) -> Iterator[Measured]:
    """Measures both ratios, which take seconds.

    Args:
        budget: not used.
    """
    for figure, adjust in ((ADJUSTED, True), (PLAIN, False)):
        yield figure.measured(ratio(adjust))


def main() -> None:
    """Prints the ratios, and how near the law without a density is."""
    for measured in reproduce(Budget()):
        print(f"{measured.figure.name}: {measured.value:.3f}", flush=True)
    near, mean = without_density()
    print(f"g-and-k: MMD^2 {near:.4f}, posterior means {[round(float(m), 2) for m in mean]}")


if __name__ == "__main__":
    main()
