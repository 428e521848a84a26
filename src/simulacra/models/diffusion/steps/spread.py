"""Times for the rows of a batch that are spread evenly over the steps, in place of independent ones.

    u_i = (u + i g) mod 1,   g = (sqrt(5) - 1) / 2,   u uniform                                       (1)

Each u_i is uniform, so a mean over them is as unbiased as one of independent draws. The first n of them leave
no wide gap, whatever n is, so the loss of a batch has a smaller variance. u_i depends on the place of its row
in the batch alone, so several processes, or parts of a batch, draw the same times as one.

Reference: Kingma et al., Variational Diffusion Models, 2021, appendix I.1, on times that are spread evenly;
the multiples of g are the sequence of Weyl.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng

GOLDEN = (5**0.5 - 1) / 2


def spread(rng: Rng, dtype: torch.dtype) -> Tensor:
    """Returns equation (1), shape (B, 1); independent times for rows that are keyed by their contents.

    Args:
        rng: source of random numbers.
        dtype: floating-point type.

    Example:
        >>> u = spread(Rng(0, rows=range(8)), torch.float64)
        >>> bool(u.flatten().sort().values.diff().max() < 1.5 / 8)
        True
    """
    if not isinstance(rng.rows, range):
        return rng.uniform("t", 1, dtype=dtype)
    u = rng.uniform("t", 1, rows=range(1), dtype=dtype)
    # the product in double precision, whatever the number of rows
    shifts = [i * GOLDEN % 1 for i in rng.rows]
    # (1)
    return (u + u.new_tensor(shifts).unsqueeze(1)) % 1
