"""A run: a folder with configuration, weights, checkpoint, metrics, samples and report."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import nn

from simulacra.core.artifact.rebuild import ENTRIES as OF_A_MODEL
from simulacra.core.artifact.save import WEIGHTS, open_artifact, read_config
from simulacra.core.card import html_of
from simulacra.core.errors.argument_types import brief
from simulacra.core.errors.calls import checked
from simulacra.core.errors.finding import Finding
from simulacra.core.errors.suggestion import Phrase, Refusal, Suggestion, command
from simulacra.core.model import Model
from simulacra.core.renamed import MODELS, NAMES, present
from simulacra.core.storage.files import remove_unfinished
from simulacra.core.storage.nested import make_folder
from simulacra.data.dataset import Dataset
from simulacra.models.catalog import built_in
from simulacra.models.installed import class_of_saved
from simulacra.training.state.metrics import NAME as METRICS
from simulacra.training.state.metrics import read_numbers

RUNS = Path("runs")
LOCK, TRIES = "lock", 10
_HELD: ContextVar[frozenset[str]] = ContextVar("held", default=frozenset())  # folders locked by this thread


@dataclass(repr=False)
class Run:
    """A training run.

    Args:
        path: run folder.
        model: trained model, in evaluation mode.
        data: data set; None if it was not made by `simulacra.load_data`.
        config: content of `config.json`.
        findings: the doctor's findings at the end of training, warnings first.
    """

    path: Path
    model: Model
    data: Dataset | None
    config: dict[str, Any]
    findings: list[Finding] = field(default_factory=list)

    @property
    def epochs(self) -> float | None:
        """Number of passes over the data; None if each stage has its own length, or `steps` gave it."""
        passes: float | None = self.config["options"]["epochs"]
        return passes

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """Rows of `metrics.csv`: the stage as text, all else as numbers, without blanks."""
        return read_numbers(self.path / METRICS)

    def plot(self, name: str = "samples", **options: Any) -> Any:
        """Returns one picture of the run, which a notebook displays; `simulacra.plot` lists the pictures.

        Args:
            name: such as `samples`, `reconstructions` or `training_curves`.
            options: options of `simulacra.plot` and of the picture.

        Returns:
            A `Plot`: `save(path)` writes it, `figure` is the matplotlib figure, `data` holds the arrays.

        Raises:
            ValueError: if model and data do not permit it; the message lists the possible pictures.
        """
        # a layer above, as for `html_of`
        return importlib.import_module("simulacra.exploration.plot").plot(self, name, **options)

    def __str__(self) -> str:
        return f"{type(self.model).__name__} trained on {self.config['data']['name']} in {self.path}"

    def __repr__(self) -> str:
        return f"<Run: {self}>"

    def _repr_html_(self) -> str:
        return html_of(self)


def new_folder(model: str, data: str, root: Path = RUNS) -> Path:
    """Creates and returns the first free `runs/MODEL-DATA-N`.

    Args:
        model: name of the model.
        data: name of the data.
        root: parent folder.
    """
    make_folder(root)
    n = 1
    while True:
        folder = root / f"{model}-{Path(data).name or 'data'}-{n}"
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            n += 1


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Context in which only this process may train in a run folder; the lock ends with the process.

    The thread that holds the lock may acquire it again.

    Raises:
        ValueError: if another process holds it, or the folder is gone.
    """
    held, name = _HELD.get(), os.path.realpath(folder)
    if name in held:
        yield
        return
    file = _lock_of(folder)
    token = _HELD.set(held | {name})
    try:
        remove_unfinished(folder)
        yield
    finally:
        _HELD.reset(token)
        file.close()


def _lock_of(folder: Path) -> Any:
    """Returns the locked file.

    A process that removes its folder also removes the lock file. If the locked file was removed in the
    meantime, the new one is tried.
    """
    for _ in range(TRIES):
        try:
            file = open(folder / LOCK, "a+", encoding="utf-8")  # noqa: SIM115
        except FileNotFoundError as error:
            raise ValueError(
                f"the run folder {folder} is gone, moved or removed: give the folder where it is now."
            ) from error
        try:
            _lock(file)
            if os.path.samestat(os.fstat(file.fileno()), os.stat(folder / LOCK)):
                return file
        except FileNotFoundError:
            pass
        except OSError:
            file.close()
            break
        file.close()
    raise ValueError(f"another process is training in {folder}; wait for it, or use another --out.")


def _lock(file: Any) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def unfinished(folder: Path) -> tuple[Suggestion, Suggestion]:
    """Returns the commands that go on with a run that was interrupted, and that end it as it is.

    Args:
        folder: run folder.
    """
    return command("train", "--resume", folder), command("train", "--resume", folder, "--finish")


ENTRIES: dict[str, type] = {**OF_A_MODEL, "data": dict, "options": dict}


def run_config(folder: Path) -> dict[str, Any]:
    """Returns the configuration of a run, with all entries.

    Raises:
        ValueError: if the folder holds no run, or its configuration is damaged.
    """
    if folder.is_file():
        raise ValueError(f"{folder} is a saved model, not a run: it does not say what it was trained on.")
    config = read_config(folder)
    if "data" not in config:
        raise ValueError(f"{folder} holds a saved model, not a run: it does not say what it was trained on.")
    return read_config(folder, ENTRIES)


def class_of(config: dict[str, Any], kind: type[Model] | None, path: Path) -> type[Model]:
    """Returns the class of a saved model: of the catalogue, of an installed package, or the user's own.

    Nothing is imported by a name in the configuration, unless an installed package declares it.

    Args:
        config: configuration of the saved model.
        kind: the user's own class, or None.
        path: file of the model, for messages.

    Raises:
        ValueError: if the class must be given, or is another.
    """
    name = config["model"]
    if kind is None:
        found: type[Model] | None = class_of_saved(config, path)
        entry = None if config["own"] else built_in(name, quiet=True)
        if found is None and entry is not None:
            found = entry.load()
        if found is not None:
            return found
        raise ValueError(
            f"{path} holds a {name[:60]!r}, which is no model of the catalogue: "
            "where the class is your own, pass it, as in load(path, kind=MyModel)."
        )
    if not isinstance(kind, type) or not issubclass(kind, Model):
        raise ValueError(
            f"kind is {brief(kind)}, but it must be a class of models, as in load(path, kind=MyModel)."
        )
    if kind.__name__ != present([MODELS, NAMES], name, quiet=True):
        raise ValueError(f"{path} holds a {name[:60]!r}, but kind is {kind.__name__}: pass the class it was.")
    return kind


@checked
def load(
    path: str | Path,
    *,
    kind: type[Model] | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] | None = None,
    **passed: nn.Module,
) -> Model:
    """Loads a trained model from a run folder, or from a file of `Model.save`; nothing in it is executed.

    Args:
        path: a folder with `model.safetensors` and `config.json`, or one `.safetensors` file.
        kind: the model's class, if it is your own and not in the catalogue.
        device: device of the weights; None: `cpu`.
        passed: networks that the model was built with, by argument name.

    Raises:
        ValueError: if there is no model or it is damaged, or something must be passed.

    Example:
        >>> import simulacra, tempfile
        >>> path = f"{tempfile.mkdtemp()}/ppca.safetensors"
        >>> simulacra.PPCA(simulacra.Real((3,)), latent=2).save(path)
        >>> simulacra.load(path).sample(5).shape
        torch.Size([5, 3])
    """
    from simulacra.training.hardware.backend import choose_device

    artifact = open_artifact(Path(path))
    found = class_of(artifact.config, kind, Path(path))
    if not artifact.weights.is_file():
        resumed, ended = unfinished(Path(path))
        go_on = Phrase(
            f": its training has not finished; go on with {resumed}, or end it as it is with {ended}.",
            *(resumed, ended),
        )
        more = go_on if "data" in artifact.config else "."
        raise Refusal(f"{path} holds no {WEIGHTS}{more}", more)
    model = artifact.load(found, passed)
    return model if device is None else model.to(choose_device(device))
