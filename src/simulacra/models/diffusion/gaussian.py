"""The Gaussian kernel: noise added to x in T steps, and steps back that average over a prediction of x_0.

    q(x_r | x_t, x_0) = N(k x_0 + l x_t, V I),   0 <= r < t                                           (1)
    k = sqrt(A_r) b / (1 - A_t),   l = sqrt(1 - b) (1 - A_r) / (1 - A_t),
    V = b (1 - A_r) / (1 - A_t),   b = 1 - A_t / A_r
    p(x_r | x_t) = E q(x_r | x_t, x_0) = N(k m + l x_t, V + k^2 v),   x_0 ~ N(m(x_t), v(x_t))        (2)
    -log p(x) <= E_q [-log p(x_0|x_1) + sum_t KL(q(x_t-1|x_t, x_0) || p(x_t-1|x_t))]
                 + KL(q(x_T|x_0) || N(0, I))                                                          (3)

If x_0 given x_t is Gaussian with independent entries, (2) is the exact reverse of q, for any t and r. The
choices of Ho et al. are two values of v: 0 gives the variance V, and 1 - A_t gives b. At r = 0, k = 1 and
l = V = 0, so that p(x_0|x_1) is the prediction; of levels it is the mass of a cell.

Reference: Sohl-Dickstein et al. 2015, equations 14 and 56; Ho, Jain and Abbeel 2020, equations 5 to 7 and 13.
Rows H20, H21.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.bounds import StepErrors
from simulacra.core.distributions.intervals import log_mass
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Space
from simulacra.models.diffusion.schedules import Level, ScheduleName, schedule


@dataclass(frozen=True)
class Guess:
    """A Gaussian prediction of x_0 with independent entries.

    Args:
        mean: m, shape (B, d).
        var: v, broadcast to (B, d).
    """

    mean: Tensor
    var: Tensor

    def toward(self, other: Guess, share: float) -> Guess:
        """Returns the prediction whose mean is moved toward and beyond that of another, with its variance.

        Args:
            other: where share 1 arrives.
            share: 0 stays.
        """
        return Guess(self.mean + share * (other.mean - self.mean), other.var)


class GaussianKernel(nn.Module):
    """Gaussian noise on real entries, and on levels scaled to about [-1, 1].

    Args:
        space: space of real entries or of levels.
        T: number of steps.
        name: schedule of the noise.
    """

    log_kept: Tensor

    def __init__(self, space: Space, T: int, name: ScheduleName):
        super().__init__()
        self.space, self.T = space, T
        # `empty` is on the default device, also where a model is built without memory
        self.register_buffer("log_kept", schedule(name, T).to(torch.empty(0)))
        self.centre, self.spread = _scale(space)

    def coordinates(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Returns x as the kernel sees it, shape (B, d).

        Args:
            x: observations, shape (B, *).
            dtype: floating-point type.
        """
        return ((x.to(dtype) - self.centre) / self.spread).unsqueeze(1).flatten(1)

    def shown(self, h: Tensor) -> Tensor:
        """Returns entries in the units of x, with levels rounded, shape (B, *).

        Args:
            h: what the kernel sees, shape (B, d).
        """
        x = (h * self.spread + self.centre).unflatten(1, self.space.shape or (1,))
        x = x if self.space.shape else x.squeeze(1)
        return x.round().clamp(0, self.space.levels - 1) if isinstance(self.space, Levels) else x

    def level(self, t: Tensor) -> Level:
        """Returns the noise after t steps.

        Args:
            t: whole numbers from 0 to T, in the type of x, shape (B, 1).
        """
        return Level(t / self.T, self.log_kept[t.long()])

    def noise(self, rng: Rng, name: str, dtype: torch.dtype) -> Tensor:
        """Draws the noise of a step, shape (B, d).

        Args:
            rng: source of random numbers.
            name: name of the draw.
            dtype: floating-point type.
        """
        return rng.normal(name, self.space.dims, dtype=dtype)

    def noised(self, h: Tensor, t: Level, e: Tensor) -> Tensor:
        """Returns x_t ~ q(x_t | x_0), shape (B, d).

        Args:
            h: x_0, shape (B, d).
            t: level of noise.
            e: noise, shape (B, d).
        """
        return t.a * h + t.s * e

    def noised_from(self, h: Tensor, r: Level, t: Level, e: Tensor) -> Tensor:
        """Returns x_t ~ q(x_t | x_r), shape (B, d).

        Args:
            h: x_r, shape (B, d).
            r: level of x_r.
            t: level of x_t, with more noise.
            e: noise, shape (B, d).
        """
        change = t.log_kept - r.log_kept
        return (0.5 * change).exp() * h + (-torch.expm1(change)).sqrt() * e

    def start(self, e: Tensor) -> Tensor:
        """Returns x_T from its noise, shape (B, d)."""
        return e

    def moved(self, h: Tensor, t: Level, r: Level, guess: Guess, e: Tensor) -> Tensor:
        """Returns x_r ~ p(x_r | x_t) of equation (2), shape (B, d).

        Args:
            h: x_t, shape (B, d).
            t: level of x_t.
            r: level of x_r, with less noise.
            guess: prediction of x_0.
            e: noise, shape (B, d).
        """
        k, rest, V = back(t, r)
        # (2)
        return k * guess.mean + rest * h + (V + k.square() * guess.var).sqrt() * e

    def nats(self, x0: Tensor, h: Tensor, t: Level, r: Level, guess: Guess) -> Tensor:
        """Returns the term of step t of equation (3), in nats, shape (B,).

        Args:
            x0: x_0, shape (B, d).
            h: x_t, shape (B, d); not used beside the prediction.
            t: level of x_t.
            r: level of x_t-1; where it has no noise, the term is -log p(x_0|x_1).
            guess: prediction of x_0 given x_t.
        """
        k, _, V = back(t, r)
        first = r.variance <= 0
        V = torch.where(first, torch.ones_like(V), V)
        # the KL of two Gaussians, with W = k^2 v / V, the relative excess of variance
        W = k.square() * guess.var / V
        off = k.square() * (x0 - guess.mean).square() / V
        kl = 0.5 * ((off - W) / (1 + W) + torch.log1p(W))
        return torch.where(first, -self._log_first(x0, guess), kl).sum(1)

    def errors(self, x0: Tensor, h: Tensor, t: Level, r: Level, guess: Guess) -> StepErrors:
        """Returns E_q (x_r - E_p x_r)^2 and the variance of p(x_r | x_t), sums over entries.

        Args:
            x0: x_0, shape (B, d).
            h: x_t, shape (B, d); not used beside the prediction.
            t: level of x_t.
            r: level of x_r, with less noise.
            guess: prediction of x_0 given x_t.
        """
        k, _, V = back(t, r)
        squared = V + k.square() * (x0 - guess.mean).square()
        return StepErrors(squared.sum(1), (V + k.square() * guess.var).expand_as(x0).sum(1))

    def _log_first(self, x0: Tensor, guess: Guess) -> Tensor:
        """Returns log p(x_0|x_1) by entry, in nats on the scale of x, shape (B, d)."""
        log_scale = 0.5 * guess.var.clamp_min(1e-20).log()
        if isinstance(self.space, Levels):
            half, level = 0.5 / self.spread, (x0 * self.spread + self.centre).round()
            infinite = torch.full_like(x0, math.inf)
            low = torch.where(level <= 0, -infinite, x0 - half)
            high = torch.where(level >= self.space.levels - 1, infinite, x0 + half)
            return log_mass(low, high, guess.mean, log_scale.expand_as(x0))
        standard = (x0 - guess.mean) * (-log_scale).exp()
        return -0.5 * standard.square() - log_scale - 0.5 * math.log(2 * math.pi) - math.log(self.spread)

    def last(self, x0: Tensor) -> Tensor:
        """Returns KL(q(x_T|x_0) || N(0, I)), in nats, shape (B,).

        Args:
            x0: x_0, shape (B, d).
        """
        log_kept = self.log_kept[-1]
        kept = log_kept.exp()
        return 0.5 * (kept * x0.square() - kept - torch.log1p(-kept)).sum(1)


def back(t: Level, r: Level) -> tuple[Tensor, Tensor, Tensor]:
    """Returns k, l and V of equation (1), each of shape (B, 1).

    Args:
        t: level of x_t, with noise.
        r: level of x_r, with less.
    """
    # (1)
    change = t.log_kept - r.log_kept
    b, share = -torch.expm1(change), r.variance / t.variance
    return r.a * b / t.variance, (0.5 * change).exp() * share, b * share


def _scale(space: Space) -> tuple[float, float]:
    """Centre and spread of x as the kernel sees it: levels fill [-1, 1], or have their own range."""
    if not isinstance(space, Levels):
        return 0.0, 1.0
    half = max(space.levels - 1, 1) / 2
    return space.place if space.ranged else (half, half)
