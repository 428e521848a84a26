"""Location-scale distributions: x = m + s e with standard noise e, so that gradients flow to m and s.

    e ~ p_e,   x = m + s e,   p(x) = p_e((x - m) / s) / s                                (1)

    normal       e = standard normal noise (`core.distributions.elementary.Gaussian`)
    Laplace      e = -sign(v) log(1 - 2 |v|), v ~ U(-1/2, 1/2) (`Laplace`)
    logistic     e = log u - log(1 - u), u ~ U(0, 1)                                     (2)
    Student's t  e = n / (2 g / nu)^(1/2), n ~ N(0, 1), g ~ Gamma(nu / 2, 1)             (3)

The noise (3) depends on the degrees of freedom nu; its gradient reaches them through n and g.

Reference: Kingma and Welling 2014, section 2.4; Figurnov, Mohamed and Mnih 2018 for nu. Row C3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from simulacra.core.densities.gamma_noise import log_standard_gamma
from simulacra.core.densities.inverse_cdf import open_uniform
from simulacra.core.distributions.elementary import LocationScale
from simulacra.core.random.keyed import Rng


@dataclass
class Laplace(LocationScale):
    """exp(-|x - m| / s) / (2 s) with s = exp(log_scale), independent entries.

    Args:
        loc: m, shape (B, *).
        log_scale: log s, broadcast to `loc`.
        event_dims: number of trailing dimensions of an observation.

    Example:
        >>> zero = torch.zeros(1, 2)
        >>> round(Laplace(zero, zero, 1).log_prob(zero).item(), 4)
        -1.3863
    """

    def noise_log(self, e: Tensor) -> Tensor:
        """Returns -|e| - log 2."""
        return -e.abs() - math.log(2)

    def noise(self, rng: Rng, name: str) -> Tensor:
        """Draws by the inverse CDF."""
        u = rng.uniform(name, *self.loc.shape[1:], dtype=self.loc.dtype) - 0.5
        tail = (1 - 2 * u.abs()).clamp_min(torch.finfo(u.dtype).tiny)
        return -u.sign() * tail.log()


@dataclass
class Logistic(LocationScale):
    """F(x) = 1 / (1 + exp(-(x - m) / s)), independent entries.

    Args:
        loc: m, shape (B, *).
        log_scale: log s, broadcast to `loc`.
        event_dims: number of trailing dimensions of an observation.

    Example:
        >>> zero = torch.zeros(1, 2)
        >>> round(Logistic(zero, zero, 1).log_prob(zero).item(), 4)
        -2.7726
    """

    def noise_log(self, e: Tensor) -> Tensor:
        """Returns log sg(e) + log sg(-e)."""
        return F.logsigmoid(e) + F.logsigmoid(-e)

    def noise(self, rng: Rng, name: str) -> Tensor:
        """Draws equation (2)."""
        u = open_uniform(rng, name, *self.loc.shape[1:], dtype=self.loc.dtype)
        # (2)
        return u.log() - torch.log1p(-u)


@dataclass
class StudentT(LocationScale):
    """Student's t: a Gaussian whose variance is drawn, with tails that fall as |x|^-(nu + 1).

    Args:
        loc: m, shape (B, *).
        log_scale: log s, broadcast to `loc`.
        event_dims: number of trailing dimensions of an observation.
        nu: degrees of freedom above 0, broadcast to `loc`.

    Raises:
        ValueError: when drawing, if a number nu is not positive and finite.

    Example:
        >>> zero = torch.zeros(1, 1)
        >>> round(StudentT(zero, zero, 1, torch.ones(1, 1)).log_prob(zero).item(), 4)  # -log pi
        -1.1447
    """

    nu: Tensor

    def noise_log(self, e: Tensor) -> Tensor:
        """Returns log G((nu + 1) / 2) - log G(nu / 2) - log(nu pi) / 2 - (nu + 1) / 2 log(1 + e^2 / nu)."""
        nu = self.nu
        constant = torch.lgamma((nu + 1) / 2) - torch.lgamma(nu / 2) - 0.5 * (nu * math.pi).log()
        # log(1 + t^2) / 2 by hypot, whose square does not overflow
        return constant - (nu + 1) * torch.hypot(e / nu.sqrt(), torch.ones_like(e)).log()

    def noise(self, rng: Rng, name: str) -> Tensor:
        """Draws equation (3)."""
        nu = self.nu.expand_as(self.loc)
        n = rng.normal(name, *self.loc.shape[1:], dtype=self.loc.dtype)
        log_g = log_standard_gamma(nu / 2, rng, f"{name}-gamma")
        # (3)
        return n * torch.exp(0.5 * ((nu / 2).log() - log_g))

    @property
    def mean(self) -> Tensor:
        """Mean m; NaN where nu is at most 1 and there is none."""
        return torch.where(self.nu > 1, self.loc, torch.full_like(self.loc, math.nan))
