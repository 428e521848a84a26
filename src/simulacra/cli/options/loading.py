"""Combines the options of `load_data` and of all readers in one signature."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from typing import Any

from simulacra.data.load import load_data
from simulacra.data.readers import READERS


@functools.cache
def loading() -> Callable[..., None]:
    """Returns a function whose parameters and docstring are the options of `load_data` and of its readers."""

    def load(**options: Any) -> None: ...

    hints = typing.get_type_hints(load_data)
    common = [p for p in inspect.signature(load_data).parameters.values() if p.kind == p.KEYWORD_ONLY]
    found = {p.name: p.replace(annotation=hints[p.name]) for p in common}
    described = dict(_arguments(load_data))
    for reader in READERS:
        hints = typing.get_type_hints(reader.options)
        for field in dataclasses.fields(reader.options):
            kind, told = hints[field.name], dict(_arguments(reader.options))[field.name]
            before = found.get(field.name)
            if before is not None:
                # readers may accept different types for one option: join them
                kind = before.annotation if before.annotation == kind else before.annotation | kind
                told = max(described[field.name], told, key=len)
            found[field.name] = inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=kind
            )
            described[field.name] = told
    load.__name__ = load.__qualname__ = "load_data"
    load.__doc__ = "The data\n\nArgs:\n" + "\n".join(f"    {n}: {described[n]}" for n in found)
    load.__annotations__ = {name: p.annotation for name, p in found.items()}
    load.__signature__ = inspect.Signature(list(found.values()))  # type: ignore[attr-defined]
    return load


def _arguments(documented: Any) -> Iterator[tuple[str, str]]:
    """Yields name and description of each argument in a docstring."""
    text = inspect.getdoc(documented) or ""
    lines = text.partition("Args:\n")[2].partition("\n\n")[0].splitlines()
    name, said = "", ""
    for line in lines:
        begins = re.match(r" {4}(\w+): (.*)", line)
        if begins and name:
            yield name, said
        name, said = (begins[1], begins[2]) if begins else (name, f"{said} {line.strip()}")
    if name:
        yield name, said
