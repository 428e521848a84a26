"""Signatures and docstrings from parameters with descriptions, and descriptions from docstrings.

Nothing here imports torch, so that help and lists are quick.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any


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
