"""A model from its configuration, which may come from a stranger.

Whatever stands there, the answer is a model or one sentence: entries are checked, the class is given by
the caller, and the shapes are compared with those in the file of the weights before memory is taken.
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
from simulacra.core.preprocessing.chain import preprocessing_from
from simulacra.core.renamed import renamed_arguments
from simulacra.core.spaces.composite import space_from
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
LATER: dict[str, Any] = {"version": "", "own": False, "extension": {}, "estimates": []}
NAMES = {dict: "object", list: "list", str: "text", bool: "true or false"}


def check_config(config: dict[str, Any], entries: Mapping[str, type], where: Path) -> dict[str, Any]:
    """The configuration with every entry there.

    Raises:
        ValueError: if one is missing or of another type.
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
    """An untrained model from its configuration.

    Args:
        config: as `check_config` gives it.
        kind: the class.
        passed: what the configuration holds as text only, by argument name.
        where: the configuration's file, for messages.

    Raises:
        ValueError: if something must be passed, was passed in vain, or the entries make no model.
    """
    name = config["model"]
    _check_passed(config, passed, where)
    with _in_a_sentence(f"{where}: its arguments make no {name[:60]}"):
        arguments = {key: _argument(value) for key, value in config["arguments"].items()}
        known = renamed_arguments({base.__name__ for base in kind.__mro__}, arguments, quiet=True)
        model = kind(**known, **dict[str, Any](passed))
    with _in_a_sentence(f"{where}: its preprocessing does not fit {name[:60]}"):
        model.preprocessing = preprocessing_from(config["preprocessing"])
        _check_finite(config["preprocessing"])
        if model.preprocessing.space != model.space:
            raise ValueError(f"it leads to {model.preprocessing.space}, the model stands on {model.space}")
    model.label_names = tuple(config["label_names"])
    model.estimates = [dict(entry) for entry in config.get("estimates", [])]
    return model


def _check_passed(config: Mapping[str, Any], passed: Mapping[str, Any], where: Path) -> None:
    for name, text in config["passed"].items():
        if name not in passed:
            raise ValueError(
                f"this {config['model'][:60]} was built with its own {name}: pass it again, "
                f"as in load(path, {name}=...); it was {' '.join(text.split())[:200]}."
            )
    for name in passed:
        if name not in config["passed"]:
            known = ", ".join(config["passed"]) or "nothing"
            raise ValueError(
                f"the model in {where} was not built with its own {name}: leave it out; it takes {known}."
            )


def _argument(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"space"}:
            return space_from(value["space"])
        return {name: _argument(entry) for name, entry in value.items()}
    return tuple(map(_argument, value)) if isinstance(value, list) else value


def _check_finite(value: Any) -> None:
    """Raise ValueError where a number is none: JSON can say NaN and 1e999."""
    if isinstance(value, dict | list):
        for entry in value.values() if isinstance(value, dict) else value:
            _check_finite(entry)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no number to compute with")


@contextmanager
def _in_a_sentence(beginning: str) -> Iterator[None]:
    """Whatever a stranger's entries provoke, as one ValueError."""
    try:
        yield
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300].rstrip(".")
        reason = f"nothing is called {reason}" if isinstance(error, KeyError) else reason
        raise ValueError(f"{beginning} ({reason}).") from error


def check_sizes(
    config: Mapping[str, Any],
    kind: type[Model],
    passed: Mapping[str, Any],
    stored: Mapping[str, Stored],
    where: Path,
    weights: Path,
) -> None:
    """Raise ValueError unless the configuration makes a model whose tensors are those in the file.

    The model is built without storage: a configuration that lies takes no memory. A class of the
    user's own may not be able to; it is then the user who vouches for it.
    """
    try:
        with shapes_alone(), _at_most(SPARE + 4 * len(stored)):
            own = build_model(config, kind, {n: _without_storage(v) for n, v in passed.items()}, where)
    except ValueError:
        if of_the_library(kind):
            raise
        return
    check_fits(own.state_dict(), stored, weights, own.added)


SPARE = 100  # parameters beyond four for each tensor of the file: some are tied, some stand in twice


@contextmanager
def _at_most(n: int) -> Iterator[None]:
    """No more than n parameters are made within: a depth of 10^9 ends early."""
    made, thread = 0, threading.get_ident()

    def count(*_: Any) -> None:
        nonlocal made
        # torch calls hooks for every module that any thread makes
        made += threading.get_ident() == thread
        if made > n:
            raise ValueError(f"more than {n} parameters for a file that holds fewer tensors")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def _without_storage(value: Any) -> Any:
    """A copy of a network on the device `meta`; what cannot be copied stays as it is."""
    try:
        return copy.deepcopy(value).to("meta") if isinstance(value, nn.Module) else value
    except Exception:
        return value
