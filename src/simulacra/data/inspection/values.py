"""Words for the range of values."""

from __future__ import annotations

import math

from torch import Tensor


def number_range(values: Tensor) -> str:
    """Returns the least and the largest value in words, such as `0 to 255`.

    Args:
        values: numbers, shape (N,).
    """
    if not len(values):
        return "none"
    low, high = values.min().item(), values.max().item()
    if low == high:
        return _number(low, 4) + constant(1)
    # enough digits to resolve a thousandth of the range
    between = max(abs(low), abs(high)) / (high - low)
    digits = min(15, 4 + max(0, round(math.log10(between))))
    return f"{_number(low, digits)} to {_number(high, digits)}"


def _number(value: float, digits: int) -> str:
    if value == round(value) and abs(value) < 1e9:
        return f"{value:,.0f}"
    text = f"{value:.{digits}g}" if digits < 6 else f"{value:,.{digits}g}"
    # 12,345.7 and not 1.235e+04
    return f"{value:,.0f}" if "e" in text and 1 <= abs(value) < 1e9 else text


def constant(different: int) -> str:
    """Returns ` (constant)` where all values are equal.

    Args:
        different: number of different values.
    """
    return " (constant)" if different == 1 else ""
