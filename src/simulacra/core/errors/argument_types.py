"""Checks of values against type annotations, with messages in words and working suggestions.

Only simple types are checked: numbers, texts, booleans, literals, tuples, paths, functions and classes of the
library. Any other annotation, such as `Any`, accepts every value.
"""

from __future__ import annotations

import difflib
import math
import os
import types
from collections.abc import Callable
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

ALSO = {"gpu": "cuda", "half": "bf16", "bfloat16": "bf16"}  # what else choices are called
LARGEST, BEYOND = 2**64, 2**1000
WORDS = {int: "a whole number", float: "a number", bool: "True or False", str: "a text", Path: "a path"}


def fits(value: Any, kind: Any) -> bool:
    """Returns True if a value is of the annotated type.

    Args:
        value: any value.
        kind: an annotation.

    Example:
        >>> fits(3, int), fits(2.5, int), fits(True, int), fits([8, 4], tuple[int, ...])
        (True, False, False, True)
    """
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return isinstance(value, str | int | None) and value in parts
    if origin is tuple:
        return isinstance(value, list | tuple) and _all_fit(value, parts[0])
    if origin is Callable:
        return callable(value)
    if kind in (int, float):
        return _number(value, Integral if kind is int else Real)
    if kind is bool:
        return isinstance(value, bool | np.bool_)
    if kind is Path:
        return isinstance(value, str | os.PathLike)
    if _is_network(kind):
        # any object may serve as a network, but its class does not
        return not isinstance(value, type)
    if kind in (str, types.NoneType) or _of_the_library(kind):
        return isinstance(value, kind)
    return True


def _all_fit(values: list[Any] | tuple[Any, ...], kind: Any) -> bool:
    """Checks all entries; numpy checks long lists of numbers of one type, such as a column."""
    if kind is float and set(map(type, values)) <= {float, int}:
        return not np.isnan(np.array(values, dtype=float)).any()
    return all(fits(entry, kind) for entry in values)


def _number(value: Any, kind: type) -> bool:
    """Booleans are no numbers, and NaN is none."""
    if not isinstance(value, kind) or isinstance(value, bool):
        return False
    # no count and no seed is larger than 64 bits hold, and no number than a float does
    most = LARGEST if kind is Integral else BEYOND
    return abs(value) < most if isinstance(value, Integral) else not math.isnan(value)  # type: ignore[arg-type,operator]


def _is_network(kind: Any) -> bool:
    """Returns True for `torch.nn.Module`, found by name, since this module imports no torch."""
    return isinstance(kind, type) and (kind.__module__, kind.__name__) == (
        "torch.nn.modules.module",
        "Module",
    )


def _of_the_library(kind: Any) -> bool:
    if not isinstance(kind, type) or not kind.__module__.startswith("simulacra."):
        return False
    return not getattr(kind, "_is_protocol", False)


def phrase(kind: Any) -> str:
    """Returns an annotation in words.

    Example:
        >>> phrase(int), phrase(float | None), phrase(tuple[int, ...])
        ('a whole number', 'a number or None', 'whole numbers such as (256, 128)')
        >>> phrase(Literal["a", "b"])
        "'a' or 'b'"
    """
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(phrase(part) for part in parts))
    if origin is Literal:
        *first, last = map(repr, parts)
        return f"{', '.join(first)} or {last}" if first else last
    if origin is tuple:
        return "whole numbers such as (256, 128)" if int in parts else "a tuple"
    if kind is types.NoneType:
        return "None"
    if origin is Callable:
        return "a function"
    return WORDS.get(kind) or ("a network" if _is_network(kind) else "") or f"a {kind.__name__}"


def suggestion(value: Any, kind: Any, callee: str) -> str:
    """Returns the end of an error message: a value to give instead, or a full stop.

    Args:
        value: the wrong value.
        kind: annotation of the argument.
        callee: name of the called function.

    Example:
        >>> suggestion(2.5, int, "sample"), suggestion("3", int | None, "fit"), suggestion([], int, "fit")
        (': give 2.', ': give 3.', '.')
    """
    parts = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    for part in parts:
        found = _as_number(value, part) if part in (int, float) else _instead(value, part, callee)
        if found:
            return f"; did you mean {found}?" if found.startswith(("'", '"')) else f": {found}."
    return "."


def _as_number(value: Any, kind: type) -> str:
    if kind is int and isinstance(value, int) and abs(value) >= LARGEST:
        return f"give one of at most {_digits(LARGEST) - 1} digits"
    try:
        number = float(value)
        if kind is int and abs(number) >= LARGEST:
            return ""
        return f"give {int(number) if kind is int else f'{number:g}'}" if math.isfinite(number) else ""
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return ""


def _instead(value: Any, kind: Any, callee: str) -> str:
    if get_origin(kind) is Literal:
        words = [str(word) for word in get_args(kind)]
        known = {**{word: word for word in words}, **{a: b for a, b in ALSO.items() if b in words}}
        near = difflib.get_close_matches(str(value).lower(), known, 1, 0.5)
        return repr(known[near[0]]) if near else ""
    if get_origin(kind) is tuple and _number(value, Integral):
        return f"give ({value},)"
    if not isinstance(kind, type):
        return ""
    if kind.__name__ == "Model" and isinstance(value, type):
        return f"give one that is built, as in {value.__name__}(data.space)"
    if _is_network(kind) and isinstance(value, type):
        return f"give an instance, as in {value.__name__}()"
    given = [base.__name__ for base in type(value).__mro__]
    found = next((text for name in given if (text := INSTEAD.get((kind.__name__, name)))), "")
    return found.format(callee=callee, shape=value if isinstance(value, tuple) else f"({value!r:.20},)")


_SPACES = "give Binary({shape}), Levels({shape}, levels=256) or Real({shape})"
_FIRST = "the model comes first, as in {callee}(model, data)"
_LOADED = "load them first, as in load_data(x)"
# (class wanted, class given), by name, since core cannot import most of these classes
INSTEAD = {
    ("Space", "Dataset"): "give its space, as in {callee}(data.space)",
    ("Space", "Model"): "give its space, as in {callee}(model.space)",
    ("Space", "tuple"): _SPACES,
    ("Space", "int"): _SPACES,
    ("Model", "Dataset"): _FIRST,
    ("Model", "Run"): "give run.model",
    ("Model", "str"): "load it first, as in load(path)",
    ("Model", "PosixPath"): "load it first, as in load(path)",
    ("Dataset", "Model"): _FIRST,
    ("Dataset", "str"): _LOADED,
    ("Dataset", "PosixPath"): _LOADED,
    ("Dataset", "ndarray"): _LOADED,
    ("Dataset", "Tensor"): _LOADED,
    ("Dataset", "DataFrame"): _LOADED,
    ("Dataset", "list"): _LOADED,
    ("Dataset", "dict"): _LOADED,
    ("Dataset", "Split"): "give the whole data set",
    ("Tensor", "Dataset"): "give its rows, as in data.test.x",
    ("Tensor", "Split"): "give its rows, as in data.test.x",
    ("Path", "Run"): "give run.path",
    ("Path", "Model"): "give the folder that it was saved in",
    ("Options", "dict"): "give Options(**options), or the settings themselves",
}


def brief(value: Any) -> str:
    """Returns a short text of a value, for messages.

    Example:
        >>> brief("3"), brief(np.zeros((3, 2)))
        ("'3'", 'a ndarray of shape (3, 2)')
        >>> brief(10**400)
        'a number of 401 digits'
    """
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"a {type(value).__name__} of shape {tuple(shape)}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    plain = isinstance(value, str | int | float | complex | list | tuple | dict | None)
    if isinstance(value, int) and abs(value) >= LARGEST:
        return f"a number of {_digits(abs(value)):,} digits"
    text = " ".join(repr(value).split()) if plain else ""
    return text if 0 < len(text) <= 60 else f"a {type(value).__name__}"


def _digits(value: int) -> int:
    """Returns the number of digits of a positive whole number, which Python may refuse to write out."""
    about = int(math.log10(value))
    return about + (value >= 10**about) + (value >= 10 ** (about + 1))
