"""The order in which images lie in memory: with bf16, convolutions are faster where channels come last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


@contextmanager
def fast_layout(model: nn.Module, precision: str) -> Iterator[None]:
    """Weights of convolutions with channels last while the model trains in bf16; the values stay.

    Group normalization is slower that way round: a model with one keeps its layout.
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
