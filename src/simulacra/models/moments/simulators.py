"""Simulators of rows: a prior of their parameters, a draw of a row, and a summary of many rows.

    normal      theta ~ N(0, 1),   x = theta + z                                                         (1)
    bernoulli   1 / (1 + exp(-theta)) uniform on (0, 1),   x = 1 with this probability                   (2)
    g-and-k     x = a + b (1 + 0.8 tanh(g z / 2)) (1 + z^2)^k z,   z ~ N(0, 1)                           (3)
                theta = (a, log b, g, 2 log(2 k + 1)) ~ N(0, I)

All entries of x are independent, each with parameters of its own. (1) and (2) have conjugate posteriors,
against which an approximation can be held. (3) has no density in closed form, but quantiles: its summary
is their location, scale, skewness and kurtosis. Parameters are unbounded, as a regression on summaries
needs them.

Reference: Rayner and MacGillivray 2002; Drovandi and Pettitt 2011, section 4 (the summaries of g-and-k).
Row H22.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from simulacra.core.errors.other_data import as_real
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real, Space

NODES = 64  # of the quadrature of means
SMALLEST = 1e-12  # of a variance, whose logarithm is a summary


class Simulator(Protocol):
    """A simulator of rows of shape (*); its methods are pure."""

    @property
    def decodes(self) -> bool:
        """True if it has a mean."""
        ...

    @property
    def sizes(self) -> tuple[int, int] | None:
        """Numbers p of parameters and k of summaries; None: its functions tell."""
        ...

    def prior(self, rng: Rng) -> Tensor:
        """Draws theta, shape (B, p)."""
        ...

    def simulate(self, theta: Tensor, rng: Rng) -> Tensor:
        """Draws a row x for each theta, shape (B, *)."""
        ...

    def summary(self, x: Tensor) -> Tensor:
        """Returns the summaries of data sets of N rows, shape (B, k), for x of shape (B, N, *)."""
        ...

    def mean(self, theta: Tensor) -> Tensor:
        """Returns the expectation of x given theta, shape (B, *)."""
        ...


@dataclass(frozen=True)
class Normal:
    """Equation (1).

    Args:
        shape: shape of x.
    """

    shape: tuple[int, ...]
    decodes = True

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of parameters and of summaries: one of each for an entry."""
        d = math.prod(self.shape)
        return d, d

    def prior(self, rng: Rng) -> Tensor:
        """Draws theta, shape (B, d)."""
        return rng.normal("theta", math.prod(self.shape))

    def simulate(self, theta: Tensor, rng: Rng) -> Tensor:
        """Draws x, shape (B, *)."""
        return self.mean(theta) + rng.normal("x", *self.shape, dtype=theta.dtype)

    def summary(self, x: Tensor) -> Tensor:
        """Returns the means of the entries, which are sufficient, shape (B, d)."""
        return entries(x).mean(1)

    def mean(self, theta: Tensor) -> Tensor:
        """Returns theta, shape (B, *)."""
        return shaped(theta, self.shape)


@dataclass(frozen=True)
class Bernoulli:
    """Equation (2).

    Args:
        shape: shape of x.
    """

    shape: tuple[int, ...]
    decodes = True

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of parameters and of summaries: one of each for an entry."""
        d = math.prod(self.shape)
        return d, d

    def prior(self, rng: Rng) -> Tensor:
        """Draws theta, the logarithm of the odds, shape (B, d)."""
        u = rng.uniform("theta", math.prod(self.shape), dtype=torch.float64)
        return u.logit(eps=1e-9).to(torch.get_default_dtype())

    def simulate(self, theta: Tensor, rng: Rng) -> Tensor:
        """Draws x, shape (B, *)."""
        return rng.bernoulli("x", self.mean(theta))

    def summary(self, x: Tensor) -> Tensor:
        """Returns the shares of ones, which are sufficient, shape (B, d)."""
        return entries(x).mean(1)

    def mean(self, theta: Tensor) -> Tensor:
        """Returns the probabilities of ones, shape (B, *)."""
        return shaped(theta.sigmoid(), self.shape)


@dataclass(frozen=True)
class GAndK:
    """Equation (3).

    Args:
        shape: shape of x.
    """

    shape: tuple[int, ...]
    decodes = True

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of parameters and of summaries: four of each for an entry."""
        d = math.prod(self.shape)
        return 4 * d, 4 * d

    def prior(self, rng: Rng) -> Tensor:
        """Draws theta, shape (B, 4 d): all a, all log b, all g, then all 2 log(2 k + 1)."""
        return rng.normal("theta", 4 * math.prod(self.shape))

    def simulate(self, theta: Tensor, rng: Rng) -> Tensor:
        """Draws x, shape (B, *)."""
        z = rng.normal("z", math.prod(self.shape), dtype=theta.dtype)
        return shaped(self.quantiles(theta, z), self.shape)

    def quantiles(self, theta: Tensor, z: Tensor) -> Tensor:
        """Returns x whose probability of a smaller one is that of a standard normal number below z.

        Args:
            theta: parameters, shape (B, 4 d).
            z: quantiles of the standard normal distribution, shape (B, d) or (d,).
        """
        a, log_b, g, twice = theta.unflatten(1, (4, -1)).unbind(1)
        k = 0.5 * (twice / 2).expm1()
        # (3)
        return a + log_b.exp() * (1 + 0.8 * (g * z / 2).tanh()) * (1 + z.square()).pow(k) * z

    def summary(self, x: Tensor) -> Tensor:
        """Returns location, log scale, skewness and kurtosis from the octiles, shape (B, 4 d)."""
        x = entries(x)
        E = x.quantile(torch.arange(1, 8, dtype=x.dtype) / 8, dim=1)
        scale = (E[5] - E[1]).clamp_min(SMALLEST)
        skewness = (E[5] + E[1] - 2 * E[3]) / scale
        kurtosis = (E[6] - E[4] + E[2] - E[0]) / scale
        return torch.cat([E[3], scale.log(), skewness, kurtosis], 1)

    def mean(self, theta: Tensor) -> Tensor:
        """Returns the expectation of (3) by Gauss-Hermite quadrature, shape (B, *)."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
        total = torch.zeros_like(theta[:, : math.prod(self.shape)])
        for z, w in zip(nodes, weights / weights.sum()):
            total = total + float(w) * self.quantiles(theta, torch.full_like(total, float(z)))
        return shaped(total, self.shape)


@dataclass(frozen=True)
class Own:
    """A simulator of a user's functions, with the arguments of `ABC`."""

    prior: Callable[[Rng], Tensor]
    simulate: Callable[[Tensor, Rng], Tensor]
    summary: Callable[[Tensor], Tensor]
    mean: Callable[[Tensor], Tensor]
    decodes: bool
    sizes = None


def shaped(flat: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Returns rows of d numbers, shape (B, d), in the shape (B, *shape)."""
    return flat.unflatten(1, shape) if shape else flat.squeeze(1)


def entries(x: Tensor) -> Tensor:
    """Returns data sets as floating-point numbers, shape (B, N, d), for x of shape (B, N, *)."""
    flat = x.reshape(*x.shape[:2], -1)
    return flat if flat.is_floating_point() else flat.to(torch.get_default_dtype())


def moments(x: Tensor) -> Tensor:
    """Returns mean and log standard deviation of each entry, or the entries themselves of a single row.

    Args:
        x: data sets of N rows, shape (B, N, *).

    Returns:
        shape (B, 2 d), or (B, d) if N is 1.

    Example:
        >>> moments(torch.tensor([[[1.0], [3.0]]])).tolist()
        [[2.0, 0.0]]
    """
    x = entries(x)
    if x.shape[1] == 1:
        return x[:, 0]
    variance = x.var(1, correction=0).clamp_min(SMALLEST)
    return torch.cat([x.mean(1), variance.log() / 2], 1)


BUILT_IN: dict[str, tuple[type[Space], Callable[[tuple[int, ...]], Simulator]]] = {
    "normal": (Real, Normal),
    "bernoulli": (Binary, Bernoulli),
    "g-and-k": (Real, GAndK),
}


def built_in(name: str, space: Space) -> Simulator:
    """Returns a simulator of the library.

    Args:
        name: its name; "auto" takes the first one that draws rows of the space.
        space: space of a row.

    Raises:
        ValueError: if it draws no rows of the space.

    Example:
        >>> built_in("auto", Binary((3,)))
        Bernoulli(shape=(3,))
    """
    fitting = [known for known, (kind, _) in BUILT_IN.items() if isinstance(space, kind)]
    if not fitting:
        mend = as_real(space)
        raise Refusal(
            f"no simulator of the library draws {space}: {mend}, or give prior= and simulate= in Python.",
            mend,
        )
    chosen = fitting[0] if name == "auto" else name
    kind, make = BUILT_IN[chosen]
    if chosen not in fitting:
        other = build_with(simulator=fitting[0])
        raise Refusal(f"simulator {name!r} draws {kind.__name__}, but the space is {space}: {other}.", other)
    return make(tuple(space.shape))
