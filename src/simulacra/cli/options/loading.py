"""Combines the options of `load_data` and of all readers in one signature."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable

from simulacra.cli.options.docstrings import described, function_of
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
