"""The Gaussian with full covariance, by its Cholesky factor.

    z ~ N(0, I),   x = m + L z,   so   x ~ N(m, S),   S = L L'                                         (1)
    log p(x) = sum_i log p(x_i | x_<i),   log p(x_i | x_<i) = -z_i^2 / 2 - log(2 pi) / 2 - log L_ii    (2)

with z = L^-1 (x - m). If the known entries o come first, the rows and columns of S in this order have the
factor [[A, 0], [B, C]], and

    x_o = m_o + A z_o,    x_u = m_u + B z_o + C z_u,   z_u ~ N(0, I) whatever x_o is                   (3)

so the density of the known entries is (2) with A, and (3) draws the others given them. The factor of another
order is R' of L_o = R'Q', the QR factorization, which never squares L as S = L L' does.

Reference: Goodfellow, Bengio and Courville 2016, (20.71), is (1); Golub and Van Loan 2013, section 5.2.
Row C7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.densities.bijections import Affine
from simulacra.core.distributions.elementary import LOG_2PI, Distribution
from simulacra.core.random.keyed import Rng


@dataclass
class MultivariateGaussian(Distribution):
    """N(m, L L') of vectors, equation (1).

    Args:
        loc: m, shape (B, d), or (1, d) for all rows.
        L: lower triangular matrix with a positive diagonal, shape (d, d), or (B, d, d).

    Example:
        >>> p = MultivariateGaussian(torch.zeros(1, 2), torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
        >>> x = torch.tensor([[1.0, 5.0]])
        >>> known = torch.tensor([[True, False]])
        >>> round(p.log_prob(x, known).item(), 4), p.completed(x, known, torch.zeros(1, 2)).tolist()
        (-1.4189, [[1.0, 1.0]])
    """

    loc: Tensor
    L: Tensor
    event_dims = 1
    discrete = False

    def entries(self, x: Tensor) -> Tensor:
        """Returns the terms (2) of the chain rule, log p(x_i | x_<i), shape (B, d)."""
        # (2)
        return _of_noise(Affine(self.loc, self.L).inverse(x), self.L)

    def log_prob(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns log p(x) in nats, shape (B,); that of the known entries where some are unknown.

        Args:
            x: vectors, shape (B, d); unknown entries may have any value.
            known: True for known entries, shape (B, d), for an L that all rows share; None: all.
        """
        if known is None:
            return super().log_prob(x)
        found = self._rows_of(x).new_zeros(len(x))
        for rows, first in self._patterns(known):
            found = found.index_copy(0, rows, _of_noise(first.noise(self._rows_of(x)[rows]), first.A).sum(1))
        return found

    def at(self, z: Tensor) -> Tensor:
        """Returns x = m + L z of equation (1).

        Args:
            z: standard normal noise, shape (B, d).
        """
        # (1)
        return Affine(self.loc, self.L).forward(z)

    def noise_of(self, x: Tensor) -> Tensor:
        """Returns z = L^-1 (x - m), shape (B, d).

        Args:
            x: vectors, shape (B, d).
        """
        return Affine(self.loc, self.L).inverse(x)

    def sample(self, rng: Rng, name: str = "x") -> Tensor:
        """Draws by equation (1); gradients flow to m and L."""
        return self.at(rng.normal(name, self.L.shape[-1], dtype=self.L.dtype))

    def completed(self, x: Tensor, known: Tensor, z: Tensor) -> Tensor:
        """Returns x with its unknown entries by equation (3), shape (B, d), for an L that all rows share.

        With z = 0 they are the conditional means, with normal noise draws.

        Args:
            x: vectors, shape (B, d); unknown entries may have any value.
            known: True for known entries, shape (B, d).
            z: noise, shape (B, d); that of the unknown entries is used.
        """
        found = self._rows_of(x)
        for rows, first in self._patterns(known):
            u = first.order[first.count :]
            r = first.noise(self._rows_of(x)[rows]) @ first.B.T + z[rows][:, u] @ first.C.T
            # (3)
            m = self.loc.expand(len(x), -1)[rows][:, u]
            found = found.index_put((rows.unsqueeze(1), u), m + r)
        return torch.where(known, x.to(found), found)

    def _rows_of(self, x: Tensor) -> Tensor:
        """Returns x in the type of m."""
        return x.to(self.loc.dtype)

    def _patterns(self, known: Tensor) -> Iterator[tuple[Tensor, _KnownFirst]]:
        """Yields the rows that know the same entries, with the factor in their order."""
        assert self.L.dim() == 2, "rows with factors of their own cannot be completed"
        patterns, of = torch.unique(known, dim=0, return_inverse=True)
        rows, ends = of.argsort(stable=True), torch.bincount(of, minlength=len(patterns)).cumsum(0)
        for pattern, part in zip(patterns, rows.tensor_split(ends[:-1].cpu())):
            yield part, _known_first(self.loc.expand(len(known), -1)[part], self.L, pattern)

    @property
    def mean(self) -> Tensor:
        """Mean m."""
        return self.loc


@dataclass
class _KnownFirst:
    """The blocks of equation (3) for one pattern of known entries.

    Args:
        loc: m of the rows, shape (B, d).
        order: numbers of the known entries, then those of the others, shape (d,).
        count: number of known entries.
        factor: the factor in that order, shape (d, d).
    """

    loc: Tensor
    order: Tensor
    count: int
    factor: Tensor

    @property
    def A(self) -> Tensor:
        """Factor of the known entries."""
        return self.factor[: self.count, : self.count]

    @property
    def B(self) -> Tensor:
        """Part of the other entries that depends on the known ones."""
        return self.factor[self.count :, : self.count]

    @property
    def C(self) -> Tensor:
        """Factor of the other entries given the known ones."""
        return self.factor[self.count :, self.count :]

    def noise(self, x: Tensor) -> Tensor:
        """Returns z_o, shape (B, known entries)."""
        o = self.order[: self.count]
        return Affine(self.loc[:, o], self.A).inverse(x[:, o])


def _known_first(loc: Tensor, L: Tensor, pattern: Tensor) -> _KnownFirst:
    """Returns the blocks for a pattern of known entries, shape (d,), by the QR factorization."""
    order = (~pattern).to(torch.uint8).argsort(stable=True)
    # Q is not used, but the gradient of R needs it
    R = torch.linalg.qr(L[order].T)[1]
    # the factor with a positive diagonal
    signs = torch.where(R.diagonal() < 0, -1.0, 1.0).to(R)
    return _KnownFirst(loc, order, int(pattern.sum()), (signs.unsqueeze(1) * R).T)


def _of_noise(z: Tensor, L: Tensor) -> Tensor:
    """Returns the terms (2) of noise z with the factor L, shape of z."""
    return -0.5 * (z.square() + LOG_2PI) - L.diagonal(dim1=-2, dim2=-1).log()
