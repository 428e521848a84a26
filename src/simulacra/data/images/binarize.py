"""Binarizations that are made once, when the data are loaded: row i has the same bits for ever.

The dynamic scheme is a transform and draws anew at every visit; static and threshold are made
here, so that neither batch size nor order nor the share of validation can change a bit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.preprocessing.transforms import Binarize
from simulacra.core.random.keyed import Rng

DRAWS = 2**17  # numbers drawn at once: single rows of large images stay cheap


def static_bits(x: Tensor, scheme: Binarize, part: str, rows: range) -> Tensor:
    """0/1 as bytes from levels, keyed by (seed, part, row).

    Args:
        x: levels, shape (B, *).
        scheme: static or threshold.
        part: which part of the data set the rows are of.
        rows: number of each row within its part.

    Example:
        >>> x = torch.full((3, 1, 2, 2), 8)
        >>> one = static_bits(x, Binarize("static", 17), "train", range(3))
        >>> bool((static_bits(x[1:2], Binarize("static", 17), "train", range(1, 2)) == one[1:2]).all())
        True
    """
    block = max(1, min(128, DRAWS // max(1, x[0].numel()))) if len(x) else 1
    # the width is fixed, whatever the default type: other draws would be other data
    keyed = Rng(scheme.seed, "static-binarization", part, block=block)
    bits = torch.empty_like(x, dtype=torch.uint8)
    for i in range(0, len(x), block):
        p = x[i : i + block].to(torch.float32) / (scheme.levels - 1)
        if scheme.scheme == "threshold":
            bits[i : i + block] = p > scheme.threshold
        else:
            bits[i : i + block] = keyed.bernoulli("binarise", p, rows=rows[i : i + block])
    return bits
