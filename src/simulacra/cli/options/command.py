"""Runs a function as a command: parameters without a default are positional words, the others are options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from simulacra.cli.options.arguments import scan


def call(
    name: str, function: Callable[..., int], words: Sequence[str], form: str = "", more: str = ""
) -> int:
    """Calls `function` with the words after `simulacra NAME`, or prints its help.

    A function with a parameter `sampling` is given the options `--sampling.NAME` of the model in its first
    word.

    Args:
        name: name of the command.
        function: function of the command; it returns an exit code.
        words: command-line words after the name.
        form: usage of the positional words in help, if it differs from the parameters' names.
        more: lines at the end of help.

    Returns:
        exit code of the function; 0 for help.

    Raises:
        ValueError: if a word is missing or too many, or an option is wrong.
    """
    asked = scan(words)
    required = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    from simulacra.cli.options.drawing import LISTED, UNDER, add_drawing, given
    from simulacra.cli.options.typed import Typed

    line = f"simulacra {name} {form} [options]" if form else usage(name, required)
    about = (inspect.getdoc(function) or "").split("\n")[0]
    options = Typed(line, about)
    drawn = UNDER in inspect.signature(function).parameters
    options.add(function, skip=[*(p.name for p in required), *([UNDER] if drawn else [])])
    if drawn:
        add_drawing(options, next(iter(asked.positional), None), asked.pairs, name)
        more = more if asked.positional else LISTED.format(name)
    if "help" in asked.flags:
        print(options.help() + (f"\n{more}\n" if more else ""), end="")
        return 0
    positional, values = _words(name, required, asked.positional), options.parse(asked.pairs)
    if drawn:
        values[UNDER] = given(values.get(UNDER) or {}, asked.pairs)
    return function(*positional, **values)


def usage(name: str, required: Sequence[inspect.Parameter]) -> str:
    """Returns the usage line of help.

    Args:
        name: name of the command.
        required: parameters that are positional words.
    """
    shown = [f"{p.name.upper()} ..." if p.kind is p.VAR_POSITIONAL else p.name.upper() for p in required]
    return " ".join(["simulacra", name, *shown, "[options]"])


def _words(name: str, required: Sequence[inspect.Parameter], given: Sequence[str]) -> list[Any]:
    many = any(p.kind is p.VAR_POSITIONAL for p in required)
    single = [p.name.upper() for p in required if p.kind is not p.VAR_POSITIONAL]
    if len(given) < len(single):
        raise ValueError(f"{single[len(given)]} is missing: {usage(name, required)}.")
    if len(given) > len(single) and not many:
        raise ValueError(f"{given[len(single)]!r} is one word too many: {usage(name, required)}.")
    return list(given)
