"""Divergences between distributions that several model families use."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from simulacra.core.distributions.elementary import Gaussian, sum_events


def kl_to_standard_normal(q: Gaussian) -> Tensor:
    """Returns KL(N(m, s^2) || N(0, I)) = 1/2 sum(m^2 + s^2 - 1 - log s^2), in nats, shape (B,).

    Args:
        q: diagonal Gaussian N(m, s^2).

    Reference: Kingma and Welling 2013, appendix B.

    Example:
        >>> kl_to_standard_normal(Gaussian(torch.ones(1, 2), torch.zeros(1, 2), 1)).item()
        1.0
    """
    return 0.5 * sum_events(_twice_kl_terms(q), q.event_dims)


def kl_by_entry(q: Gaussian) -> Tensor:
    """Returns the terms 1/2 (m^2 + s^2 - 1 - log s^2) of `kl_to_standard_normal`, in nats, shape (B, *).

    Args:
        q: diagonal Gaussian N(m, s^2).

    Example:
        >>> kl_by_entry(Gaussian(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2), 1)).tolist()
        [[0.5, 0.0]]
    """
    return 0.5 * _twice_kl_terms(q)


def _twice_kl_terms(q: Gaussian) -> Tensor:
    # one pass over the tensor: exp(2 log s) is s^2
    return q.loc * q.loc + torch.exp(2 * q.log_scale) - 1 - 2 * q.log_scale


def kl_gaussian(q: Gaussian, p: Gaussian) -> Tensor:
    """Returns KL(q || p) of two diagonal Gaussians, in nats, shape (B,).

    Args:
        q: first Gaussian.
        p: second Gaussian over the same space.
    """
    log_ratio = 2 * (q.log_scale - p.log_scale)
    shift = (q.loc - p.loc) * torch.exp(-p.log_scale)
    return 0.5 * sum_events(torch.exp(log_ratio) + shift * shift - 1 - log_ratio, q.event_dims)


def mmd2(
    x: Tensor, y: Tensor, bandwidths: Sequence[float] | Tensor, unbiased: bool = True, quick: bool = False
) -> Tensor:
    """Returns the squared maximum mean discrepancy for a sum of Gaussian kernels exp(-|x-y|^2 / 2 s^2).

    Args:
        x: samples, shape (n, d).
        y: samples, shape (m, d).
        bandwidths: s of each kernel.
        unbiased: leave out the diagonals, so that the expectation is 0 for equal distributions.
        quick: take distances from a matrix product, which is several times quicker and loses digits where
            the rows are far from the origin.

    Reference: Gretton et al. 2012, equations 3 and 5.
    """

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squared = squared_distances(a, b, quick)
        return torch.stack([torch.exp(-squared / (2 * s * s)) for s in bandwidths]).sum(0)

    def within(a: Tensor) -> Tensor:
        k, n = kernel(a, a), len(a)
        return (k.sum() - k.diagonal().sum()) / (n * (n - 1)) if unbiased else k.mean()

    return within(x) + within(y) - 2 * kernel(x, y).mean()


def squared_distances(a: Tensor, b: Tensor, quick: bool = False) -> Tensor:
    """Returns |a_i - b_j|^2 of all pairs of rows, shape (n, m).

    Args:
        a: rows, shape (n, d).
        b: rows, shape (m, d).
        quick: by |a|^2 + |b|^2 - 2 a'b, a matrix product, instead of by differences.

    Example:
        >>> squared_distances(torch.zeros(1, 2), torch.tensor([[3.0, 4.0], [0.0, 2.0]])).tolist()
        [[25.0, 4.0]]
    """
    if not quick:
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square()
    squares = a.square().sum(1, keepdim=True) + b.square().sum(1)
    return torch.addmm(squares, a, b.T, alpha=-2).clamp_min(0)
