"""Conversion of dataclasses of numbers to JSON and back.

The fields are numbers, texts, records, or tuples, lists and dicts of these. Properties that a class lists in
`derived` are written too, for readers of the JSON; they are not read back.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, ClassVar, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from simulacra.core.errors.argument_types import brief
from simulacra.core.storage.files import finite
from simulacra.core.storage.typed_values import in_words, is_of

LARGEST = 2**63  # of whole numbers in a record
T = TypeVar("T")


class Record:
    """Base class for dataclasses of numbers that can be written as JSON.

    Example:
        >>> from simulacra.evaluation.tasks.classification import Classification
        >>> Classification(wrong=2, rows=8).json()
        {'wrong': 2, 'rows': 8, 'share': 0.25, 'error': 0.15309310892394862}
    """

    derived: ClassVar[tuple[str, ...]] = ()

    def json(self) -> dict[str, Any]:
        """Returns the record as JSON, with null for NaN and infinity."""
        return as_json(self)


def as_json(record: Any) -> dict[str, Any]:
    """Returns a record as JSON, with null for NaN and infinity.

    Example:
        >>> from simulacra.evaluation.tasks.classification import Classification
        >>> as_json(Classification(wrong=2, rows=8))
        {'wrong': 2, 'rows': 8, 'share': 0.25, 'error': 0.15309310892394862}
    """
    return cast(dict[str, Any], finite(_plain(record)))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        names = [*(f.name for f in fields(value)), *getattr(value, "derived", ())]
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    return value


def read_as(kind: Any, content: Any) -> Any:
    """Returns the value of type `kind` that `as_json` wrote; NaN and infinity come back as None.

    For a union of records, the first record whose required fields are all present is used.

    Args:
        kind: type of the value.
        content: its JSON.

    Raises:
        KeyError: if an entry of a record is missing.
        TypeError: if an entry has another type, such as text instead of a record.

    Example:
        >>> from simulacra.evaluation.tasks.classification import Classification
        >>> read_as(Classification, {"wrong": 2, "rows": 8, "share": 0.25})
        Classification(wrong=2, rows=8)
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if content is None or kind is Any:
        return content
    if origin in (Union, types.UnionType):
        return read_as(_member(arguments, content), content)
    if origin in (tuple, list) and not isinstance(content, list | tuple):
        raise TypeError(f"here is {brief(content)}, but it must be a list")
    if origin in (dict, Mapping) and not isinstance(content, Mapping):
        raise TypeError(f"here is {brief(content)}, but it must be an object")
    if is_dataclass(kind):
        return _record(cast(type, kind), content)
    if origin is tuple:
        kinds = [arguments[0]] * len(content) if arguments[1:] == (...,) else arguments
        return tuple(read_as(k, entry) for k, entry in zip(kinds, content, strict=True))
    if origin is list:
        return [read_as(arguments[0], entry) for entry in content]
    if origin is dict or origin is Mapping:
        return {name: read_as(arguments[1], entry) for name, entry in content.items()}
    if not is_of(kind, content) or (isinstance(content, int) and abs(content) > LARGEST):
        raise TypeError(f"here is {brief(content)}, but it must be {in_words(kind)}")
    return content


def _record(kind: type[T], content: Any) -> T:
    if not isinstance(content, Mapping):
        raise TypeError(f"{kind.__name__} is written as an object, but here is {content!r}")
    hints = get_type_hints(kind)
    given = {
        f.name: read_as(hints[f.name], content[f.name])
        for f in fields(cast(Any, kind))
        if f.name in content or not _optional(f)
    }
    return kind(**given)


def _optional(field: Any) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _member(kinds: tuple[Any, ...], content: Any) -> Any:
    """Returns the member of a union that the content was written as."""
    records = [kind for kind in kinds if is_dataclass(kind)]
    if not isinstance(content, Mapping) or not records:
        plain = [kind for kind in kinds if kind is not type(None) and not is_dataclass(kind)]
        return next((kind for kind in plain if is_of(kind, content)), (plain or records)[0])
    needed = lambda kind: {f.name for f in fields(kind) if not _optional(f)}
    return next((kind for kind in records if needed(kind) <= set(content)), records[0])
