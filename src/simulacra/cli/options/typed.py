"""Builds command-line options from signatures and docstrings, with jsonargparse."""

from __future__ import annotations

import argparse
import inspect
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal, get_args, get_origin

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from simulacra.cli.options.arguments import Pair
from simulacra.cli.options.construction import construction, hands_on
from simulacra.cli.options.help import Plain
from simulacra.cli.options.nearest_name import hint, nearest
from simulacra.cli.options.words import MAPPINGS, kind_of, phrase
from simulacra.core.renamed import present
from simulacra.core.storage.plain_yaml import Refused, check_plain, load_yaml

TEXT = "\ue000"  # stands before words that jsonargparse would read as nothing: YAML's `~` and comments


class Typed:
    """A parser of options.

    Args:
        usage: usage line of help.
        about: paragraph below it.
        more: end of help.
    """

    def __init__(self, usage: str, about: str = "", more: str = ""):
        self.parser = ArgumentParser(
            prog="simulacra",
            usage=usage,
            description=about,
            epilog=more,
            formatter_class=Plain,
            exit_on_error=False,
            allow_abbrev=False,
        )
        self.owners: dict[str, set[str]] = {}  # names of the classes or functions of each group
        self.in_python: set[str] = set()  # names of options that are networks or functions

    def add(
        self,
        source: Callable[..., Any],
        under: str | None = None,
        skip: Collection[str] = (),
        in_python: Collection[str] = (),
    ) -> None:
        """Adds the parameters of a class or function as options.

        Args:
            source: class or function; types, defaults and help come from its signature and docstring.
            under: prefix; options are named `under.parameter`; None: no prefix.
            skip: parameters to leave out.
            in_python: those of them that only Python can give, which a refusal says.
        """
        skipped: set[str | int] = set(skip)
        self.in_python |= {f"{under}.{name}" for name in in_python}
        names = {base.__name__ for base in getattr(source, "__mro__", [source])}
        self.owners.setdefault(under or "", set()).update(names)
        if isinstance(source, type) and not hands_on(source):
            self.parser.add_class_arguments(source, under, skip=skipped, sub_configs=False)
        else:
            # no title for a command's own options: help begins with the same docstring
            titled = not self._begins_with(source)
            self.parser.add_function_arguments(
                construction(source) if isinstance(source, type) else source,
                under,
                as_group=titled,
                skip=skipped,
                sub_configs=False,
            )
        for action in self.parser._actions:
            # hide jsonargparse's option for a whole group; `--config` takes the place of it
            if under is not None and action.dest == under:
                action.help = argparse.SUPPRESS

    def _begins_with(self, source: Callable[..., Any]) -> bool:
        """Returns True if help begins with the docstring of `source`."""
        about = self.parser.description
        return bool(about) and (inspect.getdoc(source) or "").startswith(about or "")

    def title(self, under: str, title: str) -> None:
        """Sets the title of a group of options in help.

        Args:
            under: prefix of the group.
            title: title.
        """
        for group in self.parser._action_groups:
            if any(action.dest.startswith(f"{under}.") for action in group._group_actions):
                group.title = title

    @property
    def actions(self) -> dict[str, argparse.Action]:
        """The visible options by name."""
        shown = (a for a in self.parser._actions if a.help != argparse.SUPPRESS and a.dest != "help")
        return {action.dest: action for action in shown}

    def help(self) -> str:
        """Returns the help page."""
        return self.parser.format_help()

    def parse(self, pairs: Iterable[Pair]) -> dict[str, Any]:
        """Parses options and returns the values of all, nested by the dots in their names.

        Args:
            pairs: name and value of each option, as text.

        Raises:
            ValueError: if an option is unknown or has a wrong value; the message names it.
        """
        words = [self._word(self._current_name(name), value) for name, value in pairs]
        try:
            return dict(_unguarded(self.parser.parse_args(words).as_dict()))
        except ArgumentError as error:
            raise ValueError(self._sentence(str(error), words)) from error

    def _current_name(self, name: str) -> str:
        """Returns the current name of a renamed option."""
        group, _, option = name.rpartition(".")
        return f"{group}.{present(self.owners.get(group, ()), option)}".lstrip(".")

    def _word(self, name: str, value: str | None) -> str:
        """Returns an option in jsonargparse's syntax: tuples as lists, classes of mappings as text."""
        action = self._find(name)
        kind = kind_of(action)
        if value is None:
            if kind is not bool:
                raise ValueError(f"--{name} needs a value: {phrase(kind)}.")
            value = "true"
        if get_origin(kind) is tuple and value != "null":
            inner = value.strip()
            inner = inner[1:-1] if inner[:1] in ("(", "[") and inner[-1:] in (")", "]") else inner
            value = f"[{inner.rstrip(', ')}]"
        if value.startswith(("[", "{")):
            try:
                check_plain(value)
            except Refused as reason:
                raise ValueError(f"--{name} cannot be read: {reason}.") from reason
            except yaml.YAMLError:
                # jsonargparse reports it with the type of the option
                pass
        if value.startswith("{") and any(get_origin(part) is Mapping for part in (kind, *get_args(kind))):
            value = _as_text(value)
        if value.lstrip()[:1] in ("#", "~") and str in (kind, *get_args(kind)):
            value = TEXT + value
        return f"--{name}={value}"

    def _find(self, name: str) -> argparse.Action:
        """Returns the option with a name; raises ValueError with the nearest name if there is none."""
        actions = self.actions
        parent, _, entry = name.rpartition(".")
        if entry and parent in actions and get_origin(kind_of(actions[parent])) in MAPPINGS:
            return actions[parent]
        if any(known.startswith(f"{name}.") for known in actions):
            raise ValueError(f"'--{name}' is no option: give its name as a word, {self.parser.usage}.")
        if name in self.in_python:
            near = hint(name, actions, "--{}")
            raise ValueError(f"--{name} is a network or a function, which only Python can give; {near}")
        if name not in actions:
            raise ValueError(f"option '--{name}' is unknown; {hint(name, actions, '--{}')}")
        return actions[name]

    def _sentence(self, message: str, words: list[str]) -> str:
        """Returns the error message of jsonargparse as one sentence."""
        found = re.search(r'Parser key "([^"]+)"|argument --([\w.-]+)', message)
        if found is None:
            return " ".join(message.split())
        name = found[1] or found[2]
        given = next((w for w in reversed(words) if re.match(rf"--{re.escape(name)}[.=]", w)), "")
        option, _, value = given.replace(TEXT, "").partition("=")
        kind = kind_of(self._find(name))
        value = value.strip("[]") if get_origin(kind) is tuple else value
        choices = map(str, get_args(kind)) if get_origin(kind) is Literal else ()
        near = nearest(value, choices)
        end = f"; did you mean {near!r}?" if near else "."
        return f"{option or '--' + name} is {value!r}, but it must be {phrase(kind)}{end}"


def _as_text(value: str) -> str:
    """Returns a mapping with every scalar as text, so that the class `no` does not become False."""
    try:
        return json.dumps(load_yaml(value, typed=False))
    except yaml.YAMLError:
        return value


def _unguarded(value: Any) -> Any:
    """Returns parsed options without the mark that stands before some texts."""
    if isinstance(value, dict):
        return {name: _unguarded(entry) for name, entry in value.items()}
    return value.removeprefix(TEXT) if isinstance(value, str) else value
