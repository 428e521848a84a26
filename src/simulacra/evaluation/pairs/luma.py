"""PSNR of the luminance of whole pictures, as papers on super-resolution print it.

    Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255,   R, G, B from 0 to 255                       (1)
    PSNR = 10 log10(255^2 / mean (Y - Y')^2)   in dB, without b pixels at each border               (2)

Y is not rounded. Numbers on all colours, with the border, or with the luminance of another standard differ by
a decibel and more: bicubic pictures of four times the side have 28.43 dB on Set5 by (2) with b = 4, and
27.10 dB by the luminance of `Image.convert("L")`.

Reference: ITU-R BT.601; Ledig et al. 2017, section 3.1. Rows G20, G21.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.evaluation.pairs.signals import check_alike

LEAST, WEIGHTS = 16.0, (65.481, 128.553, 24.966)
HIGHEST = 255.0


def luma(x: Tensor) -> Tensor:
    """Returns equation (1), float64, shape (B, 1, H, W); a grey picture is its own luminance.

    Args:
        x: pictures with values from 0 to 255, shape (B, C, H, W), C 1 or 3.

    Raises:
        ValueError: if x is of another shape.

    Example:
        >>> luma(torch.full((1, 3, 1, 1), 255)).item()
        235.0
    """
    if x.dim() != 4 or x.shape[1] not in (1, 3):
        raise ValueError(
            f"x has shape {tuple(x.shape)}, but pictures have (B, 1, H, W) or (B, 3, H, W): "
            "give x[None] for one picture."
        )
    if x.shape[1] == 1:
        return x.double()
    w = torch.tensor(WEIGHTS, dtype=torch.float64, device=x.device).view(3, 1, 1)
    # (1)
    return LEAST + (w * x.double()).sum(1, keepdim=True) / HIGHEST


def psnr_y(x: Tensor, truth: Tensor, border: int = 4) -> Tensor:
    """Returns equation (2) in dB, float64, shape (B,); infinite for equal pictures.

    Args:
        x: pictures with values from 0 to 255, shape (B, C, H, W), C 1 or 3.
        truth: shape of x.
        border: pixels b that are left out at each border, usually the factor of the resolution.

    Raises:
        ValueError: if the shapes differ, or nothing is left within the border.

    Example:
        >>> x, truth = torch.zeros(1, 1, 9, 9), torch.full((1, 1, 9, 9), 25.5)
        >>> psnr_y(x, truth).round(decimals=6).item()
        20.0
    """
    check_alike(x, truth)
    if border < 0 or 2 * border >= min(x.shape[-2:]):
        raise ValueError(
            f"border is {border}, but pictures of {x.shape[-1]}x{x.shape[-2]} have nothing left without it: "
            "give a smaller border, such as border=0."
        )
    inner = slice(border, -border or None)
    wrong = (luma(x) - luma(truth))[..., inner, inner]
    # (2)
    return 10 * (HIGHEST**2 / wrong.square().flatten(1).mean(1)).log10()
