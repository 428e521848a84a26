"""Normalization layers by name, for features (B, F) and for maps (B, F, H, W).

    y = gamma (x - m) / sqrt(v + eps) + beta

`batch` computes m and v over the rows and positions of the batch (running averages in eval mode), so that
rows depend on each other; `virtual` over a fixed reference batch and the row itself; `layer` over all
features of the row.

Reference: Ioffe and Szegedy 2015; Salimans et al. 2016; Ba, Kiros and Hinton 2016. Rows F13, F14.
"""

from __future__ import annotations

from torch import nn

from simulacra.nets.adversarial.virtual import VirtualNorm

KINDS = ("batch", "virtual", "layer", "none")


def norm(kind: str, channels: int, dims: int = 4, reference: int = 0) -> nn.Module:
    """Returns a normalization layer.

    Args:
        kind: "batch", "virtual", "layer" or "none".
        channels: number of features F, each with its own gamma and beta.
        dims: dimensions of the input: 2 for features (B, F), 4 for maps (B, F, H, W).
        reference: size of the reference batch of "virtual" normalization.

    Raises:
        ValueError: if the kind is unknown, or "virtual" without a reference.

    Example:
        >>> norm("batch", 3, dims=2)
        BatchNorm1d(3, ...)
    """
    if kind not in KINDS:
        raise ValueError(f"normalization {kind!r} is unknown; possible are {', '.join(KINDS)}.")
    if kind == "virtual":
        return VirtualNorm(channels, reference)
    if kind == "layer":
        return nn.GroupNorm(1, channels)
    if kind == "none":
        return nn.Identity()
    return nn.BatchNorm1d(channels) if dims == 2 else nn.BatchNorm2d(channels)


def needs_bias(kind: str) -> bool:
    """Returns True if a layer before `norm(kind, ...)` needs a bias, which `batch` and `virtual` subtract."""
    return kind in ("layer", "none")
