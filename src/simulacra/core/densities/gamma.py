"""Gamma, chi-squared, beta and Dirichlet distributions: all are made of gamma noise, with its gradients.

    z ~ Gamma(a, 1):      z / b ~ Gamma(a, rate b),    2 z ~ chi-squared with 2 a degrees of freedom   (1)
    z_k ~ Gamma(a_k, 1):  z_1 / (z_1 + z_2) ~ Beta(a_1, a_2),    z / sum_k z_k ~ Dirichlet(a)          (2)

Ratios are taken of logarithms, so that small a_k, whose z_k underflow, cost nothing.

Reference: Devroye 1986, chapters IX and XI; Figurnov, Mohamed and Mnih 2018. Row C5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.densities.gamma_noise import log_standard_gamma
from simulacra.core.densities.inverse_cdf import within
from simulacra.core.distributions.elementary import Distribution, sum_events
from simulacra.core.random.keyed import Rng


@dataclass
class Gamma(Distribution):
    """p(x) = b^a x^(a - 1) e^(-b x) / G(a) for x > 0, independent entries.

    Args:
        alpha: shape a above 0, shape (B, *).
        rate: b above 0, broadcast to `alpha`.
        event_dims: number of trailing dimensions of an observation.

    Raises:
        ValueError: when drawing, if a number of alpha is not positive and finite.

    Example:
        >>> p = Gamma(torch.ones(1, 1), torch.full((1, 1), 2.0), 1)
        >>> round(p.log_prob(torch.ones(1, 1)).item(), 4), p.mean.item()  # log 2 - 2
        (-1.3069, 0.5)
    """

    alpha: Tensor
    rate: Tensor
    event_dims: int
    discrete = False

    def entries(self, x: Tensor) -> Tensor:
        """Returns a log b + (a - 1) log x - b x - log G(a), and -inf below 0."""
        a, b, inside = self.alpha, self.rate, x >= 0
        x = x.to(a.dtype).clamp_min(0)
        return within(inside, a * b.log() + torch.xlogy(a - 1, x) - b * x - torch.lgamma(a))

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws z / b of equation (1), at least the smallest positive number; gradients flow to a and b."""
        # (1)
        z = torch.exp(log_standard_gamma(self.alpha, rng, name) - self.rate.log())
        return z.clamp_min(torch.finfo(z.dtype).tiny)

    @property
    def mean(self) -> Tensor:
        """Mean a / b."""
        return self.alpha / self.rate


def chi_squared(nu: Tensor, event_dims: int) -> Gamma:
    """Returns the chi-squared distribution with nu degrees of freedom, equation (1).

    Args:
        nu: degrees of freedom above 0, shape (B, *).
        event_dims: number of trailing dimensions of an observation.

    Example:
        >>> chi_squared(torch.tensor([[3.0]]), 1).mean.item()
        3.0
    """
    return Gamma(nu / 2, torch.full_like(nu, 0.5), event_dims)


@dataclass
class Beta(Distribution):
    """p(x) = x^(a - 1) (1 - x)^(b - 1) / B(a, b) for 0 < x < 1, independent entries.

    Args:
        alpha: a above 0, shape (B, *).
        beta: b above 0, shape of `alpha`.
        event_dims: number of trailing dimensions of an observation.

    Raises:
        ValueError: when drawing, if a number of alpha or beta is not positive and finite.

    Example:
        >>> p = Beta(torch.tensor([[2.0]]), torch.tensor([[1.0]]), 1)
        >>> p.log_prob(torch.tensor([[0.5]])).exp().item(), round(p.mean.item(), 4)
        (1.0, 0.6667)
    """

    alpha: Tensor
    beta: Tensor
    event_dims: int
    discrete = False

    def entries(self, x: Tensor) -> Tensor:
        """Returns (a - 1) log x + (b - 1) log(1 - x) - log B(a, b), and -inf outside [0, 1]."""
        a, b, inside = self.alpha, self.beta, (x >= 0) & (x <= 1)
        x = x.to(a.dtype).clamp(0, 1)
        return within(inside, torch.xlogy(a - 1, x) + torch.special.xlog1py(b - 1, -x) - log_beta(a, b))

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws equation (2), strictly between 0 and 1; gradients flow to a and b."""
        first, second = (
            log_standard_gamma(t, rng, f"{name}-{i}") for i, t in enumerate((self.alpha, self.beta))
        )
        # (2)
        x, number = torch.sigmoid(first - second), torch.finfo(first.dtype)
        return x.clamp(number.tiny, 1 - number.eps / 2)

    @property
    def mean(self) -> Tensor:
        """Mean a / (a + b)."""
        return self.alpha / (self.alpha + self.beta)


@dataclass
class Dirichlet(Distribution):
    """p(x) = G(sum_k a_k) prod_k x_k^(a_k - 1) / G(a_k) for shares x that sum to 1.

    The density is that of the first K - 1 shares. By the chain rule, with r_k = sum_(j >= k) x_j and
    A_k = sum_(j >= k) a_j, x_k / r_k ~ Beta(a_k, A_(k + 1)) whatever the shares before it, so

        log p(x_k | x_<k) = (a_k - 1) log x_k + (A_(k+1) - 1) log r_(k+1) - (A_k - 1) log r_k - log B   (3)

    Args:
        alpha: a above 0, shape (B, *, K); the shares of the last dimension sum to 1.
        event_dims: number of trailing dimensions of an observation, at least 1.

    Raises:
        ValueError: when drawing, if a number of alpha is not positive and finite.

    Example:
        >>> p = Dirichlet(torch.ones(1, 3), 1)
        >>> round(p.log_prob(torch.tensor([[0.2, 0.3, 0.5]])).item(), 4), p.mean[0, 0].item()  # log 2
        (0.6931, 0.3333333432674408)
    """

    alpha: Tensor
    event_dims: int = 1
    discrete = False

    def entries(self, x: Tensor) -> Tensor:
        """Returns the terms (3) of the chain rule, of which the last is 0; outside the simplex -inf."""
        a, inside = self.alpha.expand(x.shape), (x >= 0) & _sums_to_one(x)
        x = x.to(a.dtype).clamp_min(0)
        r, A = (t.flip(-1).cumsum(-1).flip(-1) for t in (x, a))
        # (3)
        first = torch.xlogy(a - 1, x)[..., :-1] - log_beta(a[..., :-1], A[..., 1:])
        rest = torch.xlogy(A[..., 1:] - 1, r[..., 1:]) - torch.xlogy(A[..., :-1] - 1, r[..., :-1])
        return within(inside, torch.nn.functional.pad(first + rest, (0, 1)))

    def log_prob(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns log p(x) in nats, shape (B,); that of the known shares where some are unknown.

        The shares of which some are known are a Dirichlet vector with the sum of all others.

        Args:
            x: shares, shape (B, *, K).
            known: True for the shares that count, shape of x; None: all.
        """
        a, inside = self.alpha.expand(x.shape), (x >= 0) & _sums_to_one(x, known)
        known = torch.ones_like(inside) if known is None else known
        seen, left = torch.where(known, x, torch.zeros_like(x)), torch.where(known, torch.zeros_like(a), a)
        rest, b = (1 - seen.sum(-1)).clamp_min(0), left.sum(-1)
        terms = torch.where(known, torch.xlogy(a - 1, seen) - torch.lgamma(a), torch.zeros_like(a)).sum(-1)
        # all shares but one say as much as all of them
        others = torch.where(b > 0, torch.xlogy(b - 1, rest) - torch.lgamma(b.where(b > 0, b + 1)), b)
        log_p = within((inside | ~known).all(-1), terms + others + torch.lgamma(a.sum(-1)))
        return sum_events(log_p, self.event_dims - 1)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws equation (2), each share at least the smallest positive number; gradients flow to a."""
        # (2)
        x = log_standard_gamma(self.alpha, rng, name).softmax(-1)
        return x.clamp_min(torch.finfo(x.dtype).tiny)

    @property
    def mean(self) -> Tensor:
        """Mean a_k / sum_j a_j."""
        return self.alpha / self.alpha.sum(-1, keepdim=True)


def log_beta(a: Tensor, b: Tensor) -> Tensor:
    """Returns log B(a, b) = log G(a) + log G(b) - log G(a + b), shape of a.

    Args:
        a: positive numbers, shape (B, *).
        b: positive numbers, shape of a.
    """
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)


def _sums_to_one(x: Tensor, known: Tensor | None = None) -> Tensor:
    """Returns True where the shares sum to 1 up to rounding, or the known ones to less, shape (B, *, 1)."""
    error = math.sqrt(torch.finfo(x.dtype).eps)
    if known is None:
        return (x.sum(-1, keepdim=True) - 1).abs() <= error
    total = torch.where(known, x, torch.zeros_like(x)).sum(-1, keepdim=True)
    return torch.where(known.all(-1, keepdim=True), (total - 1).abs() <= error, total <= 1 + error)
