"""Spectral hashing: short binary codes of vectors, of which near vectors share more bits than far ones.

    y = w'(u - mean),   w a principal direction with |w| = 1, y in [a, b] on the fitted rows            (1)
    s_k(y) = sin(pi / 2 + pi k (y - a) / (b - a)),   k = 1, 2, ...                                      (2)
    bit = 1 if s_k(y) > 0,   the bits of the least pi k / (b - a) over all directions and k             (3)

(2) are the eigenfunctions of the Laplacian of a box with these sides, by the rate at which they change: the
first bits halve the widest directions. The number of bits that differ is the Hamming distance.

Reference: Weiss, Torralba and Fergus 2008. Row A20.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

FLAT = 1e-6  # ranges below this share of the widest one are those of constant directions


class SpectralHash(NamedTuple):
    """A hash of equation (3): bit j of u is 1 if sin(w_j'u + o_j) > 0.

    Args:
        weights: w, shape (bits, d).
        offsets: o in radians, shape (bits,).
    """

    weights: Tensor
    offsets: Tensor

    def codes(self, u: Tensor) -> Tensor:
        """Returns the codes of vectors, booleans, shape (B, bits).

        Args:
            u: vectors, shape (B, d).
        """
        # (3)
        return torch.sin(u.to(self.weights) @ self.weights.T + self.offsets) > 0


def spectral_hash(u: Tensor, bits: int) -> SpectralHash:
    """Fits equations (1) to (3) to rows, in float64.

    Args:
        u: vectors, shape (N, d).
        bits: number of bits. If all rows are equal, every code is the same.

    Example:
        >>> line = torch.linspace(0, 1, 8).unsqueeze(1)
        >>> spectral_hash(line, 2).codes(line).int().T.tolist()
        [[1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 1, 1]]
    """
    u = u.double()
    mean = u.mean(0)
    directions = _principal(u - mean, bits)
    # (1)
    y = (u - mean) @ directions.T
    least, side = y.amin(0), y.amax(0) - y.amin(0)
    usable = side > FLAT * side.max()
    if not usable.any():
        return SpectralHash(u.new_zeros(bits, u.shape[1]), u.new_full((bits,), math.pi / 2))
    rates = torch.arange(1, bits + 1, device=u.device).unsqueeze(1) * (math.pi / side[usable])
    # (3): the slowest, first those of wide directions
    rate, chosen = rates.flatten().sort(stable=True)
    rate, which = rate[:bits], usable.nonzero().squeeze(1)[chosen[:bits] % int(usable.sum())]
    weights = rate.unsqueeze(1) * directions[which]
    # (2)
    return SpectralHash(weights, math.pi / 2 - weights @ mean - rate * least[which])


def _principal(centred: Tensor, count: int) -> Tensor:
    """Returns the principal directions of centred rows, the widest first, shape (at most count, d).

    The largest entry of each is positive, so that the codes do not depend on the routine.
    """
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    directions = directions[:count]
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return directions * torch.where(largest < 0, -1.0, 1.0)


def differing_bits(codes: Tensor, others: Tensor) -> Tensor:
    """Returns the Hamming distance of each code to each other one, int64, shape (B, N).

    Args:
        codes: booleans, shape (B, bits).
        others: booleans, shape (N, bits).

    Example:
        >>> others = torch.tensor([[True, True], [False, True]])
        >>> differing_bits(torch.tensor([[True, False]]), others).tolist()
        [[1, 2]]
    """
    a, b = codes.float(), others.float()
    # sums of 0 and 1 are exact
    return (a @ (1 - b).T + (1 - a) @ b.T).long()
