"""Inverse transform sampling: a uniform number through the inverse of the distribution function.

    u ~ U(0, 1),   x = F^-1(u; theta)   has the distribution function F                  (1)

F^-1 is differentiable in theta, so gradients flow to the parameters. u lies in the open interval: at 0 or 1
the inverse of an unbounded distribution is infinite.

Reference: Devroye 1986; Goodfellow, Bengio and Courville 2016, section 20.10.1. Rows C4 and C8.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.distributions.elementary import Distribution
from simulacra.core.random.counter import BITS
from simulacra.core.random.keyed import Rng


def open_uniform(rng: Rng, name: str, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
    """Draws uniform numbers in the open interval (0, 1), shape (B, *shape).

    They are those of `Rng.uniform`, multiples of 2^-bits, in the middle of their cells. In the last cell,
    whose middle would be rounded to 1, it is the lower end.

    Args:
        rng: generator with B rows.
        name: name of the draw, part of its key.
        shape: shape of one row.
        dtype: floating-point type; None: torch's default.

    Example:
        >>> u = open_uniform(Rng(0, rows=range(50)), "u", 3)
        >>> bool(((u > 0) & (u < 1)).all())
        True
    """
    u = rng.uniform(name, *shape, dtype=dtype)
    bits = BITS[u.dtype]
    return (u + 2.0 ** (-bits - 1)).clamp_max(1 - 2.0**-bits)


class InverseCdf(Distribution):
    """Base class: independent entries, drawn by equation (1). Subclasses are dataclasses of tensors."""

    discrete = False

    @property
    @abstractmethod
    def like(self) -> Tensor:
        """Tensor of the type and the shape (B, *) of a draw."""

    @abstractmethod
    def cdf(self, x: Tensor) -> Tensor:
        """Returns F(x) of each entry, shape of x.

        Args:
            x: observations, shape (B, *).
        """

    @abstractmethod
    def quantile(self, u: Tensor) -> Tensor:
        """Returns F^-1(u) of each entry, shape of u.

        Args:
            u: numbers between 0 and 1, shape (B, *).
        """

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws by equation (1); gradients flow to the parameters."""
        # (1)
        return self.quantile(open_uniform(rng, name, *self.like.shape[1:], dtype=self.like.dtype))


@dataclass
class Exponential(InverseCdf):
    """F(x) = 1 - exp(-x / s) for x >= 0, with the mean s = exp(log_scale).

    Args:
        log_scale: log s, shape (B, *).
        event_dims: number of trailing dimensions of an observation.

    Example:
        >>> p = Exponential(torch.zeros(1, 1), 1)
        >>> round(p.quantile(torch.tensor([[0.5]])).item(), 4), p.log_prob(torch.tensor([[2.0]])).item()
        (0.6931, -2.0)
    """

    log_scale: Tensor
    event_dims: int

    @property
    def like(self) -> Tensor:
        """log s."""
        return self.log_scale

    @property
    def mean(self) -> Tensor:
        """Mean s."""
        return self.log_scale.exp()

    def entries(self, x: Tensor) -> Tensor:
        """Returns -x / s - log s, and -inf below 0."""
        return within(x >= 0, -x * torch.exp(-self.log_scale) - self.log_scale)

    def cdf(self, x: Tensor) -> Tensor:
        """Returns 1 - exp(-x / s)."""
        return -torch.expm1(-x.clamp_min(0) * torch.exp(-self.log_scale))

    def quantile(self, u: Tensor) -> Tensor:
        """Returns -s log(1 - u)."""
        return -torch.exp(self.log_scale) * torch.log1p(-u)


@dataclass
class Rayleigh(InverseCdf):
    """F(x) = 1 - exp(-x^2 / (2 s^2)) for x >= 0: the length of a normal vector of two entries.

    Args:
        log_scale: log s, shape (B, *).
        event_dims: number of trailing dimensions of an observation.

    Example:
        >>> p = Rayleigh(torch.zeros(1, 1), 1)
        >>> round(p.quantile(torch.tensor([[0.5]])).item(), 4), round(p.mean.item(), 4)
        (1.1774, 1.2533)
    """

    log_scale: Tensor
    event_dims: int

    @property
    def like(self) -> Tensor:
        """log s."""
        return self.log_scale

    @property
    def mean(self) -> Tensor:
        """Mean s (pi / 2)^(1/2)."""
        return self.log_scale.exp() * math.sqrt(math.pi / 2)

    def _half_square(self, x: Tensor) -> Tensor:
        """Returns x^2 / (2 s^2)."""
        return 0.5 * (x.clamp_min(0) * torch.exp(-self.log_scale)).square()

    def entries(self, x: Tensor) -> Tensor:
        """Returns log x - 2 log s - x^2 / (2 s^2), and -inf below 0."""
        return within(x >= 0, x.clamp_min(0).log() - 2 * self.log_scale - self._half_square(x))

    def cdf(self, x: Tensor) -> Tensor:
        """Returns 1 - exp(-x^2 / (2 s^2))."""
        return -torch.expm1(-self._half_square(x))

    def quantile(self, u: Tensor) -> Tensor:
        """Returns s (-2 log(1 - u))^(1/2)."""
        return torch.exp(self.log_scale) * (-2 * torch.log1p(-u)).sqrt()


@dataclass
class Pareto(InverseCdf):
    """F(x) = 1 - (s / x)^a for x >= s: a power law.

    Args:
        log_scale: log s of the smallest value s, shape (B, *).
        alpha: exponent a above 0, broadcast to `log_scale`.
        event_dims: number of trailing dimensions of an observation.

    Example:
        >>> p = Pareto(torch.zeros(1, 1), torch.tensor([[2.0]]), 1)
        >>> p.quantile(torch.tensor([[0.75]])).item(), p.mean.item()
        (2.0, 2.0)
    """

    log_scale: Tensor
    alpha: Tensor
    event_dims: int

    @property
    def like(self) -> Tensor:
        """log s."""
        return self.log_scale

    @property
    def mean(self) -> Tensor:
        """Mean s a / (a - 1); infinite where a is at most 1."""
        a = self.alpha.expand_as(self.log_scale)
        return torch.where(a > 1, self.log_scale.exp() * a / (a - 1), torch.full_like(a, math.inf))

    def _log_tail(self, x: Tensor) -> Tensor:
        """Returns a log(s / x), the log of 1 - F(x)."""
        return self.alpha * (self.log_scale - x.log()).clamp_max(0)

    def entries(self, x: Tensor) -> Tensor:
        """Returns log a + a log(s / x) - log x, and -inf below s."""
        inside = x >= torch.exp(self.log_scale)
        x = torch.where(inside, x, torch.ones_like(x))
        return within(inside, self.alpha.log() + self.alpha * (self.log_scale - x.log()) - x.log())

    def cdf(self, x: Tensor) -> Tensor:
        """Returns 1 - (s / x)^a, and 0 below s."""
        return -torch.expm1(self._log_tail(torch.maximum(x, torch.exp(self.log_scale))))

    def quantile(self, u: Tensor) -> Tensor:
        """Returns s (1 - u)^(-1/a)."""
        return torch.exp(self.log_scale - torch.log1p(-u) / self.alpha)


@dataclass
class Cauchy(InverseCdf):
    """F(x) = 1/2 + arctan((x - m) / s) / pi: a distribution without a mean.

    Args:
        loc: m, the median, shape (B, *).
        log_scale: log s, broadcast to `loc`.
        event_dims: number of trailing dimensions of an observation.

    Example:
        >>> p = Cauchy(torch.zeros(1, 1), torch.zeros(1, 1), 1)
        >>> round(p.quantile(torch.tensor([[0.75]])).item(), 4), p.mean.item()
        (1.0, nan)
    """

    loc: Tensor
    log_scale: Tensor
    event_dims: int

    @property
    def like(self) -> Tensor:
        """Median m."""
        return self.loc

    @property
    def mean(self) -> Tensor:
        """NaN: the integral of the mean does not exist."""
        return torch.full_like(self.loc, math.nan)

    def _standard(self, x: Tensor) -> Tensor:
        return (x - self.loc) * torch.exp(-self.log_scale)

    def entries(self, x: Tensor) -> Tensor:
        """Returns -log pi - log s - log(1 + ((x - m) / s)^2), whose square does not overflow."""
        e = self._standard(x)
        return -math.log(math.pi) - self.log_scale - 2 * torch.hypot(e, torch.ones_like(e)).log()

    def cdf(self, x: Tensor) -> Tensor:
        """Returns 1/2 + arctan((x - m) / s) / pi."""
        return 0.5 + torch.atan(self._standard(x)) / math.pi

    def quantile(self, u: Tensor) -> Tensor:
        """Returns m + s tan(pi (u - 1/2)), by the cotangent of the nearer end, which keeps the tails."""
        low = u < 0.5
        cotangent = 1 / torch.tan(math.pi * torch.where(low, u, 1 - u))
        return self.loc + torch.exp(self.log_scale) * torch.where(low, -cotangent, cotangent)


def within(inside: Tensor, log_p: Tensor) -> Tensor:
    """Returns the log-densities where x is in the support, and -inf elsewhere.

    Args:
        inside: True in the support, shape (B, *).
        log_p: log-densities, shape (B, *).
    """
    return torch.where(inside, log_p, torch.full_like(log_p, -math.inf))
