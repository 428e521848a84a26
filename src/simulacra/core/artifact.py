"""One artifact: `model.safetensors` and `config.json`; no code and no import path is executed.

The configuration holds the class's catalogue name, the constructor's plain arguments, the spaces
and the preprocessing. Networks that a user passed in are recorded as text and must be passed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from simulacra.core.composite import space_from
from simulacra.core.files import read_json, read_tensors, write_json, write_tensors
from simulacra.core.model import Model
from simulacra.core.preprocessing import preprocessing_from
from simulacra.core.space import Space

WEIGHTS, CONFIG = "model.safetensors", "config.json"


def describe(model: Model) -> dict[str, Any]:
    """The model's configuration as JSON."""
    arguments: dict[str, Any] = {}
    passed: dict[str, str] = {}
    for name, value in model.arguments.items():
        if isinstance(value, Space):
            arguments[name] = {"space": value.spec()}
        elif isinstance(value, nn.Module):
            passed[name] = repr(value)
        else:
            arguments[name] = list(value) if isinstance(value, tuple) else value
    return {
        "model": type(model).__name__,
        "arguments": arguments,
        "passed": passed,
        "preprocessing": model.preprocessing.spec(),
        "label_names": list(model.label_names),
    }


def save_model(model: Model, folder: Path, more: Mapping[str, Any] | None = None) -> None:
    """Write the artifact into `folder`, configuration last.

    Args:
        more: further entries of the configuration, such as scores.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = describe(model)
    write_tensors(folder / WEIGHTS, model.state_dict(), {"model": config["model"]})
    write_json(folder / CONFIG, {**config, **(more or {})})


def build_model(config: Mapping[str, Any], kind: type[Model], passed: Mapping[str, nn.Module]) -> Model:
    """An untrained model from its configuration.

    Raises:
        ValueError: if a network that was passed in is missing, or the configuration is damaged.
    """
    missing = [name for name in config["passed"] if name not in passed]
    if missing:
        raise ValueError(
            f"this {config['model']} was built with its own {missing[0]}: pass it again, "
            f"as in load(path, {missing[0]}=MyNetwork()); it was {config['passed'][missing[0]][:200]}"
        )
    try:
        arguments: dict[str, Any] = {name: _argument(value) for name, value in config["arguments"].items()}
        model = kind(**arguments, **dict[str, Any](passed))
        model.preprocessing = preprocessing_from(config["preprocessing"])
    except (TypeError, KeyError) as error:
        raise ValueError(f"the configuration does not fit {config['model']}: {error}.") from error
    model.label_names = tuple(config["label_names"])
    return model


def _argument(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"space"}:
        return space_from(value["space"])
    return tuple(value) if isinstance(value, list) else value


def load_weights(model: Model, path: Path) -> None:
    """Copy the weights of `path` into the model.

    Raises:
        ValueError: if a tensor is missing, unknown or of another shape.
    """
    tensors, _ = read_tensors(path)
    own = model.state_dict()
    for what, names in (
        ("lacks", own.keys() - tensors.keys()),
        ("has an unknown", tensors.keys() - own.keys()),
    ):
        if names:
            raise ValueError(f"{path} {what} tensor {sorted(names)[0]!r}: it does not belong to this model.")
    for name, t in own.items():
        if t.shape != tensors[name].shape:
            raise ValueError(
                f"{path} holds {name} with shape {tuple(tensors[name].shape)}; "
                f"the model needs {tuple(t.shape)}."
            )
    with torch.no_grad():
        for name, t in own.items():
            t.copy_(tensors[name])


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration in `folder`.

    Raises:
        ValueError: if there is none.
    """
    if not (folder / CONFIG).is_file():
        raise ValueError(f"{folder} holds no {CONFIG}: it is neither a run nor a saved model.")
    return read_json(folder / CONFIG)
