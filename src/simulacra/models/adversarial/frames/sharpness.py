"""The gradient difference of two images, which is large where one has edges that the other lacks.

    GDL_a(x, y) = sum over sides  mean over neighbours along it  ||x_i - x_{i-1}| - |y_i - y_{i-1}||^a     (1)

The paper takes sums over pixels; the mean is independent of the size of the image.

Reference: Mathieu, Couprie and LeCun 2015, equation (6). Row G26.
"""

from __future__ import annotations

from torch import Tensor


def gradient_difference(x: Tensor, y: Tensor, alpha: float = 1.0) -> Tensor:
    """Returns equation (1), shape (B,).

    Args:
        x: images, shape (B, C, *sides); a side of 1 has no neighbours.
        y: shape of x.
        alpha: power a.

    Example:
        >>> import torch
        >>> x = torch.tensor([[[[0.0, 3.0]]]])
        >>> gradient_difference(x, torch.zeros_like(x), alpha=2).item()
        9.0
    """
    total = x.new_zeros(len(x))
    for side in range(2, x.dim()):
        if x.shape[side] > 1:
            apart = (x.diff(dim=side).abs() - y.diff(dim=side).abs()).abs()
            # (1)
            total = total + apart.pow(alpha).flatten(1).mean(1)
    return total
