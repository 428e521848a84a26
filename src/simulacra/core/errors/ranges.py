"""Ranges that arguments of any model must lie in, where the model itself does not check them.

Numbers are finite; counts whose default is not negative are not negative; sizes in a tuple, and channels, are
at least 1; learning rates are above 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

SIZES = ("latent", "hidden")  # sizes in every model, also where the default is chosen later


def check_ranges(name: str, arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Raises ValueError for an argument that is out of range for every model.

    Args:
        name: name of the model.
        arguments: arguments of the constructor by name.
        defaults: their defaults by name.

    Example:
        >>> check_ranges("VAE", {"lr": 0.0}, {"lr": 1e-3})
        Traceback (most recent call last):
        ValueError: lr of VAE is 0.0, but a learning rate is above 0, such as lr=0.001.
    """
    for argument, value in arguments.items():
        usual = defaults.get(argument)
        needed = _needed(argument, value, usual)
        if needed:
            fits = usual is not None and not _needed(argument, usual, usual)
            such = f", such as {argument}={usual!r}" if fits else ""
            raise ValueError(f"{argument} of {name} is {value!r}, but {needed}{such}.")


def _needed(argument: str, value: Any, usual: Any) -> str:
    """Returns the rule that a value breaks; empty if it breaks none."""
    if isinstance(value, float) and not math.isfinite(value):
        return "" if isinstance(usual, float) and not math.isfinite(usual) else "it must be a finite number"
    if _is_rate(argument) and _number(value) and value <= 0:
        return "a learning rate is above 0"
    if _whole(value) and argument.endswith("channels") and value < 1:
        return "there must be at least 1"
    count = argument in SIZES or (_whole(usual) and usual >= 0)
    if _whole(value) and count and value < 0 and argument != "seed":
        return "it must not be negative"
    sizes = argument in SIZES or _sizes(usual)
    if isinstance(value, list | tuple) and sizes and any(_whole(v) and v < 1 for v in value):
        return "sizes must be at least 1"
    return ""


def _is_rate(argument: str) -> bool:
    return argument == "lr" or argument.endswith("_lr")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _sizes(usual: Any) -> bool:
    return isinstance(usual, tuple) and bool(usual) and all(_whole(v) and v >= 1 for v in usual)
