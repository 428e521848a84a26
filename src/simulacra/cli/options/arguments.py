"""What was typed, taken apart before any option is known: every option but a flag takes one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

FLAGS = ("help", "print_config")
Pair = tuple[str, str | None]


@dataclass
class Arguments:
    """Words of a command.

    Args:
        positional: in order.
        pairs: name (underscores, no dashes) and value of each option; None: no value was given.
        flags: those of `FLAGS` that stand there.
    """

    positional: list[str] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)

    def take(self, name: str) -> str | None:
        """The last value of an option, which is taken out.

        Raises:
            ValueError: if the option stands there without a value.
        """
        values = [value for key, value in self.pairs if key == name]
        self.pairs = [pair for pair in self.pairs if pair[0] != name]
        if values and values[-1] is None:
            raise ValueError(f"--{name} needs a value.")
        return values[-1] if values else None


def scan(words: Sequence[str]) -> Arguments:
    """Take the words apart.

    Raises:
        ValueError: if a word begins with one dash.

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
    """Underscores for dashes; `stages.NAME.epochs` keeps the name of the stage."""
    if name.startswith("stages."):
        return name.removesuffix(".epochs")
    return name.replace("-", "_")
