"""Measures the steps of a model that adds noise and leads back: what is left at the end, and its variances.

    left = E KL(q(x_T | x) || p(x_T)) / d                                                             (1)
    ratio_t = E_q |x_t-1 - E_p[x_t-1 | x_t]|^2 / E Var_p[x_t-1 | x_t]                                 (2)

d is the number of entries. Samples start at p(x_T), so that (1) should be 0. (2) is 1 where the variance of a
step back is right. Its median over some of the steps is reported: the first steps, in which a fixed variance
is too small by design, have no say.

Reference: Sohl-Dickstein et al. 2015; Nichol and Dhariwal 2021, section 3.1.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

import torch

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.evaluation.rows import blocks, count

ROWS, STEPS = 200, 21  # largest numbers of rows and of steps that are looked at


@dataclass(frozen=True)
class StepsBack:
    """The ends and the variances of the steps back.

    Args:
        left: equation (1), in nats an entry.
        ratio: median of equation (2) over the steps.
        steps: number of steps that were looked at.
        rows: number of rows.
    """

    left: float
    ratio: float
    steps: int
    rows: int = ROWS


def steps_back(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = ROWS
) -> StepsBack:
    """Measures equations (1) and (2) on rows of `split`.

    Args:
        model: a model with steps of noise.
        data: data set.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of rows and of all draws.
        limit: largest number of rows; None: 200.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("swiss-roll")
        >>> found = steps_back(simulacra.Diffusion(data.space, T=20, hidden=(4,)), data)
        >>> found.left < 1e-3, 0.5 < found.ratio < 2
        (True, True)
    """
    able = can.able(model, can.HasNoising)
    T, n = able.noise_steps, min(count(data[split], limit), ROWS)
    steps = sorted({1 + round(i * (T - 1) / (STEPS - 1)) for i in range(STEPS)})
    left, sums = 0.0, torch.zeros(2, len(steps), dtype=torch.float64)
    with evaluating(model):
        for block in blocks(model, data[split], seed, n):
            left += float(able.signal_left(block.y).double().sum())
            for i, t in enumerate(steps):
                found = able.step_errors(block.y, t, block.c, block.rng)
                for row, part in zip(sums, (found.squared, found.claimed)):
                    row[i] += part.double().sum().cpu()
    ratios = (sums[0] / sums[1].clamp_min(1e-300)).tolist()
    return StepsBack(left / n / math.prod(model.space.shape), statistics.median(ratios), len(steps), n)
