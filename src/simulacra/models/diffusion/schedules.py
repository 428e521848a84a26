"""Noise schedules of the Gaussian diffusion: how much of x is left after t of T steps.

    q(x_t | x_0) = N(sqrt(A_t) x_0, (1 - A_t) I),   A_t = prod_s (1 - beta_s)                        (1)
    linear:   log A_t = -(b u + (B - b) u^2 / 2),   u = t / T,  b = 0.1,  B = 20                      (2)
    cosine:   A_t = f(u) / f(0),   f(u) = cos^2(pi/2 (u + s) / (1 + s)),   s = 0.008                  (3)

Equation (2) is the limit of many steps of beta_t from 1e-4 to 0.02, which were chosen for T = 1,000; it
serves any T. In (3) no beta_t exceeds 0.999, so that A_T > 0. All values are logarithms, computed in double
precision: differences of log A_t keep their digits in single precision, differences of A_t do not.

Reference: Ho, Jain and Abbeel 2020; Song et al. 2021, equation 33 (2); Nichol and Dhariwal 2021, equation 17
(3). Row H21.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

ScheduleName = Literal["linear", "cosine"]
LEAST, MOST = 0.1, 20.0  # b and B of equation (2)
SHIFT, LARGEST = 0.008, 0.999  # s of equation (3), and the largest beta


@dataclass(frozen=True)
class Level:
    """A level of noise of each row.

    Args:
        u: the time t / T, shape (B, 1).
        log_kept: log A_t, shape (B, 1).
    """

    u: Tensor
    log_kept: Tensor

    @property
    def a(self) -> Tensor:
        """Factor of x_0, sqrt(A_t), shape (B, 1)."""
        return (0.5 * self.log_kept).exp()

    @property
    def variance(self) -> Tensor:
        """Variance of the noise, 1 - A_t, shape (B, 1)."""
        return -torch.expm1(self.log_kept)

    @property
    def s(self) -> Tensor:
        """Standard deviation of the noise, shape (B, 1)."""
        return self.variance.sqrt()


def schedule(name: ScheduleName, T: int) -> Tensor:
    """Returns log A_t for t from 0 to T, float64, shape (T + 1,).

    Args:
        name: `linear` or `cosine`.
        T: number of steps.

    Raises:
        ValueError: if the name is unknown.

    Example:
        >>> [round(v, 3) for v in schedule("linear", 4).tolist()]
        [0.0, -0.647, -2.537, -5.672, -10.05]
    """
    u = torch.arange(T + 1, dtype=torch.float64, device="cpu") / T
    if name == "linear":
        # (2)
        return 0.0 - (LEAST * u + (MOST - LEAST) * u.square() / 2)
    if name == "cosine":
        # (3)
        f = (0.5 * math.pi * (u + SHIFT) / (1 + SHIFT)).cos().square()
        beta = (1 - f[1:] / f[:-1]).clamp_max(LARGEST)
        return torch.cat([u[:1], torch.log1p(-beta).cumsum(0)])
    raise ValueError(f"schedule is {name!r}; possible are 'linear' and 'cosine'.")


def log_sigma(log_kept: Tensor) -> Tensor:
    """Returns log sqrt((1 - A) / A), the log of the noise in units of x_0, of the shape of log A.

    Args:
        log_kept: log A, below 0.
    """
    return 0.5 * (torch.log(-torch.expm1(log_kept)) - log_kept)


def log_kept_of(log_sigma: Tensor) -> Tensor:
    """Returns log A from the log of the noise in units of x_0: the inverse of `log_sigma`.

    Args:
        log_sigma: log sqrt((1 - A) / A).

    Example:
        >>> at = torch.tensor([-0.01, -3.0])
        >>> bool(torch.allclose(log_kept_of(log_sigma(at)), at))
        True
    """
    return -softplus(2 * log_sigma)
