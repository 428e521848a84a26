"""Minibatch discrimination: features that measure how similar a row is to the others of its batch.

    M_i = f(x_i) T,                 M_i of B kernels x C numbers               (1)
    c_b(i, j) = exp(-|M_ib - M_jb|_1)                                          (2)
    o_b(i) = sum_j c_b(i, j)                                                   (3)

The sum includes j = i, as in the paper: n equal rows have o = n, a row unlike all others has o = 1.

Reference: Salimans et al., Improved Techniques for Training GANs, 2016, section 3.2. Row F12.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from simulacra.core.numerics.exchange import all_rows

LARGEST = 2**22  # numbers |M_ib - M_jb| that are computed at a time: what a cache holds


class MinibatchDiscrimination(nn.Module):
    """Appends the similarities o to the features f of each row, equations (1) to (3).

    Pass real and generated rows in separate calls; otherwise they are compared with each other.

    Args:
        width: number of features in f.
        kernels: number B of kernels, each of which appends one similarity.
        dims: number C of entries that a kernel compares.

    Example:
        >>> MinibatchDiscrimination(6, kernels=2)(torch.ones(5, 6))[:, 6:].unique()
        tensor([5.], grad_fn=...)
    """

    def __init__(self, width: int, kernels: int = 32, dims: int = 8):
        super().__init__()
        self.width, self.out_width = width, width + kernels
        # initial distances near 1: exp(-distance) of large ones has no gradient
        self.T = nn.Parameter(torch.randn(width, kernels, dims) / (dims * math.sqrt(width)))

    def forward(self, f: Tensor) -> Tensor:
        """Returns f with o appended, shape (n, width + kernels).

        Args:
            f: features, shape (n, width).
        """
        # (1)
        M = torch.einsum("nw,wbc->nbc", f, self.T)
        every = all_rows(M)
        rows = max(1, LARGEST // max(1, every.numel()))
        if rows >= len(M):
            return torch.cat([f, _similar(M, every)], 1)
        # parts of a large batch are computed again on the way back, instead of all being kept
        parts = [
            checkpoint(_similar, part, every, use_reentrant=False, preserve_rng_state=False)
            for part in M.split(rows)
        ]
        return torch.cat([f, torch.cat(parts)], 1)


def _similar(a: Tensor, b: Tensor) -> Tensor:
    """Computes equations (2) and (3): similarities of rows a to all rows b, shape (len(a), B)."""
    # (2), (3); torch.cdist has no second derivative, which a gradient penalty needs
    return torch.exp(-(a[:, None] - b[None]).abs().sum(-1)).sum(1)
