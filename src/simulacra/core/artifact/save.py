"""One artifact: weights and a configuration, in a folder or in one file; nothing out of it is executed.

    folder      model.safetensors (weights) and config.json: the names that model hubs use
    one file    NAME.safetensors: the weights, with the configuration in the header

The configuration holds the class's name, the constructor's plain arguments, the spaces, the
preprocessing, the names of the labels and the scores that `evaluate` found. What is not plain, such as
a network that a user passed in, is recorded as text and must be passed again.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulacra.core.artifact.rebuild import ENTRIES, build_model, check_config, check_sizes
from simulacra.core.artifact.weights import digest, load_weights, not_finite
from simulacra.core.model import Model, of_the_library
from simulacra.core.spaces.plain import Space
from simulacra.core.storage.files import read_json, read_shapes, write_json, write_tensors
from simulacra.core.storage.links import check_links
from simulacra.version import __version__

WEIGHTS, CONFIG = "model.safetensors", "config.json"
FILE = ".safetensors"
# endings of files that other programs write
OTHERS = {
    ".pt",
    ".pth",
    ".ckpt",
    ".bin",
    ".pkl",
    ".pickle",
    ".joblib",
    ".h5",
    ".keras",
    ".onnx",
    ".npz",
    ".zip",
}


def describe(model: Model) -> dict[str, Any]:
    """The model's configuration as JSON."""
    arguments: dict[str, Any] = {}
    passed: dict[str, str] = {}
    for name, value in model.arguments.items():
        try:
            arguments[name] = _plain(value)
        except TypeError:
            passed[name] = repr(value)
    return {
        "version": __version__,
        "model": type(model).__name__,
        "own": not of_the_library(type(model)),
        "arguments": arguments,
        "passed": passed,
        "preprocessing": model.preprocessing.spec(),
        "label_names": list(model.label_names),
        "estimates": model.estimates,
    }


def _plain(value: Any) -> Any:
    """An argument as JSON.

    Raises:
        TypeError: if it is nothing that JSON and a space can say.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Space):
        return {"space": value.spec()}
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    raise TypeError(f"{type(value).__name__} is not plain")


# ---- writing


def save(model: Model, path: Path) -> None:
    """Write the artifact: one file where `path` ends in `.safetensors`, otherwise a folder.

    Raises:
        ValueError: if a weight is not finite, or the folder holds a run or another program's config.
    """
    if path.suffix.lower() == FILE:
        if path.is_dir():
            raise ValueError(f"{path} is a folder: choose a file, or a folder with another name.")
        path.parent.mkdir(parents=True, exist_ok=True)
        return _write_weights(model, path, describe(model))
    if path.suffix.lower() in OTHERS and not path.is_dir():
        raise ValueError(
            f"{path} ends in {path.suffix}, and a model is no such file: save it as "
            f"{path.with_suffix(FILE)}, or into a folder."
        )
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} is a file: choose a folder, or a file that ends in {FILE}.")
    if (path / CONFIG).exists() and "data" in read_json(path / CONFIG):
        raise ValueError(
            f"{path} holds a run, whose {CONFIG} says what it was trained on: save the model elsewhere."
        )
    return save_model(model, path)


def save_model(model: Model, folder: Path, more: Mapping[str, Any] | None = None) -> None:
    """Write the artifact into `folder`, configuration last.

    Args:
        more: further entries of the configuration: the data and options of a run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = describe(model)
    _write_weights(model, folder / WEIGHTS, {"model": config["model"]})
    write_json(folder / CONFIG, {**config, **(more or {})})


def _write_weights(model: Model, path: Path, header: Mapping[str, Any]) -> None:
    state = model.state_dict()
    bad = not_finite(model, state)
    if bad is not None:
        raise ValueError(f"{bad} holds NaN or infinite numbers: the model is not saved into {path}.")
    write_tensors(path, state, {**header, "digest": digest(state)})


def record(folder: Path, estimates: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Scores in a run's configuration, in place of what the same measurement gave before.

    Returns:
        all that the configuration now holds.
    """
    config = read_json(folder / CONFIG)
    what = lambda entry: tuple(entry.get(key) for key in ("name", "method", "protocol"))
    new = [what(entry) for entry in estimates]
    kept = [dict(entry) for entry in config.get("estimates", []) if what(entry) not in new]
    found = [*kept, *map(dict, estimates)]
    write_json(folder / CONFIG, {**config, "estimates": found})
    return found


# ---- reading


@dataclass(frozen=True)
class Artifact:
    """A saved model whose configuration has been read and nothing else.

    Args:
        config: every entry there and of its type.
        weights: the file of the weights.
        where: the file of the configuration, for messages.
    """

    config: dict[str, Any]
    weights: Path
    where: Path

    def build(self, kind: type[Model], passed: Mapping[str, Any], weights: str = "") -> Model:
        """The model with the weights of its first making.

        Args:
            kind: its class.
            passed: what is recorded as text only, by argument name.
            weights: what the tensors' names begin with in the file.

        Raises:
            ValueError: if configuration, weights and what was passed do not fit each other.
        """
        if self.weights.is_file():
            stored, header = read_shapes(self.weights)
            _check_same(self, header)
            own = {n.removeprefix(weights): s for n, s in stored.items() if n.startswith(weights)}
            check_sizes(self.config, kind, passed, own, self.where, self.weights)
        return build_model(self.config, kind, passed, self.where)

    def load(self, kind: type[Model], passed: Mapping[str, Any]) -> Model:
        """The trained model, in evaluation mode.

        Raises:
            ValueError: as `build`, or if a weight is not finite.
        """
        model = self.build(kind, passed)
        load_weights(model, self.weights)
        return model.eval()


def _check_same(artifact: Artifact, header: Mapping[str, Any]) -> None:
    other = header.get("model", artifact.config["model"])
    if other != artifact.config["model"]:
        raise ValueError(
            f"{artifact.weights} and {artifact.where} do not belong together: "
            f"one is of {str(other)[:60]!r}, the other of {artifact.config['model'][:60]!r}."
        )


def read_config(folder: Path, entries: Mapping[str, type] = ENTRIES) -> dict[str, Any]:
    """The configuration in `folder`, every entry there and of its type.

    Raises:
        ValueError: if there is none, it is damaged, or it is a run with a link that leads out of it.
    """
    if not (folder / CONFIG).is_file():
        raise ValueError(f"{folder} holds no {CONFIG}: it is neither a run nor a saved model.")
    config = check_config(read_json(folder / CONFIG), entries, folder / CONFIG)
    # a saved model may be a folder of links, as in the caches of model hubs
    if "data" in config:
        check_links(folder)
    return config


def open_artifact(path: Path) -> Artifact:
    """The artifact in a folder or a file.

    Raises:
        ValueError: if there is none, or it is damaged.
    """
    if not path.is_file():
        return Artifact(read_config(path), path / WEIGHTS, path / CONFIG)
    if path.suffix.lower() != FILE:
        raise ValueError(f"{path} is no saved model: give a folder, or a file that ends in {FILE}.")
    _, header = read_shapes(path)
    if "arguments" not in header:
        raise ValueError(f"{path} holds weights without a configuration: give the folder it came in.")
    return Artifact(check_config(header, ENTRIES, path), path, path)
