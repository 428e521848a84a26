"""Combines the options of `load_data` and of all readers in one signature."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from simulacra.data.load import load_data
from simulacra.data.readers import READERS


@functools.cache
def loading() -> Callable[..., None]:
    """Returns a function whose parameters and docstring are the options of `load_data` and of its readers."""
    hints = typing.get_type_hints(load_data)
    common = [p for p in inspect.signature(load_data).parameters.values() if p.kind == p.KEYWORD_ONLY]
    found = {p.name: p.replace(annotation=hints[p.name]) for p in common}
    told = dict(described(load_data))
    for reader in READERS:
        hints = typing.get_type_hints(reader.options)
        for field in dataclasses.fields(reader.options):
            kind, said = hints[field.name], dict(described(reader.options))[field.name]
            before = found.get(field.name)
            if before is not None:
                # readers may accept different types for one option: join them
                kind = before.annotation if before.annotation == kind else before.annotation | kind
                said = max(told[field.name], said, key=len)
            found[field.name] = inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=kind
            )
            told[field.name] = said
    return function_of("load_data", "The data", found.values(), told)


def function_of(
    name: str, title: str, parameters: Iterable[inspect.Parameter], told: Mapping[str, str]
) -> Callable[..., None]:
    """Returns a function without effect that has the given signature and docstring.

    Args:
        name: name of the function.
        title: beginning of its docstring; only the first paragraph is used.
        parameters: parameters with types.
        told: description of each parameter, by name.
    """

    def nothing(**options: Any) -> None: ...

    found = list(parameters)
    nothing.__name__ = nothing.__qualname__ = name
    lines = (f"    {p.name}: {told[p.name]}" for p in found)
    nothing.__doc__ = "\n".join([title.partition("\n\n")[0], "", "Args:", *lines])
    nothing.__annotations__ = {p.name: p.annotation for p in found}
    nothing.__signature__ = inspect.Signature(found)  # type: ignore[attr-defined]
    return nothing


def described(documented: Any) -> Iterator[tuple[str, str]]:
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
