"""Rebuilds a model from its configuration, which may be untrusted.

Any content gives a model or one error message: entries are checked, the caller chooses the class, and shapes
are compared with those in the weights file before memory is allocated.
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from simulacra.core.artifact.shapes_alone import shapes_alone
from simulacra.core.artifact.weights import check_fits
from simulacra.core.packages import of_the_library
from simulacra.core.preprocessing.chain import Preprocessing, preprocessing_from
from simulacra.core.renamed import renamed_arguments
from simulacra.core.spaces.composite import space_from
from simulacra.core.spaces.plain import Space
from simulacra.core.storage.files import Stored

if TYPE_CHECKING:
    from simulacra.core.model import Model

ENTRIES: dict[str, type] = {
    "model": str,
    "arguments": dict,
    "passed": dict,
    "preprocessing": dict,
    "label_names": list,
}
# entries that came later, and what their absence means
LATER: dict[str, Any] = {"version": "", "own": False, "extension": {}, "estimates": [], "conditioning": {}}
NAMES = {dict: "object", list: "list", str: "text", bool: "true or false"}


def check_config(config: dict[str, Any], entries: Mapping[str, type], where: Path) -> dict[str, Any]:
    """Returns the configuration with defaults for later entries, after checking all entries.

    Args:
        config: configuration as read.
        entries: required entries and their types.
        where: file of the configuration, for messages.

    Raises:
        ValueError: if an entry is missing or of another type.
    """
    config = {**LATER, **config}
    for name, kind in {**entries, **{name: type(value) for name, value in LATER.items()}}.items():
        if not isinstance(config.get(name), kind):
            raise ValueError(f"{where} is damaged: its entry {name!r} is missing or no {NAMES[kind]}.")
    for name, items, kind in (
        ("label_names", config["label_names"], str),
        ("passed", config["passed"].values(), str),
        ("estimates", config["estimates"], dict),
    ):
        if not all(isinstance(item, kind) for item in items):
            raise ValueError(
                f"{where} is damaged: its entry {name!r} holds something that is no {NAMES[kind]}."
            )
    return config


def build_model(
    config: Mapping[str, Any], kind: type[Model], passed: Mapping[str, Any], where: Path = Path("config.json")
) -> Model:
    """Builds an untrained model from its configuration.

    Args:
        config: configuration, from `check_config`.
        kind: class of the model.
        passed: arguments that the configuration holds as text only, such as networks, by name.
        where: file of the configuration, for messages.

    Raises:
        ValueError: if an argument must be passed, or was passed needlessly, or the entries do not fit.
    """
    name = config["model"]
    _check_passed(config, passed, where)
    with _as_value_error(f"{where}: its arguments make no {name[:60]}"):
        arguments = {key: argument_from(value) for key, value in config["arguments"].items()}
        known = renamed_arguments({base.__name__ for base in kind.__mro__}, arguments, quiet=True)
        model = kind(**{**kind.earlier, **known}, **dict[str, Any](passed))
    with _as_value_error(f"{where}: its preprocessing does not fit {name[:60]}"):
        model.preprocessing = _chain(config["preprocessing"], model.space)
    if config.get("conditioning"):
        with _as_value_error(f"{where}: its preprocessing of the condition does not fit {name[:60]}"):
            model.conditioning = _chain(config["conditioning"], model.condition)
            if model.conditioning.random:
                raise ValueError("it draws noise")
    model.label_names = tuple(config["label_names"])
    model.estimates = [dict(entry) for entry in config.get("estimates", [])]
    return model


def _chain(spec: dict[str, Any], space: Space | None) -> Preprocessing:
    """Builds a chain of preprocessing whose result lies in a space of the model.

    Args:
        spec: JSON of the chain.
        space: space of the model or of its condition; None: the model takes no condition.
    """
    chain = preprocessing_from(spec)
    _check_finite(spec)
    if chain.space != space:
        raise ValueError(f"it leads to {chain.space}, the model stands on {space}")
    return chain


def _check_passed(config: Mapping[str, Any], passed: Mapping[str, Any], where: Path) -> None:
    for name, text in config["passed"].items():
        if name not in passed:
            raise ValueError(
                f"this {config['model'][:60]} was built with its own {name}: pass it again, "
                f"as in load(path, {name}=...); it was {' '.join(text.split())[:200]}."
            )
    for name in passed:
        if name not in config["passed"]:
            known = f"; it takes {', '.join(config['passed'])}" if config["passed"] else ""
            raise ValueError(f"the model in {where} was not built with its own {name}: leave it out{known}.")


def argument_from(value: Any) -> Any:
    """Returns an argument of a constructor from its JSON: spaces are made again, lists become tuples."""
    if isinstance(value, dict):
        if set(value) == {"space"}:
            return space_from(value["space"])
        return {name: argument_from(entry) for name, entry in value.items()}
    return tuple(map(argument_from, value)) if isinstance(value, list) else value


def _check_finite(value: Any) -> None:
    """Raises ValueError if a number is NaN or infinite, which JSON text may contain."""
    if isinstance(value, dict | list):
        for entry in value.values() if isinstance(value, dict) else value:
            _check_finite(entry)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")


@contextmanager
def _as_value_error(beginning: str) -> Iterator[None]:
    """Context that turns any error into a ValueError of one sentence with the given beginning."""
    try:
        yield
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300].rstrip(".")
        reason = f"{reason} is unknown or missing" if isinstance(error, KeyError) else reason
        raise ValueError(f"{beginning} ({reason}).") from error


def check_sizes(
    config: Mapping[str, Any],
    kind: type[Model],
    passed: Mapping[str, Any],
    stored: Mapping[str, Stored],
    where: Path,
    weights: Path,
) -> None:
    """Checks that the configuration gives a model whose tensors have the shapes in the weights file.

    The model is built without storage, so that a malicious configuration allocates no memory. A user's own
    class may fail to build that way; it is trusted and skipped.

    Args:
        config: configuration, from `check_config`.
        kind: class of the model.
        passed: arguments that the configuration holds as text only, by name.
        stored: shapes of the tensors in the file, by name.
        where: file of the configuration, for messages.
        weights: file of the weights, for messages.

    Raises:
        ValueError: if they differ.
    """
    try:
        with shapes_alone(), _parameter_limit(SPARE + 4 * len(stored)):
            own = build_model(config, kind, {n: _without_storage(v) for n, v in passed.items()}, where)
    except ValueError:
        if of_the_library(kind):
            raise
        return
    check_fits(own.state_dict(), stored, weights, own.added)


SPARE = 100  # parameters allowed beyond four for each tensor of the file, for tied ones


@contextmanager
def _parameter_limit(n: int) -> Iterator[None]:
    """Context that allows at most n new parameters, so that a depth of 10^9 fails early."""
    made, thread = 0, threading.get_ident()

    def count(*_: Any) -> None:
        nonlocal made
        # torch calls the hook for modules of every thread
        made += threading.get_ident() == thread
        if made > n:
            raise ValueError(f"more than {n} parameters for a file that holds fewer tensors")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def _without_storage(value: Any) -> Any:
    """Returns a copy of a network on the `meta` device, or the value itself if that is impossible."""
    try:
        return copy.deepcopy(value).to("meta") if isinstance(value, nn.Module) else value
    except Exception:
        return value
