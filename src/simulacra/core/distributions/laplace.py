"""The Laplace distribution: a density with a sharp peak and heavier tails than a Gaussian."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

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
