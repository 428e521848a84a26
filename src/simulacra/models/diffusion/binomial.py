"""The binomial kernel: coins in place of bits, and steps back that average over a prediction of x_0.

    q(x_t = 1 | x_0) = A_t x_0 + (1 - A_t) / 2,   A_t = 1 - t / T                                     (1)
    q(x_t = 1 | x_r) = (A_t / A_r) x_r + (1 - A_t / A_r) / 2                                          (2)
    p(x_r | x_t) = sum over x_0 of q(x_r | x_t, x_0) f(x_0),   f(1) = sigma(logit)                    (3)
    logit = net(l, t) + l,   l = log q(x_t | x_0 = 1) / q(x_t | x_0 = 0)                              (4)

Step t replaces a bit with probability 1 / (T - t + 1) by a fair coin, so that every step erases the same
share of x_0 and nothing is left after T. If f is the law of x_0 given x_t, entry by entry, (3) has the
exact marginals of the reverse of q. By (4) the network need not copy x_t: it says what the other bits tell
about a bit.

Reference: Sohl-Dickstein et al. 2015, appendix B.2 and table App.1. Row H20.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from simulacra.core.capabilities.bounds import StepErrors
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space


@dataclass(frozen=True)
class Erasure:
    """A level of noise of each row.

    Args:
        t: number of steps, shape (B, 1).
        T: number of all steps.
    """

    t: Tensor
    T: int

    @property
    def u(self) -> Tensor:
        """The time t / T, shape (B, 1)."""
        return self.t / self.T

    @property
    def kept(self) -> Tensor:
        """A_t, shape (B, 1)."""
        return (self.T - self.t) / self.T

    def since(self, r: Erasure) -> Tensor:
        """A_t / A_r, shape (B, 1).

        Args:
            r: an earlier level.
        """
        return (self.T - self.t) / (self.T - r.t)


@dataclass(frozen=True)
class BitGuess:
    """A prediction of the bits of x_0.

    Args:
        logits: log-odds of a one, shape (B, d).
    """

    logits: Tensor

    def toward(self, other: BitGuess, share: float) -> BitGuess:
        """Returns the prediction whose log-odds are moved toward and beyond those of another.

        Args:
            other: where share 1 arrives.
            share: 0 stays.
        """
        return BitGuess(self.logits + share * (other.logits - self.logits))


class BinomialKernel(nn.Module):
    """Fair coins in place of bits.

    Args:
        space: space of bits.
        T: number of steps.
    """

    def __init__(self, space: Space, T: int):
        super().__init__()
        self.space, self.T = space, T

    def coordinates(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Returns x as 0 and 1, shape (B, d).

        Args:
            x: observations, shape (B, *).
            dtype: floating-point type.
        """
        return x.to(dtype).unsqueeze(1).flatten(1)

    def shown(self, h: Tensor) -> Tensor:
        """Returns bits in the shape of x, (B, *).

        Args:
            h: bits, shape (B, d).
        """
        return h.unflatten(1, self.space.shape) if self.space.shape else h.squeeze(1)

    def level(self, t: Tensor) -> Erasure:
        """Returns the noise after t steps.

        Args:
            t: whole numbers from 0 to T, in the type of x, shape (B, 1).
        """
        return Erasure(t, self.T)

    def noise(self, rng: Rng, name: str, dtype: torch.dtype) -> Tensor:
        """Draws the noise of a step, uniform in [0, 1), shape (B, d).

        Args:
            rng: source of random numbers.
            name: name of the draw.
            dtype: floating-point type.
        """
        return rng.uniform(name, self.space.dims, dtype=dtype)

    def noised(self, h: Tensor, t: Erasure, e: Tensor) -> Tensor:
        """Returns x_t ~ q(x_t | x_0) of equation (1), shape (B, d).

        Args:
            h: x_0, shape (B, d).
            t: level of noise.
            e: noise, shape (B, d).
        """
        # (1)
        return (e < t.kept * h + (1 - t.kept) / 2).to(h.dtype)

    def noised_from(self, h: Tensor, r: Erasure, t: Erasure, e: Tensor) -> Tensor:
        """Returns x_t ~ q(x_t | x_r) of equation (2), shape (B, d).

        Args:
            h: x_r, shape (B, d).
            r: level of x_r.
            t: level of x_t, with more noise.
            e: noise, shape (B, d).
        """
        # (2)
        since = t.since(r)
        return (e < since * h + (1 - since) / 2).to(h.dtype)

    def start(self, e: Tensor) -> Tensor:
        """Returns x_T from its noise, shape (B, d)."""
        return (e < 0.5).to(e.dtype)

    def moved(self, h: Tensor, t: Erasure, r: Erasure, guess: BitGuess, e: Tensor) -> Tensor:
        """Returns x_r ~ p(x_r | x_t) of equation (3), shape (B, d).

        Args:
            h: x_t, shape (B, d).
            t: level of x_t.
            r: level of x_r, with less noise.
            guess: prediction of x_0.
            e: noise, shape (B, d).
        """
        return (e < self.reverse(h, t, r, guess)).to(h.dtype)

    def reverse(self, h: Tensor, t: Erasure, r: Erasure, guess: BitGuess) -> Tensor:
        """Returns p(x_r = 1 | x_t) of equation (3), shape (B, d).

        Args:
            h: x_t, shape (B, d).
            t: level of x_t.
            r: level of x_r, with less noise.
            guess: prediction of x_0.
        """
        f = guess.logits.sigmoid()
        # (3)
        return f * posterior(torch.ones_like(h), h, t, r) + (1 - f) * posterior(torch.zeros_like(h), h, t, r)

    def evidence(self, h: Tensor, t: Erasure) -> Tensor:
        """Returns the second term of equation (4), shape (B, d).

        Args:
            h: x_t, shape (B, d).
            t: level of x_t.
        """
        # (4)
        return (2 * h - 1) * 2 * torch.atanh(t.kept)

    def nats(self, x0: Tensor, h: Tensor, t: Erasure, r: Erasure, guess: BitGuess) -> Tensor:
        """Returns KL(q(x_t-1|x_t, x_0) || p(x_t-1|x_t)), or -log p(x_0|x_1) at t = 1, in nats, shape (B,).

        Args:
            x0: x_0, shape (B, d).
            h: x_t, shape (B, d).
            t: level of x_t.
            r: level of x_t-1.
            guess: prediction of x_0 given x_t.
        """
        first = binary_cross_entropy_with_logits(guess.logits, x0, reduction="none")
        q, other = posterior(x0, h, t, r), posterior(1 - x0, h, t, r)
        # p = q + w (other - q), with w the probability of the other x_0: the KL keeps its digits as w -> 0
        w = logsigmoid(guess.logits * (1 - 2 * x0)).exp()
        change = w * (other - q)
        kl = -(_share(q, change) + _share(1 - q, -change))
        return torch.where(r.t <= 0, first, kl).sum(1)

    def errors(self, x0: Tensor, h: Tensor, t: Erasure, r: Erasure, guess: BitGuess) -> StepErrors:
        """Returns E_q (x_r - E_p x_r)^2 and the variance of p(x_r | x_t), sums over entries.

        Args:
            x0: x_0, shape (B, d).
            h: x_t, shape (B, d).
            t: level of x_t.
            r: level of x_r, with less noise.
            guess: prediction of x_0 given x_t.
        """
        q, p = posterior(x0, h, t, r), self.reverse(h, t, r, guess)
        return StepErrors((q * (1 - p).square() + (1 - q) * p.square()).sum(1), (p * (1 - p)).sum(1))

    def last(self, x0: Tensor) -> Tensor:
        """Returns KL(q(x_T|x_0) || coins), which is 0, shape (B,).

        Args:
            x0: x_0, shape (B, d).
        """
        return x0.new_zeros(len(x0))


def posterior(x0: Tensor, h: Tensor, t: Erasure, r: Erasure) -> Tensor:
    """Returns q(x_r = 1 | x_t, x_0) by Bayes' rule, shape (B, d).

    Args:
        x0: x_0, shape (B, d).
        h: x_t, shape (B, d).
        t: level of x_t.
        r: level of x_r, with less noise.
    """
    since, one = t.since(r), r.kept * x0 + (1 - r.kept) / 2
    # (2): q(x_t | x_r) for x_r = 1 and 0
    same, other = (1 + since) / 2, (1 - since) / 2
    up, down = torch.where(h > 0.5, same, other), torch.where(h > 0.5, other, same)
    return one * up / (one * up + (1 - one) * down)


def _share(q: Tensor, change: Tensor) -> Tensor:
    """Returns q log ((q + change) / q), 0 where q is 0."""
    safe = q.clamp_min(1e-12)
    return q * torch.log1p((change / safe).clamp_min(-1 + 1e-7))
