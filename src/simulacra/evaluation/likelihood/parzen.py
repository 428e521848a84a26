"""Parzen window estimates, provided because papers report them; they do not rank models.

    log p(x) ~ log 1/N sum_i N(x; s_i, sigma^2 I)                                                  (1)

with sigma chosen on validation rows. In many dimensions 10,000 samples are far too few: the estimate then is
far from log p(x) and ranks models wrongly. Centres of k-means score higher than the data themselves (Theis,
van den Oord and Bethge 2016, figure 4 and table 1), because windows favour samples in the middle of others.

Reference: Breuleux, Bengio and Vincent 2011; Goodfellow et al. 2014. Row I9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from simulacra.core.scores.estimate import Estimate
from simulacra.evaluation.samples.nearest import nearest

BLOCK = 512  # rows whose distances to all samples are in memory at once
WARNING = "ranks models wrongly in many dimensions: do not compare by it"
FACTORS = torch.logspace(-1, 1, 21, dtype=torch.float64)  # grid of sigma in units of the typical distance


def parzen(
    samples: Tensor, validation: Tensor, test: Tensor, sigmas: Sequence[float] | None = None
) -> Estimate:
    """Returns equation (1) for each test row, with the sigma of a grid that is best on the validation rows.

    Args:
        samples: samples of the model, shape (N, d).
        validation: held-out rows for choosing sigma, shape (V, d).
        test: other held-out rows, shape (M, d).
        sigmas: grid of sigma; None: 21 values from 0.1 to 10 times the median distance of a validation row to
            its nearest sample, divided by the root of d.

    Returns:
        an estimate of kind `stochastic`, in nats on the rows as given; its method contains a warning.

    Raises:
        ValueError: if a sigma is not positive, or most validation rows equal a sample, which leaves no grid.

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
    """Returns log 1/N sum_i N(x; s_i, sigma^2 I) in nats, float64, shape (len(sigmas), len(rows)).

    Args:
        samples: centres s_i, shape (N, d).
        rows: x, shape (M, d).
        sigmas: standard deviations.

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
