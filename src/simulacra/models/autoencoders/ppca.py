"""Probabilistic PCA: a linear factor model with closed forms for likelihood and posterior.

    z ~ N(0, I),   x | z ~ N(W z + m, s^2 I),   so   x ~ N(m, C),  C = W W' + s^2 I   (1)
    z | x ~ N(M^-1 W' (x - m), s^2 M^-1),   M = W' W + s^2 I                          (2)
    W = U (L - s^2 I)^(1/2),   s^2 = mean of the discarded eigenvalues                (3)

With missing entries, the likelihood is that of the observed ones, and EM replaces (3).

Reference: Tipping and Bishop 1999, equations 4, 6, 7 and 8, and their EM (27, 28). Row D2.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from simulacra.core.capabilities.general import Completes, Decodes, Encodes, HasDensity, Samples, TakesMissing
from simulacra.core.distributions.elementary import LOG_2PI
from simulacra.core.errors.other_data import as_real
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.model import Model
from simulacra.core.numerics.moments import covariance, has_gaps, known_rows
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.updates import Source, Stage, Steps
from simulacra.models.autoencoders.factors import FLOOR, Linear, closed_form, maximize


class PPCA(Model, Samples, HasDensity, Encodes, Decodes, Completes, TakesMissing):
    """Probabilistic principal component analysis.

    Args:
        space: a `Real` space; discrete data must be dequantized.
        latent: number of factors.
        solver: `closed` (equation 3) or `em`; incomplete rows always take EM.
        iterations: maximal number of EM steps.

    Raises:
        ValueError: if the space is not `Real`, on which a density would be unbounded, or `latent` is not
            below its number of entries.

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
        *,
        seed: int = 0,
    ):
        super().__init__(space)
        if not isinstance(space, Real):
            mend = as_real(space)
            raise Refusal(f"PPCA is a continuous density, but the space is {space}: {mend}.", mend)
        d = space.dims
        if d < 2:
            raise ValueError(
                f"PPCA explains several numbers by fewer factors, but {space} has a single one: take an "
                "RNADE or a VAE."
            )
        if not 1 <= latent < d:
            possible = f"1 to {d - 1} factors" if d > 2 else "a single factor, latent=1"
            raise ValueError(f"latent is {latent}, but PPCA of {space} has {possible}.")
        self.code_size, self.solver, self.iterations = latent, solver, iterations
        self.register_buffer("location", torch.zeros(space.dims))
        self.register_buffer("W", torch.zeros(space.dims, latent))
        self.register_buffer("variance", torch.ones(()))

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage: a closed-form solution or EM, without updates.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("solve", [], Steps(0), start=solve) if i == 0 else None

    def _M(self) -> Tensor:
        eye = torch.eye(self.code_size, dtype=self.W.dtype, device=self.W.device)
        return self.W.T @ self.W + self.variance * eye

    @property
    def _linear(self) -> Linear:
        return Linear(to_float64(self.W), to_float64(self.location), to_float64(self.variance))

    def log_density(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Computes log N(x; m, C) in nats by the matrix inversion lemma, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: not used.
            known: True where observed, shape (B, *), for the marginal density of these entries; None for all.
        """
        if known is not None:
            return self._linear.log_density(to_float64(x).flatten(1), known.flatten(1))
        d, q = self.W.shape
        # float64 and the residual form below, because s^2 may be far smaller than W W'
        W, variance = to_float64(self.W), to_float64(self.variance)
        r = to_float64(x).flatten(1) - to_float64(self.location)
        M = W.T @ W + variance * torch.eye(q, dtype=W.dtype, device=W.device)
        z = torch.linalg.solve(M, (r @ W).T).T
        # r' C^-1 r = |r - W z|^2 / s^2 + |z|^2 at z = E[z|x],  |C| = |M| s^(2 (d - q))
        quadratic = (r - z @ W.T).square().sum(1) / variance + z.square().sum(1)
        log_det = torch.logdet(M) + (d - q) * variance.log()
        return -0.5 * (d * LOG_2PI + log_det + quadratic)

    def infer(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Returns E[z|x] of equation (2), shape (B, latent).

        Args:
            x: observations, shape (B, *).
            c: not used.
            known: True where observed, shape (B, *); None for all.
        """
        if known is not None:
            return self._linear.posterior(to_float64(x).flatten(1), known.flatten(1))[0].to(self.W)
        # M^-1 W' first: it is the same for all rows, and a constant of an exported graph
        gain = torch.linalg.solve(self._M(), self.W.T)
        return (x.to(self.dtype).flatten(1) - self.location) @ gain.T

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns E[x|z] = W z + m, shape (B, *).

        Args:
            z: codes, shape (B, latent).
            c: not used.
        """
        return (self.location + z @ self.W.T).unflatten(1, self.space.shape)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Samples z, then x given z, shape (B, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: not used.
        """
        mean = self.emit(rng.normal("z", self.code_size, dtype=self.dtype))
        noise = rng.normal("x", *self.space.shape, dtype=self.dtype)
        return mean + self.variance.sqrt() * noise

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Samples z given the observed entries, then the missing entries of x given z, shape (B, *).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: not used.
        """
        mean, M = self._linear.posterior(to_float64(x).flatten(1), known.flatten(1))
        eps = rng.normal("z", self.code_size, dtype=mean.dtype)
        # Cov[z] = s^2 M^-1, and L'^-1 is a root of (L L')^-1 = M^-1
        upper = torch.linalg.cholesky(M).mT
        noise = torch.linalg.solve_triangular(upper, eps.unsqueeze(2), upper=True).squeeze(2)
        z = mean + to_float64(self.variance).sqrt() * noise
        drawn = self.emit(z.to(self.W)) + self.variance.sqrt() * rng.normal(
            "x", *self.space.shape, dtype=self.dtype
        )
        return torch.where(known, x.to(drawn.dtype), drawn)


def solve(model: PPCA, source: Source, rng: Rng) -> None:
    """Fits the model by maximum likelihood, from the covariance of the data or from incomplete rows.

    Args:
        model: the PPCA to fit.
        source: the training split.
        rng: random numbers of the preprocessing and of the start of EM.
    """
    q = model.code_size
    if has_gaps(source, rng):
        linear, _ = maximize(known_rows(model, source, rng), q, model.iterations)
        m, w, variance = linear.location, linear.W, linear.variance
    else:
        m, s, _ = covariance(model, source, rng)
        em = model.solver == "em"
        w, variance = expectation_maximization(s, q, model.iterations, rng) if em else closed_form(s, q)
    model.location.copy_(m)
    model.W.copy_(w)
    model.variance.copy_(variance)


def expectation_maximization(s: Tensor, q: int, iterations: int, rng: Rng) -> tuple[Tensor, Tensor]:
    """Runs EM on the covariance (Tipping and Bishop, equations 29 and 30), which converges to equation (3).

    Args:
        s: covariance, shape (d, d).
        q: number of factors.
        iterations: number of EM steps.
        rng: draws the initial W.

    Returns:
        W, shape (d, q), and s^2, shape ().
    """
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
