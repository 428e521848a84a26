"""Parses times such as `90s`, `20m`, `1.5h`, or `none` for no limit."""

from __future__ import annotations

import re

TIME = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(s|m|h)")
IN_MINUTES = {"s": 1 / 60, "m": 1.0, "h": 60.0}


def in_minutes(text: str) -> float:
    """Returns a time such as `90s`, `20m` or `1.5h` in minutes.

    Raises:
        ValueError: if the text is no positive time.

    Example:
        >>> in_minutes("90s"), in_minutes("1.5h")
        (1.5, 90.0)
    """
    found = TIME.fullmatch(text.strip().lower())
    if found is None or float(found[1]) == 0:
        raise ValueError(f"--budget is {text!r}, but a time is a positive number and s, m or h, as in 20m.")
    return float(found[1]) * IN_MINUTES[found[2]]


def in_seconds(text: str) -> float | None:
    """Returns a time in seconds, or None for `none`, which means no limit.

    Raises:
        ValueError: if the text is neither.

    Example:
        >>> in_seconds("1m"), in_seconds("none")
        (60.0, None)
    """
    return None if text.strip().lower() == "none" else 60 * in_minutes(text)
