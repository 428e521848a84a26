"""The Gaussian with full covariance: the affine flow, fitted in closed form.

    z ~ N(0, I),   x = m + L z,   z = L^-1 (x - m),   so   x ~ N(m, S),  S = L L'                      (1)
    m = mean of x_n,   S = mean of (x_n - m)(x_n - m)'                                                 (2)

Of all Gaussians, (2) has the greatest likelihood. Where entries are missing, the likelihood is that of the
others, which EM climbs (`core.numerics.gaussian_em`). Marginals and conditionals are exact
(`core.densities.multivariate`).

A covariance that is singular, as of two equal columns, would have a density without bound. With the
deviations D of the columns and their correlations R, S = D R D, and

    R = U diag(r) U',   r_i is raised to at least 1e-12 max_j r_j                                      (3)

in double precision. Scaling a column therefore changes nothing. A column that never changes has no deviation:
it becomes independent of the others, with 1e-6 of the largest deviation among them.

Reference: Goodfellow, Bengio and Courville 2016, (20.71); Dempster, Laird and Rubin 1977 (EM). Row C7.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulacra.core.capabilities.general import Completes, Decodes, Encodes, HasDensity, Samples, TakesMissing
from simulacra.core.densities.multivariate import MultivariateGaussian
from simulacra.core.errors.other_data import as_real
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.model import Model
from simulacra.core.numerics.gaussian_em import moments_observed
from simulacra.core.numerics.moments import covariance, has_gaps, known_rows
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import is_real
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Source, Stage, Steps

FLOOR = 1e-12  # smallest eigenvalue of the correlations, relative to the largest one
CONSTANT = 1e-12  # deviation of a column relative to its mean, below which it is rounding
TOLERANCE = 1e-7  # change of a correlation at which EM stops


class GaussianModel(Model, Samples, HasDensity, Encodes, Decodes, Completes, TakesMissing):
    """A Gaussian with full covariance, fitted by maximum likelihood: the baseline of every density.

    Args:
        space: a `Real` space, or a table of real columns.
        iterations: maximal number of EM steps, which only rows with gaps take.

    Raises:
        ValueError: if the space has entries that are not real, on which a density would be unbounded.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> model = GaussianModel(Real((3,)))
        >>> round(model.log_prob(torch.zeros(1, 3)).mean, 4)  # -3/2 log 2 pi
        -2.7568
    """

    location: Tensor
    L: Tensor
    exact = True

    def __init__(self, space: Space, iterations: int = 200, *, seed: int = 0):
        super().__init__(space)
        if not is_real(space):
            mend = as_real(space)
            raise Refusal(f"GaussianModel is a continuous density, but the space is {space}: {mend}.", mend)
        if iterations < 1:
            raise ValueError(f"iterations is {iterations}, but EM takes at least one step.")
        self.code_size, self.iterations = space.dims, iterations
        self.register_buffer("location", torch.zeros(space.dims))
        self.register_buffer("L", torch.eye(space.dims))

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage: a closed-form solution, without updates.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("solve", [], Steps(0), start=solve) if i == 0 else None

    @property
    def law(self) -> MultivariateGaussian:
        """Equation (1) as a distribution of flattened rows, in float64."""
        return MultivariateGaussian(to_float64(self.location).unsqueeze(0), to_float64(self.L))

    def log_density(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Computes log N(x; m, S) in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: not used.
            known: True where observed, shape (B, *), for the marginal density of these entries; None for all.
        """
        x = to_float64(x).flatten(1)
        return self.law.log_prob(x, None if known is None else known.flatten(1).to(x.device))

    def infer(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Returns z of equation (1), shape (B, d); with missing entries, its mean given the others.

        Args:
            x: observations, shape (B, *).
            c: not used.
            known: True where observed, shape (B, *); None for all.
        """
        law, x = self.law, to_float64(x).flatten(1)
        if known is not None:
            x = law.completed(x, known.flatten(1).to(x.device), torch.zeros_like(x))
        # L^-1 first: it is the same for all rows, and a constant of an exported graph
        eye = torch.eye(self.code_size, dtype=law.L.dtype, device=law.L.device)
        gain = torch.linalg.solve_triangular(law.L, eye, upper=False)
        return ((x - law.loc) @ gain.T).to(self.L)

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns m + L z, shape (B, *).

        Args:
            z: codes, shape (B, d).
            c: not used.
        """
        return (self.location + z @ self.L.T).unflatten(1, self.space.shape)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Samples z, and returns m + L z, shape (B, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: not used.
        """
        return self.emit(rng.normal("z", self.code_size, dtype=self.dtype))

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with missing entries drawn from their exact distribution given the others, shape (B, *).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: not used.
        """
        z = rng.normal("z", self.code_size, dtype=torch.float64)
        flat = to_float64(x).flatten(1)
        found = self.law.completed(flat, known.flatten(1).to(flat.device), z.to(flat.device))
        return torch.where(known, x.to(self.dtype), found.to(self.L).unflatten(1, self.space.shape))


def solve(model: GaussianModel, source: Source, rng: Rng) -> None:
    """Fits the model by maximum likelihood: equation (2), or EM where entries are missing.

    Args:
        model: the Gaussian to fit.
        source: the training split.
        rng: random numbers of the preprocessing.

    Raises:
        ValueError: if a column has no observed entry at all.
    """
    if has_gaps(source, rng):
        x, known = (torch.cat(parts) for parts in zip(*known_rows(model, source, rng)()))
        empty = ~known.any(0)
        if bool(empty.any()):
            j = int(empty.nonzero()[0])
            raise ValueError(f"entry {j + 1} of x has no observed value in the training rows: leave it out.")
        m, S = moments_observed(x, known, model.iterations, TOLERANCE)
    else:
        m, S, _ = covariance(model, source, rng)
    model.location.copy_(m)
    model.L.copy_(cholesky(S, m))


def cholesky(S: Tensor, m: Tensor) -> Tensor:
    """Returns L with L L' = S, whose correlations are raised by equation (3) where they are singular.

    Args:
        S: covariance in float64, shape (d, d).
        m: mean, by which columns that never change are known, shape (d,).

    Example:
        >>> S = torch.tensor([[4.0, 2.0], [2.0, 2.0]], dtype=torch.float64)
        >>> cholesky(S, torch.zeros(2)).round(decimals=6).tolist()
        [[2.0, 0.0], [1.0, 1.0]]
    """
    deviation = S.diagonal().clamp_min(0).sqrt()
    fixed = deviation <= CONSTANT * m.abs()
    largest = deviation.masked_fill(fixed, 0).max()
    small = math.sqrt(FLOOR) * torch.where(largest > 0, largest, torch.ones_like(largest))
    scale = torch.where(fixed, small, deviation)
    R = (S / torch.outer(scale, scale)).masked_fill(fixed | fixed.unsqueeze(1), 0).fill_diagonal_(1.0)
    r, U = torch.linalg.eigh(R)
    if float(r[0]) < FLOOR * float(r[-1]):
        # (3)
        R = (U * r.clamp_min(FLOOR * float(r[-1]))) @ U.T
    return scale.unsqueeze(1) * torch.linalg.cholesky(R)
