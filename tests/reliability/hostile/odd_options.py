"""Odd values of options by number: each number is one option with one value, the same for ever."""

from __future__ import annotations

import dataclasses
import inspect
import math
from typing import Any

import simulacra
from simulacra.data.readers import READERS
from simulacra.training.options import Options

# wrong types, and extremes of right ones
VALUES: tuple[Any, ...] = (
    *(None, True, False, "", "abc", "nan", b"x", [], {}, (), object, "x" * 10_000),
    *(0, -1, 1, -5, 2**31, 2**63, -(2**63), 10**30, 10**400),
    *(0.0, -0.0, 0.5, -0.5, 1.5, 1e-300, 1e300, -1e300, math.nan, math.inf, -math.inf),
)


def training_options() -> list[tuple[str, str]]:
    """The options of training."""
    return [("fit", field.name) for field in dataclasses.fields(Options)]


def data_options() -> list[tuple[str, str]]:
    """The options of `load_data`, of all readers."""
    common = inspect.signature(simulacra.load_data).parameters.values()
    names = [p.name for p in common if p.kind == p.KEYWORD_ONLY]
    own = [field.name for reader in READERS for field in dataclasses.fields(reader.options)]
    return [("load_data", name) for name in dict.fromkeys([*names, *own])]


def odd_option(number: int) -> tuple[str, str, Any]:
    """Function, option and value of odd option `number`; 500 of them meet every option."""
    options = [*training_options(), *data_options()]
    # steps without common divisor with the number of values
    value = VALUES[(number // len(options) * 7 + number) % len(VALUES)]
    return (*options[number % len(options)], value)
