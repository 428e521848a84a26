"""Sums in float64, also of models on a device that has none: those numbers are then kept on the CPU."""

from __future__ import annotations

import torch
from torch import Tensor


def lacks_float64(device: torch.device) -> bool:
    """Whether tensors on `device` cannot be float64, as on Apple's GPUs."""
    return device.type == "mps"


def precise_device(device: torch.device | str) -> torch.device:
    """Where float64 numbers about tensors on `device` are kept.

    Example:
        >>> precise_device("mps"), precise_device("cpu")
        (device(type='cpu'), device(type='cpu'))
    """
    device = torch.device(device)
    return torch.device("cpu") if lacks_float64(device) else device


def precise(t: Tensor) -> Tensor:
    """t in float64: where it is, or on the CPU where its device has no float64.

    Example:
        >>> precise(torch.ones(2)).sum().dtype
        torch.float64
    """
    return t.to(precise_device(t.device)).double()


def fitting(t: Tensor, device: torch.device | str) -> Tensor:
    """t on `device`: in single precision where the device has no double."""
    double = t.dtype == torch.float64 and lacks_float64(torch.device(device))
    return (t.float() if double else t).to(device, non_blocking=True)
