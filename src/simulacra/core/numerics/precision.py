"""Precision of computations: float64 sums, on the CPU if the device has no float64 (Apple's GPUs)."""

from __future__ import annotations

import torch
from torch import Tensor

LARGEST = 1e12  # largest network input; layers that amplify it a million times each stay finite
LEAST = 2.0**-108  # deviation whose 2^-18 is the smallest normal float32
OFFSET = 2.0**6  # in standard deviations; a float32 has 24 bits, of which a large offset uses up some


def lacks_float64(device: torch.device) -> bool:
    """Returns True if tensors on `device` cannot be float64, as on Apple's GPUs."""
    return device.type == "mps"


def precise_device(device: torch.device | str) -> torch.device:
    """Returns the device for float64 numbers that belong to tensors on `device`: itself, or the CPU.

    Example:
        >>> precise_device("mps"), precise_device("cpu")
        (device(type='cpu'), device(type='cpu'))
    """
    device = torch.device(device)
    return torch.device("cpu") if lacks_float64(device) else device


def to_float64(t: Tensor) -> Tensor:
    """Returns t in float64, on its own device, or on the CPU if that has no float64.

    Example:
        >>> to_float64(torch.ones(2)).sum().dtype
        torch.float64
    """
    return t.to(precise_device(t.device)).double()


def to_device(t: Tensor, device: torch.device | str) -> Tensor:
    """Returns t on `device`, in single precision if that has no float64.

    Args:
        t: tensor of any type.
        device: target device.
    """
    double = t.dtype == torch.float64 and lacks_float64(torch.device(device))
    return (t.float() if double else t).to(device, non_blocking=True)


def working(t: Tensor, double: bool = False) -> Tensor:
    """Returns t in float64, or in single precision on a device without float64.

    Args:
        t: tensor of any type.
        double: insist on float64; the result is then on the CPU if the device has none.
    """
    if lacks_float64(t.device) and not double:
        return t if t.is_floating_point() else t.float()
    return to_float64(t)


def narrowed(t: Tensor, dtype: torch.dtype) -> Tensor:
    """Casts t to `dtype` and clamps values beyond its range to its largest finite number.

    Args:
        t: tensor of any type.
        dtype: target type.

    Example:
        >>> bool(narrowed(torch.tensor([1e300], dtype=torch.float64), torch.float32).isfinite())
        True
    """
    if t.dtype == torch.float64 and dtype != torch.float64:
        t = t.clamp(torch.finfo(dtype).min, torch.finfo(dtype).max)
    return t.to(dtype)


def held(t: Tensor, device: torch.device | str) -> Tensor:
    """Moves raw rows to `device`; float64 rows stay where they are if it has no float64, until standardized.

    Args:
        t: raw rows.
        device: target device.
    """
    double = t.dtype == torch.float64 and lacks_float64(torch.device(device))
    return t if double else t.to(device, non_blocking=True)


def bounded(f: Tensor) -> Tensor:
    """Clamps features to +-1e12, so that no layer overflows (infinity minus infinity would be NaN).

    Standardized rows are far inside the bound. A sentinel value such as 1e30 still gets a finite score.

    Args:
        f: features of any shape.
    """
    return f.clamp(-LARGEST, LARGEST)


def needs_double(offset: float, deviation: float) -> bool:
    """Returns True if float32 does not resolve 2^-18 of the standard deviation at `offset`, or at all.

    Args:
        offset: typical value of the numbers.
        deviation: their standard deviation.

    Example:
        >>> needs_double(1.7e9, 5.0), needs_double(20.0, 5.0), needs_double(0.0, 1e-40)
        (True, False, True)
    """
    return abs(offset) > OFFSET * deviation or deviation < LEAST
