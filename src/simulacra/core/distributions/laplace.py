"""The Laplace distribution: a density with a sharp peak and heavier tails than a Gaussian."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.distributions.elementary import Distribution
from simulacra.core.random.keyed import Rng


@dataclass
class Laplace(Distribution):
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

    loc: Tensor
    log_scale: Tensor
    event_dims: int
    discrete = False

    def entries(self, x: Tensor) -> Tensor:
        """Returns -|x - m| / s - log s - log 2."""
        u = (x.to(self.loc.dtype) - self.loc) * torch.exp(-self.log_scale)
        return -u.abs() - self.log_scale - math.log(2)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws by the inverse CDF; gradients flow to m and s."""
        u = rng.uniform(name, *self.loc.shape[1:], dtype=self.loc.dtype) - 0.5
        tail = (1 - 2 * u.abs()).clamp_min(torch.finfo(u.dtype).tiny)
        return self.loc - torch.exp(self.log_scale) * u.sign() * tail.log()

    @property
    def mean(self) -> Tensor:
        """Mean m."""
        return self.loc
