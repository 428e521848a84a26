"""Normalizing layers by name, for features (B, F) and for maps (B, F, H, W) alike.

    y = gamma (x - m) / sqrt(v + eps) + beta

`batch` takes m and v over the rows and places of the batch, so that rows depend on each other (in eval mode
running averages take their place), `virtual` over a fixed reference batch and the row itself, `layer` over
all features of the row.

Reference: Ioffe and Szegedy 2015; Salimans et al. 2016; Ba, Kiros and Hinton 2016. Rows F13, F14.
"""

from __future__ import annotations

from torch import nn

from simulacra.nets.adversarial.virtual import VirtualNorm

KINDS = ("batch", "virtual", "layer", "none")


def norm(kind: str, channels: int, dims: int = 4, reference: int = 0) -> nn.Module:
    """The layer `kind` of "batch", "virtual", "layer" and "none".

    Args:
        channels: F, each with its gamma and beta.
        dims: of the input: 2 for features (B, F), 4 for maps (B, F, H, W).
        reference: rows of the reference batch, for "virtual".

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
    """Returns True if a layer before `norm(kind, ...)` needs a bias, which statistics of a channel remove."""
    return kind in ("layer", "none")
