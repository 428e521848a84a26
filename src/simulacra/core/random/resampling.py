"""Sampling importance resampling: chooses one of k weighted completions of each row.

    P(keep j) = w_j / sum_i w_i,     effective number = (sum w)^2 / sum w^2                       (1)

Reference: Rubin 1987; Kong, Liu and Wong 1994 (effective sample size).
"""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from simulacra.core.distributions.elementary import Categorical
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng

log = logging.getLogger("simulacra")


def kept(x: Tensor, log_w: Tensor, rng: Rng) -> Tensor:
    """Chooses one candidate of each row by equation (1), shape (B, *).

    Args:
        x: candidates, shape (B, k, *).
        log_w: log-weights in nats, shape (B, k).
        rng: generator of the choice.
    """
    which = Categorical(log_w, 0).sample(rng, "which")
    return x[torch.arange(x.shape[0], device=x.device), which]


def systematic(log_w: Tensor, u: Tensor) -> Tensor:
    """Chooses k of k candidates of each row, each about k times its probability (1), shape (B, k).

    Candidate j is chosen as often as points (u + i) / k, i = 0..k-1, lie in its part of [0, 1).

    Args:
        log_w: log-weights in nats, shape (B, k).
        u: uniform numbers in [0, 1), shape (B,).

    Reference: Kitagawa 1996.

    Example:
        >>> systematic(torch.tensor([[0.75, 0.0, 0.25]]).log(), torch.tensor([0.5])).tolist()
        [[0, 0, 2]]
    """
    k = log_w.shape[1]
    points = (u.unsqueeze(1) + torch.arange(k, dtype=u.dtype, device=u.device)) / k
    return torch.searchsorted(log_w.softmax(1).cumsum(1), points, right=True).clamp_max(k - 1)


def effective(log_w: Tensor) -> Tensor:
    """Returns the effective number of candidates by equation (1), shape (B,).

    Args:
        log_w: log-weights in nats, shape (B, k).

    Example:
        >>> effective(torch.zeros(1, 8)).item()
        8.0
    """
    w = to_float64(log_w).softmax(1)
    return 1 / w.square().sum(1)


def say_effective(numbers: Tensor, k: int) -> None:
    """Logs the effective number of candidates: its mean, and its minimum over the rows.

    Args:
        numbers: effective number of each row, shape (B,).
        k: number of candidates of each row.
    """
    # below k by more than rounding
    if len(numbers) and float(numbers.min()) < k - 0.5:
        log.info(
            "completed by weighted candidates: %.0f of %d count in the mean, %.1f in the row with the fewest",
            *(float(numbers.mean()), k, float(numbers.min())),
        )
