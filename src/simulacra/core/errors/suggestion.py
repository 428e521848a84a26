"""Suggestions as data: the options or the command that a refusal names, for programs that act on them.

A refusal is one sentence for people. What it suggests stands beside the sentence, which is written from it,
so that the two cannot differ: the command line prints the sentence, tests run the suggestion, and a page can
offer it as a button.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Of = Literal["data", "model", "train"]


@dataclass(frozen=True)
class Suggestion:
    """One way out: options that are given together, or a command.

    Args:
        options: name and value of each.
        command: words after `simulacra`.
        of: whose options they are: of loading the data, of the model, or of training.

    Example:
        >>> print(load_with(missing_values="-9", missing="mask"))
        missing_values='-9' and missing='mask'
        >>> print(command("train", "--resume", "my run"))
        `simulacra train --resume 'my run'`
    """

    options: tuple[tuple[str, Any], ...] = ()
    command: tuple[str, ...] = ()
    of: Of = "data"

    @property
    def words(self) -> tuple[str, ...]:
        """The words to type: the whole command, or the options to add to one.

        Example:
            >>> load_with(types={"a": "drop"}, test=0).words
            ('--data.types', '{"a": "drop"}', '--data.test', '0')
        """
        if self.command:
            return self.command
        before = "" if self.of == "train" else f"{self.of}."
        return tuple(word for name, value in self.options for word in (f"--{before}{name}", typed(value)))

    def json(self) -> dict[str, Any]:
        """Returns the suggestion as JSON: `command`, or `options` by name with their owner `of`."""
        if self.command:
            return {"command": [*self.command]}
        return {"of": self.of, "options": dict(self.options)}

    def __str__(self) -> str:
        if self.command:
            return f"`simulacra {shlex.join(self.command)}`"
        return " and ".join(f"{name}={value!r}" for name, value in self.options)


def load_with(**options: Any) -> Suggestion:
    """The suggestion to load the data with these options."""
    return Suggestion(options=tuple(options.items()))


def build_with(**options: Any) -> Suggestion:
    """The suggestion to build the model with these options."""
    return Suggestion(options=tuple(options.items()), of="model")


def train_with(**options: Any) -> Suggestion:
    """The suggestion to train with these options.

    Example:
        >>> train_with(clip=1).words
        ('--clip', '1')
    """
    return Suggestion(options=tuple(options.items()), of="train")


def command(*words: object) -> Suggestion:
    """The suggestion to run `simulacra WORDS`."""
    return Suggestion(command=tuple(map(str, words)))


def typed(value: Any) -> str:
    """The value of an option as one word of the command line.

    Example:
        >>> typed(False), typed(0.1), typed({"a": "drop"})
        ('false', '0.1', '{"a": "drop"}')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else str(value)


class Phrase(str):
    """A part of a sentence that carries what it suggests.

    Args:
        text: the words.
        parts: suggestions in them, and phrases that have some.

    Example:
        >>> one = load_with(test=0)
        >>> Phrase(f"load it with {one}", one).suggestions == (one,)
        True
    """

    suggestions: tuple[Suggestion, ...]

    def __new__(cls, text: str, *parts: object) -> Phrase:
        made = super().__new__(cls, text)
        made.suggestions = suggestions_of(parts)
        return made


class Refusal(ValueError):
    """A `ValueError` that carries what its sentence suggests.

    Args:
        message: one sentence.
        parts: suggestions in it, and phrases that have some.

    Example:
        >>> one = load_with(condition="label")
        >>> Refusal(f"the rows have no label: load the data with {one}.", one).suggestions[0].words
        ('--data.condition', 'label')
    """

    def __init__(self, message: str, *parts: object):
        super().__init__(message)
        self.suggestions = suggestions_of(parts)


def suggestions_of(parts: Iterable[object]) -> tuple[Suggestion, ...]:
    """The suggestions among parts of a sentence, in order; plain words have none."""
    found: list[Suggestion] = []
    for part in parts:
        if isinstance(part, Suggestion):
            found.append(part)
        elif isinstance(part, (Phrase, Refusal)):
            found += part.suggestions
    return tuple(found)
