"""The plan of `train`: model, data and options; the options include the arguments of the model's class.

A plan comes from the command line, from a YAML file, or from both (the command line wins), and is
written into the run folder as `config.yaml`, from which the same run can be trained again.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from simulacra.cli.options.arguments import Arguments, Pair
from simulacra.cli.options.loading import loading
from simulacra.cli.options.typed import Typed
from simulacra.core.model import SEED
from simulacra.core.spaces.plain import Space
from simulacra.models.catalog import Entry, find
from simulacra.training.options import Options

USAGE = "simulacra train {} DATA [options]"
MORE = """DATA is a name that `simulacra data` lists, a folder of images or of .wav recordings, or
a .wav, .npz, .npy, .csv or .mat file, or a .json file of music.
--stages.NAME.epochs sets the length of one stage; --config FILE.yaml reads options, --print_config
prints them all and trains nothing."""


@dataclass(frozen=True)
class Plan:
    """A model, data and options, before any of them is built.

    Args:
        model: name in the catalogue.
        data: name or path of the data.
        model_options: arguments of the model's class, as plain values.
        data_options: options of `load_data`.
        training: options of `training.options.Options`.
        out: run folder; None: the first free `runs/MODEL-DATA-N`.
    """

    model: str
    data: str
    model_options: dict[str, Any] = field(default_factory=dict)
    data_options: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    out: str | None = None

    def at(self, data: str) -> Plan:
        """Returns the plan with another name of the data, such as an absolute path."""
        return replace(self, data=data)

    def nested(self) -> dict[str, Any]:
        """Returns the nested dictionary of the YAML file: all but the run folder."""
        return {
            "model": {"name": self.model, **self.model_options},
            "data": {"name": self.data, **self.data_options},
            **self.training,
        }


def structural(kind: type) -> set[str]:
    """Returns the constructor arguments that are no options: spaces, modules, functions and the seed.

    Spaces come from the data, modules and functions only from code; the seed of the weights is `--seed`,
    that of training.
    """
    return {SEED.name} | _arguments(kind, lambda part: _is_a(part, Space)) | in_python(kind)


def in_python(kind: type) -> set[str]:
    """Returns the constructor arguments that only Python can give: networks and functions."""
    return _arguments(kind, lambda part: _is_a(part, nn.Module) or typing.get_origin(part) is Callable)


def _is_a(part: Any, kind: type) -> bool:
    return isinstance(part, type) and issubclass(part, kind)


def _arguments(kind: type, holds: Callable[[Any], bool]) -> set[str]:
    """Returns the constructor arguments whose annotation, or a part of it, has a property."""
    found = set()
    for base in kind.__mro__:
        if "__init__" not in vars(base) or base.__module__ in ("builtins", "torch.nn.modules.module"):
            continue
        for name, annotation in typing.get_type_hints(vars(base)["__init__"]).items():
            parts = (annotation, *typing.get_args(annotation))
            if any(map(holds, parts)):
                found.add(name)
    return found


def takes_condition(kind: type) -> bool:
    """Returns True if the constructor takes a condition."""
    return "condition" in inspect.signature(kind).parameters


def model_options(entry: Entry, usage: str) -> Typed:
    """Returns the options of one model.

    Args:
        entry: entry in the catalogue.
        usage: usage line of help.
    """
    kind = entry.load()
    options = Typed(usage)
    options.add(kind, "model", structural(kind), in_python(kind))
    return options


def all_options(entry: Entry) -> Typed:
    """Returns all options of `train` for one model."""
    kind = entry.load()
    paper = f" ({entry.paper})" if entry.paper else ""
    options = Typed(USAGE.format(entry.name), f"{entry.name}: {entry.summary}{paper}.", MORE)
    options.add(folder)
    options.add(kind, "model", structural(kind), in_python(kind))
    options.title("model", "The model")
    options.add(loading(), "data")
    options.add(Options)
    return options


def folder(out: str | None = None) -> None:
    """The run folder

    Args:
        out: run folder; by default the first free runs/MODEL-DATA-N.
    """


def plan_of(model: str, data: str, pairs: list[Pair]) -> Plan:
    """Returns the plan with the given options.

    Args:
        model: name in the catalogue.
        data: name or path of the data.
        pairs: name and value of each option, as text.

    Raises:
        ValueError: if the model or an option is unknown, or a value is wrong.
    """
    entry = find(model)
    values = all_options(entry).parse(pairs)
    out, chosen = values.pop("out"), values.pop("model", {})
    return Plan(entry.name, data, chosen, values.pop("data"), values, out)


def names_in(asked: Arguments, filed: dict[str, str]) -> tuple[str | None, str | None]:
    """Returns MODEL and DATA from the command line, or else from the YAML file; None for a missing one.

    Args:
        asked: words of the command.
        filed: `model` and `data` of the YAML file, if given there.

    Raises:
        ValueError: if there are more than two words.
    """
    if len(asked.positional) > 2:
        raise ValueError(
            f"{asked.positional[2]!r} is one word too many: simulacra train MODEL DATA [options]."
        )
    model, data = [*asked.positional, None, None][:2]
    return model or filed.get("model"), data or filed.get("data")
