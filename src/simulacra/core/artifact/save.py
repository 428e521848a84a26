"""Saved models (artifacts): weights and a configuration, in a folder or in one file, never executed.

    folder      model.safetensors (weights) and config.json: the names that model hubs use
    one file    NAME.safetensors: the weights, with the configuration in the header

The configuration holds the class's name, the constructor's plain arguments, the spaces, the
preprocessing (also that of the condition, if it changes anything), the names of the labels and the scores of
`evaluate`. Arguments that JSON cannot hold, such as a user's network or function, are recorded as text and
must be passed again when loading.
"""

from __future__ import annotations

import inspect
import numbers
import textwrap
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulacra.core.artifact.rebuild import ENTRIES, build_model, check_config, check_sizes
from simulacra.core.artifact.weights import digest, load_weights, not_finite
from simulacra.core.packages import MODELS, extension_of, of_the_library
from simulacra.core.spaces.plain import Space
from simulacra.core.storage.files import read_json, read_shapes, write_json, write_tensors
from simulacra.core.storage.links import check_links
from simulacra.core.storage.nested import make_folder
from simulacra.version import __version__

if TYPE_CHECKING:
    from simulacra.core.model import Model

WEIGHTS, CONFIG = "model.safetensors", "config.json"
FILE = ".safetensors"
LONGEST = 2000  # characters of the source of a function
# suffixes of files of other programs
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
    """Returns the model's configuration as JSON."""
    arguments: dict[str, Any] = {}
    passed: dict[str, str] = {}
    for name, value in model.arguments.items():
        try:
            arguments[name] = _plain(value)
        except TypeError:
            passed[name] = _text(value)
    return {
        "version": __version__,
        "model": type(model).__name__,
        "own": not of_the_library(type(model)),
        **_extension(type(model)),
        "arguments": arguments,
        "passed": passed,
        "preprocessing": model.preprocessing.spec(),
        **_conditioning(model),
        "label_names": list(model.label_names),
        "estimates": model.estimates,
    }


def _conditioning(model: Model) -> dict[str, Any]:
    """The entry for the preprocessing of the condition; none where it changes nothing."""
    chain = model.conditioning
    return {} if chain is None or chain.plain else {"conditioning": chain.spec()}


def _extension(kind: type[Model]) -> dict[str, Any]:
    """The entry for a class of another package, by which it is found again."""
    found = None if of_the_library(kind) else extension_of(MODELS, kind)
    return {} if found is None else {"extension": found.spec()}


def _text(value: Any) -> str:
    """Returns an argument that JSON cannot hold as text: of a function its source, where that is known."""
    if not isinstance(value, types.FunctionType):
        return repr(value)
    try:
        return textwrap.dedent(inspect.getsource(value)).strip()[:LONGEST]
    except (OSError, TypeError):
        return f"{value.__module__}.{value.__qualname__}"


def _plain(value: Any) -> Any:
    """Returns an argument as JSON.

    Raises:
        TypeError: if JSON and spaces cannot represent it.
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
    """Saves a model: to one file if `path` ends in `.safetensors`, otherwise to a folder.

    Args:
        model: model to save.
        path: file or folder.

    Raises:
        ValueError: if a weight is not finite, or the folder holds a run or another program's config.
    """
    if path.suffix.lower() == FILE:
        if path.is_dir():
            raise ValueError(f"{path} is a folder: choose a file, or a folder with another name.")
        make_folder(path.parent)
        return _write_weights(model, path, describe(model))
    if path.suffix.lower() in OTHERS and not path.is_dir():
        raise ValueError(
            f"{path} ends in {path.suffix}, which is not the format of saved models: save it as "
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
    """Saves a model to a folder; the configuration is written last.

    Args:
        model: model to save.
        folder: folder, created if it does not exist.
        more: further entries of the configuration, such as the data and options of a run.
    """
    make_folder(folder)
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
    """Records scores in a run's configuration; earlier scores of the same measurement are replaced.

    Args:
        folder: folder of the run.
        estimates: summaries of the new scores.

    Returns:
        all scores that the configuration now holds.
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
    """A saved model of which only the configuration has been read.

    Args:
        config: checked configuration.
        weights: file of the weights.
        where: file of the configuration, for messages.
    """

    config: dict[str, Any]
    weights: Path
    where: Path

    def build(self, kind: type[Model], passed: Mapping[str, Any], weights: str = "") -> Model:
        """Builds the model with its initial weights.

        Args:
            kind: class of the model.
            passed: arguments that the configuration holds as text only, by name.
            weights: prefix of the tensors' names in the file.

        Raises:
            ValueError: if configuration, weights and passed arguments do not fit each other.
        """
        if self.weights.is_file():
            stored, header = read_shapes(self.weights)
            _check_same(self, header)
            own = {n.removeprefix(weights): s for n, s in stored.items() if n.startswith(weights)}
            check_sizes(self.config, kind, passed, own, self.where, self.weights)
        return build_model(self.config, kind, passed, self.where)

    def load(self, kind: type[Model], passed: Mapping[str, Any]) -> Model:
        """Returns the trained model, in evaluation mode.

        Args:
            kind: class of the model.
            passed: arguments that the configuration holds as text only, by name.

        Raises:
            ValueError: as `build`, or if a weight is not finite.
        """
        model = self.build(kind, passed)
        load_weights(model, self.weights)
        model.has_history = True
        return model.eval()


def _check_same(artifact: Artifact, header: Mapping[str, Any]) -> None:
    other = header.get("model", artifact.config["model"])
    if other != artifact.config["model"]:
        raise ValueError(
            f"{artifact.weights} and {artifact.where} do not belong together: "
            f"one is of {str(other)[:60]!r}, the other of {artifact.config['model'][:60]!r}."
        )


def read_config(folder: Path, entries: Mapping[str, type] = ENTRIES) -> dict[str, Any]:
    """Returns the checked configuration in a folder.

    Args:
        folder: folder of a run or a saved model.
        entries: required entries and their types.

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
    """Opens a saved model in a folder or a file.

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
