"""`simulacra models`: the catalogue; `simulacra models NAME`: the options of one model."""

from __future__ import annotations

from collections.abc import Sequence

from simulacra.cli.arguments import scan
from simulacra.cli.said import say, table
from simulacra.models.catalog import CATALOG, find

HELP = "usage: simulacra models [NAME]\n\nList the models, or the options of one."


def run(words: Sequence[str]) -> int:
    """List the catalogue, or describe one model."""
    asked = scan(words)
    if "help" in asked.flags:
        say(HELP)
    elif asked.pairs or len(asked.positional) > 1:
        raise ValueError("models takes one name at most: simulacra models [NAME].")
    elif asked.positional:
        say(described(asked.positional[0]))
    else:
        rows = [("name", "family", "paper", "what it is")]
        rows += [(e.name, e.family, e.paper, e.summary) for e in CATALOG.values()]
        say(table(rows), "", "`simulacra models NAME` lists the options of one.")
    return 0


def described(name: str) -> str:
    """What a model is and what its options are.

    Raises:
        ValueError: if there is no such model.
    """
    entry = find(name)
    from simulacra.cli.plan import model_options
    from simulacra.cli.typed import kind_of, phrase

    options = model_options(entry, f"simulacra train {entry.name} DATA [--model.OPTION ...]")
    rows = [
        (f"  --{option}", phrase(kind_of(action)), _default(action.default), action.help or "")
        for option, action in options.actions.items()
    ]
    head = [f"{entry.name}: {entry.summary}", f"{entry.paper}; family {entry.family}", ""]
    rows.insert(0, ("  option", "value", "default", ""))
    return "\n".join([*head, table(rows) if len(rows) > 1 else "It has no options."])


def _default(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value)) or "()"
    return "-" if value is None else str(value)
