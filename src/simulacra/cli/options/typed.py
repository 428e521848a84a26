"""Options with the types, defaults and help of a signature and its docstring, by jsonargparse."""

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
from simulacra.cli.options.nearest import hint, nearest
from simulacra.cli.options.words import MAPPINGS, kind_of, phrase
from simulacra.core.renamed import present
from simulacra.core.storage.plain_yaml import Refused, check_plain, load_yaml


class Typed:
    """A set of options.

    Args:
        usage: the line that help begins with.
        about: a paragraph below it.
        more: what help ends with.
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
        self.owners: dict[str, set[str]] = {}  # whose names the options of a group are

    def add(self, source: Callable[..., Any], under: str | None = None, skip: Collection[str] = ()) -> None:
        """The parameters of a class or function as options, named `under.parameter`."""
        skipped: set[str | int] = set(skip)
        names = {base.__name__ for base in getattr(source, "__mro__", [source])}
        self.owners.setdefault(under or "", set()).update(names)
        if isinstance(source, type) and not hands_on(source):
            self.parser.add_class_arguments(source, under, skip=skipped, sub_configs=False)
        else:
            # a command's own options need no title: the page begins with what it does
            titled = not self._begins_with(source)
            self.parser.add_function_arguments(
                construction(source) if isinstance(source, type) else source,
                under,
                as_group=titled,
                skip=skipped,
                sub_configs=False,
            )
        for action in self.parser._actions:
            # a group as a whole is no option here: `--config` holds all of them
            if under is not None and action.dest == under:
                action.help = argparse.SUPPRESS

    def _begins_with(self, source: Callable[..., Any]) -> bool:
        about = self.parser.description
        return bool(about) and (inspect.getdoc(source) or "").startswith(about or "")

    def title(self, under: str, title: str) -> None:
        """What the options named `under.NAME` are called together."""
        for group in self.parser._action_groups:
            if any(action.dest.startswith(f"{under}.") for action in group._group_actions):
                group.title = title

    @property
    def actions(self) -> dict[str, argparse.Action]:
        """The options by name."""
        shown = (a for a in self.parser._actions if a.help != argparse.SUPPRESS and a.dest != "help")
        return {action.dest: action for action in shown}

    def help(self) -> str:
        """The help page."""
        return self.parser.format_help()

    def parse(self, pairs: Iterable[Pair]) -> dict[str, Any]:
        """Values of all options, nested by their dots.

        Raises:
            ValueError: naming the option that is unknown or has a wrong value.
        """
        words = [self._word(self._present(name), value) for name, value in pairs]
        try:
            return dict(self.parser.parse_args(words).as_dict())
        except ArgumentError as error:
            raise ValueError(self._sentence(str(error), words)) from error

    def _present(self, name: str) -> str:
        group, _, option = name.rpartition(".")
        return f"{group}.{present(self.owners.get(group, ()), option)}".lstrip(".")

    def _word(self, name: str, value: str | None) -> str:
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
                # the option says what it takes
                pass
        if value.startswith("{") and any(get_origin(part) is Mapping for part in (kind, *get_args(kind))):
            value = _as_text(value)
        return f"--{name}={value}"

    def _find(self, name: str) -> argparse.Action:
        actions = self.actions
        parent, _, entry = name.rpartition(".")
        if entry and parent in actions and get_origin(kind_of(actions[parent])) in MAPPINGS:
            return actions[parent]
        if any(known.startswith(f"{name}.") for known in actions):
            raise ValueError(f"'--{name}' is no option: give its name as a word, {self.parser.usage}.")
        if name not in actions:
            raise ValueError(f"option '--{name}' is unknown; {hint(name, actions, '--{}')}")
        return actions[name]

    def _sentence(self, message: str, words: list[str]) -> str:
        """What jsonargparse says, in one sentence."""
        found = re.search(r'Parser key "([^"]+)"|argument --([\w.-]+)', message)
        if found is None:
            return " ".join(message.split())
        name = found[1] or found[2]
        given = next((w for w in reversed(words) if re.match(rf"--{re.escape(name)}[.=]", w)), "")
        option, _, value = given.partition("=")
        kind = kind_of(self._find(name))
        value = value.strip("[]") if get_origin(kind) is tuple else value
        choices = map(str, get_args(kind)) if get_origin(kind) is Literal else ()
        near = nearest(value, choices)
        end = f"; did you mean {near!r}?" if near else "."
        return f"{option or '--' + name} is {value!r}, but it must be {phrase(kind)}{end}"


def _as_text(value: str) -> str:
    """A typed mapping with every scalar as the text that it is: the class `no` is not False."""
    try:
        return json.dumps(load_yaml(value, typed=False))
    except yaml.YAMLError:
        return value
