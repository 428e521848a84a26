"""Normalization layers by name, for features (B, F), for maps (B, F, H, W) and for channels (B, F, T).

    y = gamma (x - m) / sqrt(v + eps) + beta

`batch` takes m and v over the rows and places of the batch, so that rows depend on each other (in eval mode
running averages take their place), `virtual` over a fixed reference batch and the row itself, `layer` over
all features of the row, `instance` over the places of each channel of the row. On several processes m and v
of `batch` are those of all rows, with their gradients.

Reference: Ioffe and Szegedy 2015; Salimans et al. 2016; Ba, Kiros and Hinton 2016. Rows F13, F14.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from simulacra.core.numerics.exchange import is_split, total
from simulacra.nets.adversarial.virtual import VirtualNorm

KINDS = ("batch", "virtual", "layer", "instance", "none")


def norm(kind: str, channels: int, dims: int = 4, reference: int = 0) -> nn.Module:
    """Returns a normalization layer.

    Args:
        kind: "batch", "virtual", "layer", "instance" (for maps and channels) or "none".
        channels: number of features F, each with its own gamma and beta.
        dims: dimensions of the input: 2 for features (B, F), 3 for channels (B, F, T), 4 for maps
            (B, F, H, W).
        reference: size of the reference batch of "virtual" normalization.

    Raises:
        ValueError: if the kind is unknown, or "virtual" without a reference.

    Example:
        >>> norm("batch", 3, dims=2)
        BatchNorm(3, ...)
    """
    if kind not in KINDS:
        raise ValueError(f"normalization {kind!r} is unknown; possible are {', '.join(KINDS)}.")
    if kind == "virtual":
        return VirtualNorm(channels, reference)
    if kind == "layer":
        return nn.GroupNorm(1, channels)
    if kind == "instance":
        return nn.GroupNorm(channels, channels)
    if kind == "none":
        return nn.Identity()
    return BatchNorm(channels, dims)


class BatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalization of torch, over the rows of all processes where several train.

    Args:
        channels: F.
        dims: of the input: 2 for features (B, F), 3 for channels (B, F, T), 4 for maps (B, F, H, W).

    Raises:
        ValueError: if a batch has one value a channel, of which there is no variance.

    Example:
        >>> BatchNorm(3, dims=2)(torch.eye(3)).sum().abs() < 1e-6
        tensor(True)
    """

    def __init__(self, channels: int, dims: int):
        super().__init__(channels)
        self.dims = dims

    def _check_input_dim(self, x: Tensor) -> None:
        assert x.dim() == self.dims, f"a normalization of {self.dims} dimensions saw {x.dim()}"

    def forward(self, x: Tensor) -> Tensor:
        """y, shape of x."""
        if not (self.training and is_split()):
            return super().forward(x)
        self._check_input_dim(x)
        h, n = x.to(self.weight.dtype), float(total(torch.tensor(x.numel() / x.shape[1], device=x.device)))
        if n <= 1:
            raise ValueError("a batch normalization in training needs a batch of 2 rows or more.")
        others, shape = [d for d in range(x.dim()) if d != 1], (1, -1, *[1] * (x.dim() - 2))
        m = total(h.sum(others)) / n
        away = h - m.view(shape)
        v = total(away.square().sum(others)) / n
        self._remember(m.detach(), v.detach() * n / (n - 1))
        scale = self.weight * (v + self.eps).rsqrt()
        return (away * scale.view(shape) + self.bias.view(shape)).to(x.dtype)

    @torch.no_grad()
    def _remember(self, m: Tensor, v: Tensor) -> None:
        """Move the running averages towards a batch's mean and unbiased variance."""
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(m, self.momentum)
        self.running_var.lerp_(v, self.momentum)


def needs_bias(kind: str) -> bool:
    """Returns True if a layer before `norm(kind, ...)` needs a bias, which `batch` and `virtual` subtract."""
    return kind in ("layer", "instance", "none")
