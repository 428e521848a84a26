"""Sums in float64, also of models on a device that has none: those numbers are then kept on the CPU."""

from __future__ import annotations

import torch
from torch import Tensor

LARGEST = 1e12  # of a network's input: layers that amplify it a million times each stay finite
OFFSET = 2.0**6  # deviations: single precision keeps 24 bits of a number, which an offset takes from the rest


def lacks_float64(device: torch.device) -> bool:
    """Returns True if tensors on `device` cannot be float64, as on Apple's GPUs."""
    return device.type == "mps"


def precise_device(device: torch.device | str) -> torch.device:
    """Where float64 numbers about tensors on `device` are kept.

    Example:
        >>> precise_device("mps"), precise_device("cpu")
        (device(type='cpu'), device(type='cpu'))
    """
    device = torch.device(device)
    return torch.device("cpu") if lacks_float64(device) else device


def to_float64(t: Tensor) -> Tensor:
    """t in float64: where it is, or on the CPU where its device has no float64.

    Example:
        >>> to_float64(torch.ones(2)).sum().dtype
        torch.float64
    """
    return t.to(precise_device(t.device)).double()


def to_device(t: Tensor, device: torch.device | str) -> Tensor:
    """t on `device`: in single precision where the device has no double."""
    double = t.dtype == torch.float64 and lacks_float64(torch.device(device))
    return (t.float() if double else t).to(device, non_blocking=True)


def working(t: Tensor, double: bool = False) -> Tensor:
    """t in float64, or in single precision on a device without float64 if that is enough.

    Args:
        double: whether it is not: then the numbers come on the CPU.
    """
    if lacks_float64(t.device) and not double:
        return t if t.is_floating_point() else t.float()
    return to_float64(t)


def narrowed(t: Tensor, dtype: torch.dtype) -> Tensor:
    """t in `dtype`, at its largest number where it is beyond: as far out as a model can be asked about.

    Example:
        >>> bool(narrowed(torch.tensor([1e300], dtype=torch.float64), torch.float32).isfinite())
        True
    """
    if t.dtype == torch.float64 and dtype != torch.float64:
        t = t.clamp(torch.finfo(dtype).min, torch.finfo(dtype).max)
    return t.to(dtype)


def held(t: Tensor, device: torch.device | str) -> Tensor:
    """Raw rows on `device`; doubles stay where they are if it has none, until they are standardized."""
    double = t.dtype == torch.float64 and lacks_float64(torch.device(device))
    return t if double else t.to(device, non_blocking=True)


def bounded(f: Tensor) -> Tensor:
    """Features within what every layer of a network takes without overflow: infinity less infinity is NaN.

    Standardized rows come nowhere near the bound; one that does, such as a sentinel of 1e30, keeps a score.
    """
    return f.clamp(-LARGEST, LARGEST)


def needs_double(offset: float, deviation: float) -> bool:
    """Returns True if single precision rounds numbers around `offset` by over 2^-18 of their deviation.

    Example:
        >>> needs_double(1.7e9, 5.0), needs_double(20.0, 5.0)
        (True, False)
    """
    return abs(offset) > OFFSET * deviation
