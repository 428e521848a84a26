"""Describes types of options in words."""

from __future__ import annotations

import argparse
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

NUMBERS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}
MAPPINGS = (dict, Mapping)


def kind_of(action: argparse.Action) -> Any:
    """Returns the type of an option without `| None`."""
    kind = getattr(action, "_typehint", action.type) or str
    if get_origin(kind) in (Union, types.UnionType):
        rest = [part for part in get_args(kind) if part is not types.NoneType]
        return rest[0] if len(rest) == 1 else kind
    return kind


def phrase(kind: Any) -> str:
    """Returns a type in words.

    Example:
        >>> phrase(int), phrase(tuple[int, ...]), phrase(Literal["a", "b"])
        ('a whole number', 'whole numbers such as 256,128', 'a or b')
    """
    if get_origin(kind) is Literal:
        *first, last = map(str, get_args(kind))
        return f"{', '.join(first)} or {last}" if first else last
    if get_origin(kind) in (Union, types.UnionType):
        parts = [part for part in get_args(kind) if part is not types.NoneType]
        return " or ".join(phrase(part) for part in parts if part is not Any)
    if get_origin(kind) is tuple:
        whole = int in get_args(kind)
        return "whole numbers such as 256,128" if whole else "values such as 1,2"
    if get_origin(kind) in MAPPINGS:
        return phrase(get_args(kind)[-1])
    return NUMBERS.get(kind, str(kind))
