"""`simulacra models`: lists the catalogue; `simulacra models NAME`: lists the options of one model."""

from __future__ import annotations

import textwrap
from argparse import Action
from collections.abc import Mapping, Sequence

from simulacra.cli.options.arguments import scan
from simulacra.cli.options.words import kind_of, phrase
from simulacra.cli.output import say, table
from simulacra.models.catalog import find, listed

HELP = "usage: simulacra models [NAME]\n\nList the models, or the options of one."
INDENT = " " * 6


def run(words: Sequence[str]) -> int:
    """Lists the catalogue, or describes one model.

    Args:
        words: command-line words after `models`.

    Raises:
        ValueError: if there are several names or any option.
    """
    asked = scan(words)
    if "help" in asked.flags:
        say(HELP)
    elif asked.pairs or len(asked.positional) > 1:
        raise ValueError("models takes one name at most: simulacra models [NAME].")
    elif asked.positional:
        say(described(asked.positional[0]))
    else:
        entries, problems = listed()
        rows = [("name", "family", "what it is", "paper")]
        rows += [(e.name, e.family, e.summary, e.paper) for e in entries]
        say(table(rows), "", *problems, "`simulacra models NAME` lists the options of one.")
    return 0


def described(name: str) -> str:
    """Returns the summary of a model and its options, as text.

    Args:
        name: name in the catalogue.

    Raises:
        ValueError: if there is no such model.
    """
    entry = find(name)
    from simulacra.cli.options.drawing import UNDER, add_fields
    from simulacra.cli.options.plan import model_options
    from simulacra.cli.options.typed import Typed

    options = model_options(entry, f"simulacra train {entry.name} DATA [--model.OPTION ...]").actions
    lines = [f"{entry.name}: {entry.summary}", "; ".join(filter(None, (entry.paper, entry.origin)))]
    lines += _listed(options)
    drawing = Typed(f"simulacra sample RUN [--{UNDER}.NAME ...]")
    if add_fields(drawing, entry.load()):
        lines += ["", "Options of drawing:"]
        lines += _listed(drawing.actions)
    end = "With their defaults; - is none." if options else "It has no options."
    return "\n".join([*lines, "", end])


def _listed(options: Mapping[str, Action]) -> list[str]:
    lines: list[str] = []
    for option, action in options.items():
        lines += ["", f"  --{option} {_default(action.default)}  ({phrase(kind_of(action))})"]
        lines += textwrap.wrap(action.help or "", 100, initial_indent=INDENT, subsequent_indent=INDENT)
    return lines


def _default(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value)) or "()"
    return "-" if value is None else str(value)
