"""Checks of values from files or users against the types that a class or function declares."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    dict: "an object",
    list: "a list",
    type(None): "nothing",
}


def is_of(kind: Any, value: Any) -> bool:
    """Returns True if a value has the declared type; integers count as numbers, booleans do not.

    Args:
        kind: an annotation.
        value: any value.

    Example:
        >>> is_of(float, 3), is_of(int, True), is_of(int | None, None), is_of(dict[str, float], {"a": "b"})
        (True, False, True, False)
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if kind in (int, float):
        number = isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
        # an int may be too large for a float
        return number and (kind is int or not isinstance(value, int) or abs(value) < 2**1000)
    if origin in (Union, types.UnionType):
        return any(is_of(member, value) for member in arguments)
    if origin is Literal:
        return isinstance(value, str | int) and value in arguments
    if origin in (dict, Mapping):
        return isinstance(value, Mapping) and all(
            isinstance(name, str) and is_of(arguments[1], entry) for name, entry in value.items()
        )
    if origin in (list, Sequence):
        return isinstance(value, list | tuple) and all(is_of(arguments[0], entry) for entry in value)
    if origin is tuple:
        return (
            isinstance(value, list | tuple)
            and len(value) == len(arguments)
            and all(map(is_of, arguments, value))
        )
    return not isinstance(kind, type) or isinstance(value, kind)


def in_words(kind: Any) -> str:
    """Returns a declared type in words, for messages.

    Example:
        >>> in_words(int | None), in_words(Literal["cpu", "cuda"])
        ('a whole number or nothing', "'cpu' or 'cuda'")
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(in_words, arguments)))
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin in (dict, Mapping):
        return (
            "an object" if arguments[1] is Any else f"an object of names, each with {in_words(arguments[1])}"
        )
    if origin in (list, Sequence):
        return "a list"
    if origin is tuple:
        return f"{len(arguments)} of {in_words(arguments[0])}"
    return WORDS.get(kind, getattr(kind, "__name__", str(kind)))


def wrongly_typed(owner: Any, values: Mapping[str, Any]) -> str | None:
    """Returns part of a sentence that names the first value of another type than declared; None if all fit.

    Args:
        owner: a class or function with annotations.
        values: values by name; undeclared names are ignored.

    Example:
        >>> from simulacra.training.options import Options
        >>> wrongly_typed(Options, {"batch_size": "many"})
        "batch_size is 'many', but it must be a whole number or nothing"
    """
    for name, kind in get_type_hints(owner).items():
        if name in values and not is_of(kind, values[name]):
            shown = repr(values[name])
            shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
            return f"{name} is {shown}, but it must be {in_words(kind)}"
    return None
