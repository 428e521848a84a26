"""Change of variables: densities of x = g(z) for invertible maps g.

    p_x(g(z)) |det dg/dz| = p_z(z),    p_x(x) = p_z(g^-1(x)) / |det dg/dz| at z = g^-1(x)              (1)

The determinant divides: where g stretches, the same mass covers more room.

    affine     x = m + L z, L triangular:               log |det| = sum_i log |L_ii|                   (2)
    planar     x = z + u tanh(a), a = w'z + b:          log |det| = log(tanh^2 a + (1 - tanh^2 a) e),
               e = 1 + w'u > 0                                                                         (3)
    coupling   x_k = z_k where kept,
               x_j = z_j exp(s_j(z_k)) + t_j(z_k):      log |det| = sum_j s_j(z_k)                     (4)

Reference: Goodfellow, Bengio and Courville 2016, (20.72) and (20.73), are (1); Rezende and Mohamed 2015,
section 4.1 and appendix A.1, are (3); Dinh, Sohl-Dickstein and Bengio 2017 is (4). Row C9.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from simulacra.core.distributions.elementary import Distribution
from simulacra.core.random.keyed import Rng

HALVINGS = 60  # of the interval in which the inverse of (3) lies


class Bijection(ABC):
    """Base class: an invertible map g of vectors. Subclasses are dataclasses of tensors."""

    @abstractmethod
    def forward(self, z: Tensor) -> Tensor:
        """Returns x = g(z), shape (B, d).

        Args:
            z: vectors, shape (B, d).
        """

    @abstractmethod
    def inverse(self, x: Tensor) -> Tensor:
        """Returns z = g^-1(x), shape (B, d).

        Args:
            x: vectors, shape (B, d).
        """

    @abstractmethod
    def log_det(self, z: Tensor) -> Tensor:
        """Returns log |det dg/dz| at z, shape (B,).

        Args:
            z: vectors, shape (B, d).
        """

    def undone(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns z = g^-1(x) and log |det dg/dz| there, in one pass where both share their work.

        Args:
            x: vectors, shape (B, d).
        """
        z = self.inverse(x)
        return z, self.log_det(z)


@dataclass
class Affine(Bijection):
    """x = m + L z with a lower triangular L, equation (2).

    Args:
        loc: m, shape (d,), or (B, d).
        L: lower triangular matrix without a 0 on its diagonal, shape (d, d), or (B, d, d).

    Example:
        >>> g = Affine(torch.ones(2), torch.tensor([[2.0, 0.0], [1.0, 3.0]]))
        >>> x = g.forward(torch.ones(1, 2))
        >>> x.tolist(), g.inverse(x).tolist(), round(g.log_det(x).item(), 4)  # log 6
        ([[3.0, 5.0]], [[1.0, 1.0]], 1.7918)
    """

    loc: Tensor
    L: Tensor

    def forward(self, z: Tensor) -> Tensor:
        """Returns m + L z, shape (B, d)."""
        if self.L.dim() == 2:
            return self.loc + z @ self.L.T
        return self.loc + (self.L @ z.unsqueeze(-1)).squeeze(-1)

    def inverse(self, x: Tensor) -> Tensor:
        """Returns L^-1 (x - m), shape (B, d)."""
        r = x - self.loc
        if self.L.dim() == 2:
            return torch.linalg.solve_triangular(self.L, r.mT, upper=False).mT
        return torch.linalg.solve_triangular(self.L, r.unsqueeze(-1), upper=False).squeeze(-1)

    def log_det(self, z: Tensor) -> Tensor:
        """Returns sum_i log |L_ii|, shape (B,)."""
        # (2)
        total: Tensor = self.L.diagonal(dim1=-2, dim2=-1).abs().log().sum(-1)
        return total.expand(len(z))


@dataclass
class Planar(Bijection):
    """x = z + u tanh(w'z + b), equation (3): presses space together, or pulls it apart, along one plane.

    The direction is u = free + (e - 1 - w'free) w / |w|^2 with e = softplus(w'free): then 1 + w'u = e > 0.

    Args:
        free: any vector, shape (d,).
        w: normal of the plane, not 0, shape (d,).
        b: offset of the plane, shape ().

    Example:
        >>> g = Planar(torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0]), torch.tensor(0.1))
        >>> z = torch.tensor([[0.3, -0.7]])
        >>> torch.allclose(g.inverse(g.forward(z)), z, atol=1e-5)
        True
    """

    free: Tensor
    w: Tensor
    b: Tensor

    @property
    def e(self) -> Tensor:
        """Stretch in the plane, 1 + w'u, without the rounding of this sum, shape ()."""
        return F.softplus(self.w @ self.free)

    @property
    def u(self) -> Tensor:
        """Direction u, shape (d,)."""
        return self.free + (self.e - 1 - self.w @ self.free) * self.w / self.w.square().sum()

    def forward(self, z: Tensor) -> Tensor:
        """Returns z + u tanh(w'z + b), shape (B, d)."""
        return z + torch.tanh(z @ self.w + self.b).unsqueeze(-1) * self.u

    def inverse(self, x: Tensor) -> Tensor:
        """Returns z = x - u tanh(a + b), shape (B, d), with the root a = w'z of a + w'u tanh(a + b) = w'x."""
        a = self._along(x)
        return x - torch.tanh(a + self.b).unsqueeze(-1) * self.u

    def _along(self, x: Tensor) -> Tensor:
        """Returns the root by bisection, with its gradients by one step of Newton from it, shape (B,)."""
        goal, c = x @ self.w, self.e - 1
        with torch.no_grad():
            low, high = goal - c.abs(), goal + c.abs()
            for _ in range(HALVINGS):
                middle = (low + high) / 2
                above = middle + c * torch.tanh(middle + self.b) > goal
                low, high = torch.where(above, low, middle), torch.where(above, middle, high)
            a = (low + high) / 2
            slope = self._slope(a + self.b)
        return a - (a + c * torch.tanh(a + self.b) - goal) / slope

    def log_det(self, z: Tensor) -> Tensor:
        """Returns log(tanh^2 a + (1 - tanh^2 a) e), shape (B,)."""
        return self._slope(z @ self.w + self.b).log()

    def _slope(self, a: Tensor) -> Tensor:
        """Returns 1 + (1 - tanh^2 a) w'u, written so that it is never negative."""
        square = torch.tanh(a).square()
        # (3)
        return square + (1 - square) * self.e


@dataclass
class Coupling(Bijection):
    """Equation (4): some entries stay, and a network of them scales and shifts the others.

    Args:
        kept: True for the entries that stay, shape (d,), or (C, H, W) for images.
        network: function of vectors (B, d), with 0 at the entries that change, to s and t, each (B, d).

    Example:
        >>> g = Coupling(torch.tensor([True, False]), lambda z: (z.flip(1), 2 * z.flip(1)))
        >>> x = g.forward(torch.tensor([[1.0, 1.0]]))
        >>> [round(v, 4) for v in x[0].tolist()], g.log_det(x).item()  # e + 2
        ([1.0, 4.7183], 1.0)
    """

    kept: Tensor
    network: Callable[[Tensor], tuple[Tensor, Tensor]]

    def _scale_and_shift(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Returns s and t, which are 0 at the entries that stay."""
        zero = torch.zeros_like(z)
        s, t = self.network(torch.where(self.kept, z, zero))
        return torch.where(self.kept, zero, s), torch.where(self.kept, zero, t)

    def forward(self, z: Tensor) -> Tensor:
        """Returns z exp(s) + t, shape (B, d)."""
        s, t = self._scale_and_shift(z)
        return z * s.exp() + t

    def inverse(self, x: Tensor) -> Tensor:
        """Returns (x - t) exp(-s), shape (B, d); s and t depend on kept entries only."""
        s, t = self._scale_and_shift(x)
        return (x - t) * torch.exp(-s)

    def log_det(self, z: Tensor) -> Tensor:
        """Returns sum_j s_j, shape (B,)."""
        # (4)
        return self._scale_and_shift(z)[0].flatten(1).sum(1)

    def undone(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns z and sum_j s_j with one run of the network."""
        s, t = self._scale_and_shift(x)
        return (x - t) * torch.exp(-s), s.flatten(1).sum(1)


@dataclass
class Standard(Bijection):
    """x = m + s z, one m and one s for each entry: (2) with a diagonal L.

    Args:
        loc: m, shape (*).
        scale: s, above 0, shape (*).

    Example:
        >>> Standard(torch.zeros(2), torch.tensor([2.0, 3.0])).undone(torch.tensor([[2.0, 3.0]]))[0].tolist()
        [[1.0, 1.0]]
    """

    loc: Tensor
    scale: Tensor

    def forward(self, z: Tensor) -> Tensor:
        """Returns m + s z, shape (B, *)."""
        return self.loc + self.scale * z

    def inverse(self, x: Tensor) -> Tensor:
        """Returns (x - m) / s, shape (B, *)."""
        return (x - self.loc) / self.scale

    def log_det(self, z: Tensor) -> Tensor:
        """Returns sum_i log s_i, shape (B,)."""
        # (2)
        return self.scale.log().sum().expand(len(z))


@dataclass
class Chain(Bijection):
    """The maps of `parts` one after the other; their log-determinants add up.

    Args:
        parts: maps, the first of which z goes through first.

    Example:
        >>> double = Affine(torch.zeros(1), torch.full((1, 1), 2.0))
        >>> Chain((double, double)).forward(torch.ones(1, 1)).item()
        4.0
    """

    parts: tuple[Bijection, ...]

    def forward(self, z: Tensor) -> Tensor:
        """Returns x = g_n(... g_1(z)), shape (B, d)."""
        for part in self.parts:
            z = part.forward(z)
        return z

    def inverse(self, x: Tensor) -> Tensor:
        """Returns z = g_1^-1(... g_n^-1(x)), shape (B, d)."""
        for part in reversed(self.parts):
            x = part.inverse(x)
        return x

    def log_det(self, z: Tensor) -> Tensor:
        """Returns the sum of the parts' log-determinants, each where z then is, shape (B,)."""
        total = z.new_zeros(len(z))
        for part in self.parts:
            total = total + part.log_det(z)
            z = part.forward(z)
        return total

    def undone(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns z and the sum of the parts' log-determinants, from the last part to the first."""
        total = x.new_zeros(len(x))
        for part in reversed(self.parts):
            x, log_det = part.undone(x)
            total = total + log_det
        return x, total


@dataclass
class Transformed(Distribution):
    """The distribution of x = g(z) for z of a base distribution, equation (1).

    A whole observation counts as one entry, so `entries` has shape (B,).

    Args:
        base: distribution of vectors z, with a single event dimension.
        bijection: the map g.

    Example:
        >>> from simulacra.core.distributions.elementary import Gaussian
        >>> zero = torch.zeros(1, 1)
        >>> half = Affine(torch.zeros(1), torch.full((1, 1), 0.5))
        >>> round(Transformed(Gaussian(zero, zero, 1), half).log_prob(zero).exp().item(), 4)  # 2 N(0)
        0.7979
    """

    base: Distribution
    bijection: Bijection
    event_dims = 0
    discrete = False

    def entries(self, x: Tensor) -> Tensor:
        """Returns log p_z(g^-1(x)) - log |det dg/dz|, shape (B,)."""
        z, log_det = self.bijection.undone(x)
        # (1)
        return self.base.log_prob(z) - log_det

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Returns g(z) for a draw z; gradients flow to the map."""
        return self.bijection.forward(self.base.sample(rng, name))

    @property
    def mean(self) -> Tensor:
        """No mean in closed form.

        Raises:
            ValueError: always.
        """
        raise ValueError("the mean of x = g(z) has no closed form: take the mean of draws, `sample(rng)`.")
