"""One step of the paths of codes of sequences, and sums over steps that do not depend on the padding.

    log w = sum_t log p(x_t | z_t, h_(t-1)) + log p(z_t | h_(t-1)) - log q(z_t | x_t, h_(t-1))   (1)

Reference: Chung et al. 2015. Row E11.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from simulacra.core.distributions.elementary import Gaussian


@dataclass
class Step:
    """One step of k paths of each row.

    Args:
        log_x: log p(x_t | z_t, h_(t-1)) in nats, shape (B, k).
        q: q(z_t | x_t, h_(t-1)), event (latent,), shape (B, k, latent).
        p: p(z_t | h_(t-1)), of the same shape.
        z: codes drawn from q, shape (B, k, latent).
        h: the states h_t, shape (B, k, state).
    """

    log_x: Tensor
    q: Gaussian
    p: Gaussian
    z: Tensor
    h: Tensor

    @property
    def log_w(self) -> Tensor:
        """Logarithm of the factor of w, equation (1), in nats, shape (B, k)."""
        return self.log_x + self.p.log_prob(self.z) - self.q.log_prob(self.z)


def summed(terms: Iterable[Tensor], valid: Tensor) -> Tensor:
    """Returns the sum of the terms of valid steps, one after the other, shape (B, n).

    The last bits of a sum in blocks would depend on the number of steps.

    Args:
        terms: one of each step, each (B, n).
        valid: True for the steps that count, shape (B, T).
    """
    masked = (torch.where(there.unsqueeze(1), term, 0.0) for there, term in zip(valid.T, terms))
    return reduce(torch.add, masked)
