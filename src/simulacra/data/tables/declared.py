"""Kinds of columns that the user declares: one kind for all columns, a mapping, or a YAML file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.storage.files import read_text
from simulacra.core.storage.plain_yaml import load_yaml

KINDS = ("numeric", "real", "positive", "count", "binary", "categorical", "ordinal", "drop")
EVERY_OTHER = "*"

Declared = Mapping[str, Any]


def read_types(types: str | Mapping[str, Any] | None, columns: Sequence[str] | None = None) -> Declared:
    """Returns the declared kinds by column; `*` stands for all other columns.

    Args:
        types: one kind for all columns, a mapping, or the path of a YAML file with a mapping; None: no
            declaration.
        columns: names of the table's columns, to find misspelt ones; None: not checked.

    Raises:
        ValueError: if the file holds no such mapping, or a kind or column is unknown.

    Example:
        >>> read_types("real")
        {'*': 'real'}
    """
    if types is None:
        return {}
    if isinstance(types, str):
        types = {EVERY_OTHER: types} if types in KINDS else _read(types)
    types = {str(name): declared for name, declared in types.items()}
    for name, declared in types.items():
        kind = declared.get("kind") if isinstance(declared, Mapping) else declared
        if kind not in KINDS:
            raise ValueError(f"types declares column {name!r} as {kind!r}; kinds are {', '.join(KINDS)}.")
        if columns is not None and name not in (*columns, EVERY_OTHER):
            known = ", ".join(columns[:20])
            raise ValueError(f"types declares a column {name!r}, but the table has {known}.")
    return types


def classes_of(declared: Any) -> tuple[str, ...]:
    """Returns the classes that a declared kind lists, as text."""
    return tuple(map(str, declared.get("classes") or ())) if isinstance(declared, Mapping) else ()


def _read(path: str) -> Mapping[str, Any]:
    if not path.endswith((".yaml", ".yml")):
        parts = [part.strip() for part in re.split("[=:]", path, maxsplit=1)]
        name, kind = parts if len(parts) == 2 and parts[1] in KINDS else ("age", "real")
        one = load_with(types={name: kind})
        raise Refusal(
            f"types={path!r} is no kind ({', '.join(KINDS)}) and no .yaml file: declare columns by name "
            f"with {one}.",
            one,
        )
    try:
        # scalars stay text: `no` is a class and not False, 01 is not 1
        content = load_yaml(read_text(Path(path)), typed=False)
    except FileNotFoundError as error:
        raise ValueError(f"types: there is no file {path}: give an existing one.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"types: {path} cannot be read as YAML ({str(error).splitlines()[0]}).") from error
    if not isinstance(content, dict):
        raise ValueError(f"types: {path} must hold one kind for each column, such as `age: count`.")
    return content
