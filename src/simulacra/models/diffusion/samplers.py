"""Steps of a Gaussian diffusion with less noise than its own, or none: DDIM and the method of Heun.

    x_r = sqrt(A_r) m + sqrt(1 - A_r - g^2 V) e_t + g sqrt(W) e,
    e_t = (x_t - sqrt(A_t) m) / sqrt(1 - A_t)                                                         (1)
    dy / ds = (y - m(y, s)) / s,   y = x_t / sqrt(A_t),   s = sqrt((1 - A_t) / A_t)                   (2)
    y' = y + (s' - s) d,   y'' = y + (s' - s) (d + d') / 2                                            (3)
    s_i = (s_max^(1/7) + i / (n - 1) (s_min^(1/7) - s_max^(1/7)))^7,   i = 0, ..., n - 1,  s_n = 0    (4)

V is the variance of q(x_r | x_t, x_0), W that of p(x_r | x_t), and g is eta. With g = 1, (1) is the
ancestral step; with g = 0 it is the first-order solution of (2). The last step of Heun, to s = 0, is one of
first order.

Reference: Song, Meng and Ermon 2021, equations 12 and 16; Karras et al. 2022, algorithm 1 and equation 5.
Row H21.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from simulacra.models.diffusion.gaussian import GaussianKernel, Guess, back
from simulacra.models.diffusion.schedules import Level, log_kept_of, log_sigma

RHO = 7.0  # exponent of equation (4)
LARGEST = 80.0  # s_max, or the last level where that is lower: beyond it x_t is noise alone
Guesser = Callable[[Tensor, Level, Level], Guess]  # (x_t, its level, the level of x_r): prediction of x_0


def ddim(h: Tensor, t: Level, r: Level, guess: Guess, eta: float, e: Tensor) -> Tensor:
    """Returns x_r by equation (1), shape (B, d).

    Args:
        h: x_t, shape (B, d).
        t: level of x_t.
        r: level of x_r, with less noise.
        guess: prediction of x_0.
        eta: share of noise, from 0 to 1.
        e: noise, shape (B, d).
    """
    k, _, V = back(t, r)
    e_t = (h - t.a * guess.mean) / t.s
    # (1)
    kept = (r.variance - eta**2 * V).clamp_min(0).sqrt()
    wide = (V + k.square() * guess.var).clamp_min(0).sqrt()
    return r.a * guess.mean + kept * e_t + eta * wide * e


def heun(h: Tensor, t: Level, r: Level, predict: Guesser) -> Tensor:
    """Returns x_r by equation (3), shape (B, d); by one step of first order where x_r has no noise.

    Args:
        h: x_t, shape (B, d).
        t: level of x_t.
        r: level of x_r, with less noise.
        predict: prediction of x_0, called twice.
    """
    end = r.log_kept >= 0
    s, s_r = log_sigma(t.log_kept).exp(), torch.where(end, torch.zeros_like(r.u), sigma_of(r))
    y = h / t.a
    d = (y - predict(h, t, r).mean) / s
    # (3)
    y_r = y + (s_r - s) * d
    again = Level(torch.where(end, t.u, r.u), torch.where(end, t.log_kept, r.log_kept))
    s_again = torch.where(end, s, s_r)
    d_r = (y_r - predict(again.a * y_r, again, r).mean) / s_again
    y_r = torch.where(end, y_r, y + (s_r - s) * (d + d_r) / 2)
    return r.a * y_r


def sigma_of(level: Level) -> Tensor:
    """Returns s of equation (2), finite also where there is no noise, shape (B, 1).

    Args:
        level: level of noise.
    """
    return log_sigma(level.log_kept.clamp_max(-1e-12)).exp()


def level_at(kernel: GaussianKernel, found: Tensor) -> Level:
    """Returns the level whose noise has these values of log s, shape (B, 1).

    Args:
        kernel: kernel, between whose first and last levels the values lie.
        found: log s, shape (B, 1).
    """
    return Level(_time(kernel, log_sigma(kernel.log_kept[1:]), found), log_kept_of(found))


def karras(kernel: GaussianKernel, left: Tensor, steps: Tensor) -> Level:
    """Returns the level of equation (4) with so many steps to go, shape (B, 1).

    Args:
        kernel: kernel, between whose first and last levels the others lie.
        left: steps to go, shape (B, 1).
        steps: number of all steps, shape (B, 1).
    """
    table = log_sigma(kernel.log_kept[1:])
    low, high = (table[0] / RHO).exp(), (table[-1].clamp_max(math.log(LARGEST)) / RHO).exp()
    # (4)
    share = (steps - left) / (steps - 1).clamp_min(1)
    found = RHO * (high + share * (low - high)).log()
    found = torch.where(left <= 0, table[0], found)
    log_kept = torch.where(left <= 0, torch.zeros_like(found), log_kept_of(found))
    return Level(_time(kernel, table, found), log_kept)


def _time(kernel: GaussianKernel, table: Tensor, found: Tensor) -> Tensor:
    """Returns t / T at which the noise has these values of log s, linear between the steps."""
    if len(table) == 1:
        return torch.ones_like(found)
    i = torch.searchsorted(table, found.contiguous()).clamp(1, len(table) - 1)
    part = ((found - table[i - 1]) / (table[i] - table[i - 1])).clamp(0, 1)
    return (i + part) / kernel.T
