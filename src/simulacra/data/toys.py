"""Toy distributions with known density, score or modes, against which a model can be tested exactly.

ring, grid        p(x) = 1/K sum_k N(x; m_k, s^2 I),  m_k on a circle or a square grid
linear-gaussian   x = W z + mu + sigma e,  so  x ~ N(mu, W W' + sigma^2 I)
swiss-roll        x = r(t) + s e,  t uniform;  p(x) = E_t N(x; r(t), s^2 I)
bars-and-stripes  rows or columns (1/2 each), every one of them on with probability 1/2
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Real, Space
from simulacra.data.captions.shapes import CAPTIONED, captioned_shapes
from simulacra.data.drawn import moving_digits, solids
from simulacra.data.sources.source import Part, Source
from simulacra.data.splits.options import SplitOptions

ROWS = 10_000
PANELS = 250  # panels of the quadrature along the swiss roll; each is about one standard deviation long


class Toy(ABC):
    """A distribution with a known density, of which data sets are drawn.

    Attributes:
        name: the name for `load_data`.
        space: the space of one observation.
    """

    name: str
    space: Space

    @abstractmethod
    def sample(self, n: int, seed: int = 0) -> Tensor:
        """Draws n observations, shape (n, *).

        Args:
            n: number of draws; draw i is the same whatever n is.
            seed: seed of the draws.
        """

    @abstractmethod
    def log_density(self, x: Tensor) -> Tensor:
        """Returns log p(x) in nats, float64, shape (B,), for x of shape (B, *)."""

    def score(self, x: Tensor) -> Tensor:
        """Returns the gradient of log p at x, float64, of the shape of x.

        Raises:
            ValueError: if x is discrete.
        """
        if self.space.discrete:
            raise ValueError(f"{self.name} is discrete: its log-probability has no gradient.")
        x = x.detach().double().requires_grad_()
        return torch.autograd.grad(self.log_density(x).sum(), x)[0]

    def _rng(self, n: int, seed: int) -> Rng:
        return Rng(seed, "toy", self.name, rows=range(n))


def _normal_mixture(x: Tensor, means: Tensor, weights: Tensor, std: float) -> Tensor:
    """Returns log sum_k w_k N(x; m_k, s^2 I), shape (B,), for x (B, D), means (K, D) and weights (K,)."""
    x = x.double()
    columns = [(x[:, d : d + 1] - means[:, d]).square() for d in range(x.shape[1])]
    distance = sum(columns[1:], columns[0])
    log_z = x.shape[1] / 2 * math.log(2 * math.pi * std**2)
    return (weights.log() - distance / (2 * std**2)).logsumexp(1) - log_z


class Modes(Toy):
    """A mixture of equal isotropic Gaussians in the plane, whose modes can be counted.

    Args:
        modes: their means, shape (K, 2).
        std: standard deviation of each Gaussian.
    """

    def __init__(self, modes: Tensor, std: float):
        self.space = Real((2,))
        self.modes, self.std = modes.double(), std

    def sample(self, n: int, seed: int = 0) -> Tensor:
        """Draws n points, shape (n, 2).

        Args:
            n: number of points.
            seed: seed of the draws.
        """
        rng = self._rng(n, seed)
        u = rng.uniform("component", 1, dtype=torch.float32)[:, 0]
        noise = rng.normal("noise", 2, dtype=torch.float32)
        return self.modes.float()[(u * len(self.modes)).long()] + self.std * noise

    def log_density(self, x: Tensor) -> Tensor:
        """Returns log p(x) in closed form, in nats, shape (B,)."""
        k = len(self.modes)
        return _normal_mixture(x, self.modes, torch.full((k,), 1 / k, dtype=torch.float64), self.std)

    def coverage(self, x: Tensor, within: float = 3.0) -> dict[str, Any]:
        """Counts the modes that samples reach.

        Args:
            x: samples, shape (B, 2).
            within: distance to a mode's mean, in standard deviations, within which a sample belongs to it.

        Returns:
            `modes`, the number of modes with at least one sample, and `good`, the share of samples that
            belong to a mode.
        """
        distance, nearest = torch.cdist(x.double(), self.modes).min(1)
        good = distance < within * self.std
        return {"modes": int(nearest[good].unique().numel()), "good": float(good.double().mean())}


class Ring(Modes):
    """A mixture of equal Gaussians on a ring.

    Args:
        components: number of modes.
        radius: radius of the ring.
        std: standard deviation of each Gaussian.

    Example:
        >>> ring = Ring()
        >>> ring.coverage(ring.sample(1000))["modes"]
        8
    """

    name = "ring"

    def __init__(self, components: int = 8, radius: float = 2.0, std: float = 0.1):
        angle = torch.arange(components, dtype=torch.float64) * (2 * math.pi / components)
        super().__init__(radius * torch.stack([angle.cos(), angle.sin()], 1), std)


class Grid(Modes):
    """A mixture of equal Gaussians on a square grid.

    Args:
        side: number of modes along a side.
        spacing: distance of neighbouring modes.
        std: standard deviation of each Gaussian.

    Example:
        >>> grid = Grid()
        >>> grid.coverage(grid.sample(1000))["modes"]
        25
    """

    name = "grid"

    def __init__(self, side: int = 5, spacing: float = 1.0, std: float = 0.05):
        line = spacing * (torch.arange(side, dtype=torch.float64) - (side - 1) / 2)
        super().__init__(torch.cartesian_prod(line, line), std)


class LinearGaussian(Toy):
    """A linear-Gaussian factor model: the model class of probabilistic PCA, which can reach its likelihood.

    Args:
        dims: number of entries of x.
        latent: number of entries of z.
        sigma: standard deviation of the noise.

    Example:
        >>> toy = LinearGaussian()
        >>> toy.W.shape, toy.log_density(toy.sample(5)).shape
        (torch.Size([8, 2]), torch.Size([5]))
    """

    name = "linear-gaussian"

    def __init__(self, dims: int = 8, latent: int = 2, sigma: float = 0.3):
        self.space = Real((dims,))
        self.sigma = sigma
        rng = Rng(0, "toy", self.name, "truth")
        self.W = rng.normal("W", dims, latent, dtype=torch.float64)[0]
        self.mu = rng.normal("mu", dims, dtype=torch.float64)[0]

    def sample(self, n: int, seed: int = 0) -> Tensor:
        """Draws n rows, shape (n, dims).

        Args:
            n: number of rows.
            seed: seed of the draws.
        """
        rng = self._rng(n, seed)
        z = rng.normal("z", self.W.shape[1], dtype=torch.float32)
        noise = rng.normal("noise", len(self.mu), dtype=torch.float32)
        return z @ self.W.T.float() + self.mu.float() + self.sigma * noise

    @property
    def covariance(self) -> Tensor:
        """The covariance of x, W W' + sigma^2 I, shape (dims, dims)."""
        return self.W @ self.W.T + self.sigma**2 * torch.eye(len(self.mu), dtype=torch.float64)

    def log_density(self, x: Tensor) -> Tensor:
        """Returns log N(x; mu, W W' + sigma^2 I) in nats, shape (B,)."""
        root = torch.linalg.cholesky(self.covariance)
        e = torch.linalg.solve_triangular(root, (x.double() - self.mu).T, upper=False)
        log_z = root.diagonal().log().sum() + len(self.mu) / 2 * math.log(2 * math.pi)
        return -e.square().sum(0) / 2 - log_z


class SwissRoll(Toy):
    """A spiral of one and a half turns with Gaussian noise; its radius goes from 0.67 to 2.

    Args:
        std: standard deviation of the noise.

    Example:
        >>> SwissRoll().sample(3).shape
        torch.Size([3, 2])
    """

    name = "swiss-roll"

    def __init__(self, std: float = 0.05):
        self.space = Real((2,))
        self.std = std

    def curve(self, u: Tensor) -> Tensor:
        """Returns the points of the spiral at u in [0, 1], shape (B, 2)."""
        t = math.pi * (1.5 + 3 * u)
        return torch.stack([t * t.cos(), t * t.sin()], 1) / (2.25 * math.pi)

    def sample(self, n: int, seed: int = 0) -> Tensor:
        """Draws n points, shape (n, 2).

        Args:
            n: number of points.
            seed: seed of the draws.
        """
        rng = self._rng(n, seed)
        u = rng.uniform("u", 1, dtype=torch.float32)[:, 0]
        return self.curve(u) + self.std * rng.normal("noise", 2, dtype=torch.float32)

    def log_density(self, x: Tensor) -> Tensor:
        """Returns log p(x) by Gauss-Legendre quadrature over u, with four nodes on each of many panels."""
        nodes, weights = (torch.from_numpy(v) for v in np.polynomial.legendre.leggauss(4))
        left = torch.arange(PANELS, dtype=torch.float64).unsqueeze(1)
        u = ((left + (nodes + 1) / 2) / PANELS).flatten()
        w = (weights / 2 / PANELS).repeat(PANELS)
        curve = self.curve(u)
        return torch.cat([_normal_mixture(part, curve, w, self.std) for part in x.split(1024)])


class BarsAndStripes(Toy):
    """Pictures of bars or stripes: the columns or the rows of a picture are each on or off.

    Args:
        side: height and width of the picture.

    Example:
        >>> toy = BarsAndStripes()
        >>> x, p = toy.patterns()
        >>> len(x), round(p.sum().item(), 12)
        (30, 1.0)
    """

    name = "bars-and-stripes"

    def __init__(self, side: int = 4):
        self.side = side
        self.space = Binary((1, side, side))

    def sample(self, n: int, seed: int = 0) -> Tensor:
        """Draws n pictures as bytes, shape (n, 1, side, side).

        Args:
            n: number of pictures.
            seed: seed of the draws.
        """
        u = self._rng(n, seed).uniform("u", self.side + 1, dtype=torch.float32)
        rows = (u[:, :-1] < 0.5).view(n, 1, self.side, 1).expand(n, 1, self.side, self.side)
        upright = (u[:, -1] < 0.5).view(n, 1, 1, 1)
        return torch.where(upright, rows.transpose(2, 3), rows).to(torch.uint8)

    def patterns(self) -> tuple[Tensor, Tensor]:
        """Returns all possible pictures, shape (K, 1, side, side), and their probabilities (K,)."""
        side = self.side
        bits = (torch.arange(2**side).unsqueeze(1) >> torch.arange(side)) & 1
        rows = bits.view(-1, 1, side, 1).expand(-1, 1, side, side).to(torch.uint8)
        # the pictures with all or no pixels on are both bars and stripes
        columns = rows[1:-1].transpose(2, 3)
        p = torch.full((len(rows) + len(columns),), 0.5 / 2**side, dtype=torch.float64)
        p[[0, len(rows) - 1]] *= 2
        return torch.cat([rows, columns]), p

    def log_density(self, x: Tensor) -> Tensor:
        """Returns log p(x) in nats, shape (B,); minus infinity for other pictures."""
        patterns, p = self.patterns()
        same = (x.flatten(1).unsqueeze(1) == patterns.flatten(1).to(x.dtype)).all(-1)
        return (same.double() * p).sum(1).log()


ALL: tuple[type[Toy], ...] = (Ring, Grid, LinearGaussian, SwissRoll, BarsAndStripes)
TOYS: dict[str, type[Toy]] = {toy.name: toy for toy in ALL}
# drawn by rules, without a density: sources by name
RULED = {moving_digits.NAME: moving_digits.moving_digits, solids.NAME: solids.solids}


def open_toy(name: str, own: object, split: SplitOptions) -> Source:
    """Makes a source of draws from a toy.

    Args:
        name: a key of `TOYS`, `RULED` or `CAPTIONED`, whose pictures come with their captions elsewhere.
        own: unused: toys have no options of their own.
        split: its seed is the seed of the draws.
    """
    if name in CAPTIONED:
        return captioned_shapes(name, split.seed).source
    if name in RULED:
        return RULED[name](split.seed)
    toy = TOYS[name]()
    return Source(
        name, toy.space, {"train": Part(toy.sample(ROWS, split.seed))}, standardize=False, truth=toy
    )
