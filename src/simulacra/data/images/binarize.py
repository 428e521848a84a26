"""Binarizations that are made once, at loading, so that row i always has the same bits.

The dynamic scheme is a transform that draws anew at every visit. Static and threshold binarization are made
here; the bits depend on neither batch size nor order nor the share of validation.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.preprocessing.transforms import Binarize
from simulacra.core.random.keyed import Rng

DRAWS = 2**17  # numbers drawn at once, so that a single row of a large image is cheap


def static_bits(x: Tensor, scheme: Binarize, part: str, rows: range) -> Tensor:
    """Binarizes levels to 0/1 bytes with draws that are keyed by (seed, part, row).

    Args:
        x: levels, shape (B, *).
        scheme: static or threshold binarization.
        part: the part of the data set, such as `train`.
        rows: number of each row within its part.

    Example:
        >>> x = torch.full((3, 1, 2, 2), 8)
        >>> one = static_bits(x, Binarize("static", 17), "train", range(3))
        >>> bool((static_bits(x[1:2], Binarize("static", 17), "train", range(1, 2)) == one[1:2]).all())
        True
    """
    block = max(1, min(128, DRAWS // max(1, x[0].numel()))) if len(x) else 1
    # single precision whatever the default dtype is: other draws would make other data
    keyed = Rng(scheme.seed, "static-binarization", part, block=block)
    bits = torch.empty_like(x, dtype=torch.uint8)
    for i in range(0, len(x), block):
        p = x[i : i + block].to(torch.float32) / (scheme.levels - 1)
        if scheme.scheme == "threshold":
            bits[i : i + block] = p > scheme.threshold
        else:
            bits[i : i + block] = keyed.bernoulli("binarise", p, rows=rows[i : i + block])
    return bits
