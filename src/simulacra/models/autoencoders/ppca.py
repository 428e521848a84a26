"""Probabilistic PCA: a linear factor model whose likelihood and posterior are closed forms.

    z ~ N(0, I),   x | z ~ N(W z + m, s^2 I),   so   x ~ N(m, C),  C = W W' + s^2 I   (1)
    z | x ~ N(M^-1 W' (x - m), s^2 M^-1),   M = W' W + s^2 I                          (2)
    W = U (L - s^2 I)^(1/2),   s^2 = mean of the discarded eigenvalues                (3)

Reference: Tipping and Bishop 1999, equations 4, 6, 7 and 8, and their EM (27, 28). Row D2.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from simulacra.core.capabilities import Decodes, Encodes, HasDensity, Samples
from simulacra.core.distributions import LOG_2PI
from simulacra.core.model import Model
from simulacra.core.moments import covariance
from simulacra.core.random import Rng
from simulacra.core.space import Real, Space
from simulacra.core.training import Source, Stage, Steps

FLOOR = 1e-12  # least s^2 relative to the largest eigenvalue: a flat direction is unbounded


class PPCA(Model, Samples, HasDensity, Encodes, Decodes):
    """Probabilistic principal component analysis.

    Args:
        space: a real space; discrete data must be dequantised.
        latent: number of factors.
        solver: `closed` (equation 3) or `em`.
        iterations: steps of EM.

    Raises:
        ValueError: if the space is discrete: a density on it would be unbounded.

    Example:
        >>> PPCA(Real((3,)), latent=1).log_prob(torch.zeros(2, 3)).kind
        'exact'
    """

    location: Tensor
    W: Tensor
    variance: Tensor

    def __init__(
        self,
        space: Space,
        latent: int = 2,
        solver: Literal["closed", "em"] = "closed",
        iterations: int = 200,
    ):
        super().__init__(space)
        if not isinstance(space, Real):
            raise ValueError(
                f"PPCA is a continuous density, but the space is {space}: "
                "load the data with dequantise='uniform'."
            )
        if not 1 <= latent < space.dims:
            raise ValueError(f"latent is {latent}, but PPCA of {space} has 1 to {space.dims - 1} factors.")
        self.code_size, self.solver, self.iterations = latent, solver, iterations
        self.register_buffer("location", torch.zeros(space.dims))
        self.register_buffer("W", torch.zeros(space.dims, latent))
        self.register_buffer("variance", torch.ones(()))

    def stage(self, i: int, past: list) -> Stage | None:
        """One closed form (or EM on the covariance), no updates."""
        return Stage("solve", [], Steps(0), start=solve) if i == 0 else None

    def _M(self) -> Tensor:
        eye = torch.eye(self.code_size, dtype=self.W.dtype, device=self.W.device)
        return self.W.T @ self.W + self.variance * eye

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """log N(x; m, C) in nats by the matrix inversion lemma, shape (B,)."""
        d, q = self.W.shape
        # float64, and the residual form below, because s^2 may be far smaller than W W'
        W, variance = self.W.double(), self.variance.double()
        r = x.double().flatten(1) - self.location.double()
        M = W.T @ W + variance * torch.eye(q, dtype=W.dtype, device=W.device)
        z = torch.linalg.solve(M, (r @ W).T).T
        # r' C^-1 r = |r - W z|^2 / s^2 + |z|^2 at z = E[z|x],  |C| = |M| s^(2 (d - q))
        quadratic = (r - z @ W.T).square().sum(1) / variance + z.square().sum(1)
        log_det = torch.logdet(M) + (d - q) * variance.log()
        return -0.5 * (d * LOG_2PI + log_det + quadratic)

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """E[z|x] of equation (2), shape (B, latent)."""
        r = x.to(self.dtype).flatten(1) - self.location
        return torch.linalg.solve(self._M(), (r @ self.W).T).T

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """W z + m, shape (B, *)."""
        return (self.location + z @ self.W.T).unflatten(1, self.space.shape)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """z, then x given z, shape (B, *)."""
        mean = self.emit(rng.normal("z", self.code_size, dtype=self.dtype))
        noise = rng.normal("x", *self.space.shape, dtype=self.dtype)
        return mean + self.variance.sqrt() * noise


def solve(model: PPCA, source: Source, rng: Rng) -> None:
    """Maximum likelihood from the covariance of the data."""
    m, s, _ = covariance(model, source, rng)
    if model.solver == "em":
        w, variance = expectation_maximisation(s, model.code_size, model.iterations, rng)
    else:
        w, variance = closed_form(s, model.code_size)
    model.location.copy_(m)
    model.W.copy_(w)
    model.variance.copy_(variance)


def closed_form(s: Tensor, q: int) -> tuple[Tensor, Tensor]:
    """W and s^2 of equation (3) for the covariance `s` (d, d)."""
    values, vectors = torch.linalg.eigh(s)
    order = values.argsort(descending=True)
    values, u = values[order], vectors[:, order[:q]]
    variance = values[q:].mean().clamp_min(FLOOR * float(values[0]))
    u = u * u.gather(0, u.abs().argmax(0, keepdim=True)).sign()
    return u * (values[:q] - variance).clamp_min(0).sqrt(), variance


def expectation_maximisation(s: Tensor, q: int, iterations: int, rng: Rng) -> tuple[Tensor, Tensor]:
    """EM on the covariance (Tipping and Bishop, equations 29 and 30): its limit is equation (3)."""
    d = len(s)
    scale = math.sqrt(float(s.diagonal().mean()) / q)
    w = rng.normal("W", d, q, rows=range(1), dtype=s.dtype)[0].to(s.device) * scale
    variance = s.diagonal().mean()
    eye = torch.eye(q, dtype=s.dtype, device=s.device)
    for _ in range(iterations):
        m = w.T @ w + variance * eye
        sw = s @ w
        fresh = sw @ torch.linalg.inv(variance * eye + torch.linalg.solve(m, w.T @ sw))
        variance = (s.trace() - (sw @ torch.linalg.solve(m, fresh.T)).trace()) / d
        variance = variance.clamp_min(FLOOR * float(s.diagonal().max()))
        w = fresh
    return w, variance
