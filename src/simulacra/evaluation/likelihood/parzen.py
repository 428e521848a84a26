"""Parzen windows: a density put around samples. It is here because papers print it, not to rank models.

    log p(x) ~ log 1/N sum_i N(x; s_i, sigma^2 I)                                                  (1)

with sigma chosen on validation rows. In many dimensions 10,000 samples are far too few: the estimate then
lies far from log p(x) and puts models in the wrong order. The centres of k-means get more than the data
themselves (Theis, van den Oord and Bethge 2016, figure 4 and table 1), because windows favour samples that
lie in the middle of others.

Reference: Breuleux, Bengio and Vincent 2011; Goodfellow et al. 2014. Row I9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from simulacra.core.scores.estimate import Estimate
from simulacra.evaluation.samples.nearest import nearest

BLOCK = 512  # rows whose distances to all samples are held at once
WARNING = "ranks models wrongly in many dimensions: do not compare by it"
FACTORS = torch.logspace(-1, 1, 21, dtype=torch.float64)  # of the grid around the typical distance


def parzen(
    samples: Tensor, validation: Tensor, test: Tensor, sigmas: Sequence[float] | None = None
) -> Estimate:
    """Equation (1) for each test row, with the sigma of a grid that the validation rows like best.

    Args:
        samples: of the model, flattened to shape (N, d).
        validation: held-out rows, shape (V, d).
        test: other held-out rows, shape (M, d).
        sigmas: the grid; None: 21 values from 0.1 to 10 times the median distance of a validation row to
            its nearest sample, divided by the root of d.

    Returns:
        an estimate of kind `stochastic`, in nats on the rows as they are given; its method carries the
        warning.

    Raises:
        ValueError: if a sigma is not positive, or there is no distance to choose the grid by.

    Example:
        >>> x = torch.zeros(1, 2)
        >>> found = parzen(x, x, x, sigmas=(1.0,))
        >>> round(found.mean, 4), found.kind
        (-1.8379, 'stochastic')
    """
    grid = _grid(samples, validation) if sigmas is None else [float(s) for s in sigmas]
    if not grid or min(grid) <= 0:
        raise ValueError(f"sigmas are {grid}, but a window needs a positive width.")
    means = log_windows(samples, validation, grid).mean(1)
    best = int(means.argmax())
    sigma = grid[best]
    method = f"Parzen windows, N={len(samples)}, sigma={sigma:.3g}; {WARNING}"
    details = {"sigma": sigma, "sigmas": grid, "samples": len(samples), "validation_nats": float(means[best])}
    values = log_windows(samples, test, [sigma])[0]
    return Estimate(values, "stochastic", test.shape[1], method, details)


def _grid(samples: Tensor, validation: Tensor) -> list[float]:
    typical = float(nearest(validation, samples)[0].median()) / math.sqrt(samples.shape[1])
    if typical == 0:
        raise ValueError("most validation rows equal a sample, so no width can be guessed: give sigmas.")
    return (typical * FACTORS).tolist()


def log_windows(samples: Tensor, rows: Tensor, sigmas: Sequence[float]) -> Tensor:
    """log 1/N sum_i N(x; s_i, sigma^2 I) in nats, float64, shape (len(sigmas), len(rows)), in blocks.

    Raises:
        ValueError: if samples and rows have different numbers of entries.
    """
    if samples.dim() != 2 or samples.shape[1:] != rows.shape[1:]:
        raise ValueError(f"samples have shape {tuple(samples.shape)}, rows {tuple(rows.shape)}: give (N, d).")
    middle = samples.mean(0, dtype=torch.float64)
    s, x = samples.double() - middle, rows.double() - middle
    norms, d = s.square().sum(1), samples.shape[1]
    widths = torch.tensor(sigmas, dtype=torch.float64).unsqueeze(1)
    found = []
    for block in x.split(BLOCK):
        squared = (block.square().sum(1, keepdim=True) + norms - 2 * block @ s.T).clamp_(min=0)
        found.append(torch.stack([torch.logsumexp(squared / (-2 * width**2), 1) for width in widths]))
    return torch.cat(found, 1) - math.log(len(s)) - d / 2 * (2 * math.pi * widths**2).log()
