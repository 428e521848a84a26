"""A Gaussian with full covariance: everything about it is known, so it can complete exactly.

    p(x) = N(m, L L')                                                          (1)
    x_u | x_k ~ N(m_u + S_uk S_kk^-1 (x_k - m_k), S_uu - S_uk S_kk^-1 S_ku)    (2)

Fitted in closed form, then left as it is. What strains the contract: no update at all, and
completion with another set of known entries in every row.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulacra.core.capabilities.general import Completes, HasDensity, Samples
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.core.updates import Source, Stage, Steps


class GaussianModel(Model, Samples, HasDensity, Completes):
    """A Gaussian on real vectors.

    Args:
        space: real vectors.
    """

    mean: Tensor
    factor: Tensor

    def __init__(self, space: Real):
        super().__init__(space)
        self.register_buffer("mean", torch.zeros(space.dims))
        self.register_buffer("factor", torch.eye(space.dims))

    def stage(self, i: int, past: list) -> Stage | None:
        """Closed form."""
        return Stage("solve", [], Steps(0), start=solve) if i == 0 else None

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Equation (1) in nats, shape (B,)."""
        u = torch.linalg.solve_triangular(self.factor, (x - self.mean).T, upper=False)
        log_det = self.factor.diagonal().log().sum()
        return -0.5 * u.square().sum(0) - log_det - 0.5 * self.space.dims * math.log(2 * math.pi)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """m + L e, shape (B, d)."""
        return self.mean + rng.normal("x", self.space.dims, dtype=self.dtype) @ self.factor.T

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Equation (2) row by row: a joint draw, corrected by what is known of x."""
        joint, s = self.draw(rng), self.factor @ self.factor.T
        rows = []
        for value, keep, draw in zip(x, known, joint):
            gain = s[:, keep] @ torch.linalg.inv(s[keep][:, keep])
            # Matheron's rule: the residual of the draw at the known entries moves the others
            rows.append(torch.where(keep, value, draw + gain @ (value - draw)[keep]))
        return torch.stack(rows)


def solve(model: GaussianModel, source: Source, rng: Rng) -> None:
    """Mean and covariance of the data."""
    batch = source.batch(torch.arange(len(source)), rng.on(range(len(source))))
    x = batch.x.double()
    centred = x - x.mean(0)
    model.mean.copy_(x.mean(0))
    model.factor.copy_(torch.linalg.cholesky(centred.T @ centred / len(x)))
