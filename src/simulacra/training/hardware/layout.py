"""Memory format of convolutions: in bf16, channels_last is faster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


@contextmanager
def fast_layout(model: nn.Module, precision: str) -> Iterator[None]:
    """Context in which a model with convolutions has memory format channels_last, if it trains in bf16.

    Values do not change. Models with group normalization, which is slower in this format, are left alone.

    Args:
        model: model in training.
        precision: `32` or `bf16`.
    """
    modules = list(model.modules())
    convolves = any(isinstance(m, CONVOLUTIONS) for m in modules)
    if precision != "bf16" or not convolves or any(isinstance(m, nn.GroupNorm) for m in modules):
        yield
        return
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        yield
    finally:
        model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
