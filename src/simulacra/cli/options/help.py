"""Formats help pages: each option with its type and its default in words."""

from __future__ import annotations

import argparse
import types
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin

from jsonargparse import DefaultHelpFormatter

from simulacra.cli.options.words import kind_of, phrase

WIDEST = 40  # characters; longer lists of choices follow the description of the option


class Plain(DefaultHelpFormatter):
    """Formats help as argparse does, with types in words and with choices listed once."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = (action.help or "").rstrip()
        if isinstance(action, argparse._HelpAction):
            return "show this page and exit."
        notes = [note for note in (_type_text(action), _default(action)) if note]
        page = f"{text.rstrip('.')} ({'; '.join(notes)})" if notes else text
        return page.replace("%", "%%")

    def _metavar_formatter(self, action: argparse.Action, default_metavar: str) -> Callable[[int], Any]:
        shown = "|".join(choices_of(action))
        name = shown if 0 < len(shown) <= WIDEST else default_metavar
        return lambda size: (name,) * size


def choices_of(action: argparse.Action) -> list[str]:
    """Returns the permitted words of an option; empty if it takes other values."""
    kind = kind_of(action)
    if kind is bool:
        return ["true", "false"]
    return [str(word) for word in get_args(kind)] if get_origin(kind) is Literal else []


def _type_text(action: argparse.Action) -> str:
    """Returns the type of an option in words; empty if its choices are listed beside its name."""
    words, kind = choices_of(action), kind_of(action)
    if words:
        return "" if len("|".join(words)) <= WIDEST else phrase(kind)
    parts = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    known = [phrase(part) for part in parts if part not in (str, Any, types.NoneType)]
    # omit str beside other types, and mappings, which the option's description explains
    return " or ".join(words for words in known if "typing." not in words)


def _default(action: argparse.Action) -> str:
    """Returns the default in words; empty if it is None, in which case the description explains it."""
    value = action.default
    if value is None or value == argparse.SUPPRESS or value in ({}, ()):
        return ""
    return f"default {str(value).lower() if isinstance(value, bool) else value}"
