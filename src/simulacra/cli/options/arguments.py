"""Splits command-line words into positionals, options and flags; every option but a flag takes one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

FLAGS = ("help", "print_config")
Pair = tuple[str, str | None]


@dataclass
class Arguments:
    """Words of a command.

    Args:
        positional: words that are no options, in order.
        pairs: name (underscores, no dashes) and value of each option; None: no value was given.
        flags: the given flags, out of `FLAGS`.
    """

    positional: list[str] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)

    def take(self, name: str) -> str | None:
        """Removes an option and returns its last value; None if it was not given.

        Args:
            name: name of the option, with underscores.

        Raises:
            ValueError: if the option has no value.
        """
        values = [value for key, value in self.pairs if key == name]
        self.pairs = [pair for pair in self.pairs if pair[0] != name]
        if values and values[-1] is None:
            raise ValueError(f"--{name} needs a value.")
        return values[-1] if values else None


def scan(words: Sequence[str]) -> Arguments:
    """Splits command-line words into positionals, options and flags.

    Args:
        words: words after the command's name.

    Raises:
        ValueError: if a word begins with a single dash.

    Example:
        >>> scan(["vae", "--batch-size", "50", "digits", "--lr=0.1"])
        Arguments(positional=['vae', 'digits'], pairs=[('batch_size', '50'), ('lr', '0.1')], flags=set())
    """
    found, rest = Arguments(), list(words)
    while rest:
        word = rest.pop(0)
        if word == "-h":
            found.flags.add("help")
        elif word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            name = _normal(name)
            if name in FLAGS and not equals:
                found.flags.add(name)
            elif equals:
                found.pairs.append((name, value))
            else:
                bare = not rest or rest[0].startswith("--") or rest[0] == "-h"
                found.pairs.append((name, None if bare else rest.pop(0)))
        elif word.startswith("-") and len(word) > 1:
            raise ValueError(f"option {word!r} is unknown: options begin with two dashes.")
        else:
            found.positional.append(word)
    return found


def _normal(name: str) -> str:
    """Replaces dashes by underscores; in `stages.NAME.epochs`, keeps the name of the stage."""
    if name.startswith("stages."):
        return name.removesuffix(".epochs")
    return name.replace("-", "_")
