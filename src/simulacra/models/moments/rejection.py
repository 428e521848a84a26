"""Approximate Bayesian computation: a posterior of parameters from a simulator that has no likelihood.

    theta_i ~ prior,   x_i = simulate(theta_i),   s_i = summary(x_i),   d_i = |s_i - s_o|                (1)
    keep i if d_i <= e,   with e so that a given share is kept                                           (2)
    w_i = 1 - (d_i / e)^2,   theta_i* = theta_i - b'(s_i - s_o),   b by weighted least squares           (3)

The kept theta have the posterior given |s - s_o| <= e, which is too wide. The adjustment (3) moves each of
them to where it would be at the observed summary s_o; it is exact where theta is linear in s with noise of
one distribution. Summaries are compared in units of their deviation over all simulations.

Samples of any kind can also be corrected afterwards, so that they have the moments that are wanted:

    x* = m + L A^-1 (x - mean of x),   L L' = S,   A A' = covariance of x                                (4)

which is no training: only the first two moments are right.

Reference: Rubin 1984; Tavare et al. 1997 (rejection); Beaumont, Zhang and Balding 2002, equations 2 to 5. Row
H22.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.numerics.precision import to_float64
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng

CHUNK = 4096  # simulations at a time


@dataclass(frozen=True)
class Posterior:
    """Weighted draws of the parameters.

    Args:
        theta: parameters, shape (n, p).
        weights: of each, positive, with the sum 1, shape (n,).
        epsilon: largest distance of a kept summary, in deviations of the summaries.
    """

    theta: Tensor
    weights: Tensor
    epsilon: float

    @property
    def mean(self) -> Tensor:
        """Posterior mean, shape (p,)."""
        return self.weights @ self.theta

    @property
    def deviation(self) -> Tensor:
        """Posterior standard deviation of each parameter, shape (p,)."""
        return (self.weights @ (self.theta - self.mean).square()).sqrt()

    def draw(self, rng: Rng, name: str = "theta") -> Tensor:
        """Draws parameters from the kept ones by their weights, shape (B, p).

        Args:
            rng: source of random numbers, with one row for each draw.
            name: name of the draw.
        """
        return drawn(self.theta, self.weights, rng, name)


def drawn(theta: Tensor, weights: Tensor, rng: Rng, name: str) -> Tensor:
    """Draws parameters by their weights, shape (B, p).

    Args:
        theta: parameters, shape (n, p).
        weights: of each, with the sum 1, shape (n,).
        rng: source of random numbers, with one row for each draw.
        name: name of the draw.
    """
    u = rng.uniform(name, dtype=weights.dtype)
    # a search in the sums would be faster, but has no ONNX form
    found = (weights.cumsum(0) <= u.unsqueeze(1)).sum(1)
    return theta[found.clamp_max(len(theta) - 1)]


def approximate_posterior(
    observed: Tensor,
    prior: Callable[[Rng], Tensor],
    simulate: Callable[[Tensor, Rng], Tensor],
    n: int = 100_000,
    share: float = 0.01,
    adjust: bool = True,
    seed: int = 0,
) -> Posterior:
    """Returns draws of p(theta | s_o) by equations (1) to (3).

    Args:
        observed: the observed summary s_o, shape (k,).
        prior: draws theta, shape (B, p), from an `Rng` of B rows.
        simulate: returns the summaries, shape (B, k), of a simulation at each theta, shape (B, p), with
            random numbers from an `Rng` of B rows.
        n: number of simulations.
        share: share of them that is kept.
        adjust: if True, move and weight the kept theta by (3); otherwise they are those of (2).
        seed: seed of all random numbers.

    Raises:
        ValueError: if the share keeps fewer theta than the regression has coefficients, or the functions
            return other shapes or numbers that are not finite.

    Example:
        >>> tosses = lambda theta, rng: (rng.uniform("u", 20) < theta).double().mean(1, keepdim=True)
        >>> prior = lambda rng: rng.uniform("p", 1)
        >>> found = approximate_posterior(torch.tensor([0.7]), prior, tosses, n=20_000)
        >>> abs(found.mean.item() - 15 / 22) < 0.02  # Beta(15, 7)
        True
    """
    observed = to_float64(observed.flatten())
    kept = _wanted(n, share, len(observed) if adjust else 0)
    theta, s = simulated(prior, simulate, n, len(observed), Rng(seed, "abc"))
    return posterior_of(observed, theta, s, kept, adjust)


def posterior_of(observed: Tensor, theta: Tensor, s: Tensor, kept: int, adjust: bool) -> Posterior:
    """Returns draws of p(theta | s_o) from simulations, by equations (2) and (3).

    Args:
        observed: the observed summary s_o, shape (k,).
        theta: parameters, shape (n, p).
        s: their summaries, shape (n, k).
        kept: number of theta that are kept.
        adjust: if True, move and weight them by (3).

    Raises:
        ValueError: if a summary is the same in all simulations, and another one was observed.
    """
    # (1), in deviations of the summaries
    scale = s.std(0)
    fixed = (scale == 0) & (s[0] != observed)
    if bool(fixed.any()):
        j = int(fixed.nonzero()[0])
        raise ValueError(
            f"summary {j} is {s[0, j]:g} in all simulations and {observed[j]:g} in the data: the simulator "
            "cannot give these data; leave out this summary, or change the prior."
        )
    away = (s - observed) / torch.where(scale > 0, scale, 1)
    distance = away.norm(dim=1)
    # (2)
    nearest = distance.topk(kept, largest=False, sorted=True).indices
    theta, away, distance = theta[nearest], away[nearest], distance[nearest]
    epsilon = float(distance[-1])
    if not adjust:
        return Posterior(theta, torch.full_like(distance, 1 / kept), epsilon)
    weights = epanechnikov(distance)
    return Posterior(theta - _slope(theta, away, weights), weights / weights.sum(), epsilon)


def epanechnikov(distance: Tensor) -> Tensor:
    """Returns the weights of (3), shape (n,); equal ones where all distances are equal.

    Args:
        distance: distances of the kept summaries, shape (n,).

    Example:
        >>> epanechnikov(torch.tensor([0.0, 1.0, 2.0])).tolist()
        [1.0, 0.75, 0.0]
    """
    farthest = distance.max()
    if bool((distance == farthest).all()):
        return torch.ones_like(distance)
    # (3)
    return 1 - (distance / farthest).square()


def moment_map(x: Tensor, covariance: Tensor) -> Tensor:
    """Returns the matrix L A^-1 of equation (4), shape (d, d).

    Args:
        x: samples, shape (n, d), with n above d.
        covariance: S, with the divisor n, positive definite, shape (d, d).

    Raises:
        ValueError: if the samples or S lie in fewer than d dimensions.
    """
    away = x - x.mean(0)
    own, failed = torch.linalg.cholesky_ex(away.T @ away / len(x))
    wanted, unfit = torch.linalg.cholesky_ex(covariance)
    if int(failed) or int(unfit):
        which = f"{len(x)} samples" if int(failed) else "covariance"
        raise ValueError(
            f"the {which} lie in fewer than {x.shape[1]} dimensions, so that no map changes their moments: "
            "leave out columns that follow from others."
        )
    return torch.linalg.solve_triangular(own, wanted, upper=False, left=False)


def with_moments(x: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """Returns samples that are moved and sheared so that they have a given mean and covariance, equation (4).

    Args:
        x: samples, shape (n, d), with n above d.
        mean: m, shape (d,).
        covariance: S, with the divisor n, positive definite, shape (d, d).

    Raises:
        ValueError: if the samples or S lie in fewer than d dimensions.

    Example:
        >>> x = torch.tensor([[0.0], [2.0]], dtype=torch.float64)
        >>> with_moments(x, torch.tensor([5.0]).double(), torch.tensor([[9.0]]).double()).tolist()
        [[2.0], [8.0]]
    """
    # (4)
    return mean + (x - x.mean(0)) @ moment_map(x, covariance).T


def simulated(
    prior: Callable[[Rng], Tensor],
    simulate: Callable[[Tensor, Rng], Tensor],
    n: int,
    k: int,
    rng: Rng,
    chunk: int = CHUNK,
) -> tuple[Tensor, Tensor]:
    """Returns parameters, shape (n, p), and their summaries, shape (n, k), in float64.

    Args:
        prior: as for `approximate_posterior`.
        simulate: as for `approximate_posterior`.
        n: number of simulations.
        k: size of a summary.
        rng: source of random numbers.
        chunk: simulations at a time; it changes no number.
    """
    parts = []
    for i in each(range(0, n, chunk), "simulations", "chunk"):
        here = rng.on(range(i, min(i + chunk, n)))
        theta = prior(here.at("prior"))
        s = simulate(theta, here.at("simulator"))
        check_returned("prior", theta, (len(here.rows), theta.shape[-1]))
        check_returned("simulate", s, (len(here.rows), k))
        parts.append((to_float64(theta), to_float64(s)))
    theta, s = (torch.cat(part) for part in zip(*parts))
    return theta, s


def check_returned(name: str, found: Tensor, shape: tuple[int, ...]) -> None:
    """Raises ValueError unless a user's function returned finite numbers of a shape.

    Args:
        name: name of the function.
        found: what it returned.
        shape: shape that it must have.
    """
    if found.shape == shape and bool(found.isfinite().all()):
        return
    told = "numbers that are not finite" if found.shape == shape else f"shape {tuple(found.shape)}"
    raise ValueError(f"{name} returned {told}, but it must return finite numbers of shape {shape}.")


def _wanted(n: int, share: float, slopes: int) -> int:
    """Returns the number of theta that are kept; raises ValueError if they are too few."""
    if not 0 < share <= 1:
        raise ValueError(
            f"share is {share}, but it is the part of the simulations that is kept, such as 0.01."
        )
    kept = max(1, round(n * share))
    if kept < slopes + 3:
        raise ValueError(
            f"{share} of {n} simulations are {kept}, but the regression on {slopes} summaries takes "
            f"{slopes + 3} or more: n={round((slopes + 3) / share) + 1}."
        )
    return kept


def _slope(theta: Tensor, away: Tensor, weights: Tensor) -> Tensor:
    """Returns b'(s - s_o) of equation (3), shape (n, p)."""
    root = weights.sqrt().unsqueeze(1)
    design = torch.cat([torch.ones_like(root), away], 1)
    solution = torch.linalg.lstsq(root * design, root * theta, driver="gelsd").solution
    return away @ solution[1:]
