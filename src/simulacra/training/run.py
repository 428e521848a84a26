"""A run: a folder with configuration, weights, checkpoint, metrics, samples and report."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulacra.core.artifact import CONFIG, WEIGHTS, build_model, load_weights, read_config
from simulacra.core.files import remove_unfinished
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.models.catalog import find

RUNS = Path("runs")


@dataclass
class Run:
    """What training left.

    Args:
        path: the folder.
        model: trained, in evaluation mode.
        data: the data set, or None until `simulacra.load_data` makes it again.
        config: the content of `config.json`.
    """

    path: Path
    model: Model
    data: Dataset | None
    config: dict[str, Any]

    @property
    def metrics(self) -> list[dict[str, str]]:
        """Rows of `metrics.csv`."""
        import csv

        with open(self.path / "metrics.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def __str__(self) -> str:
        return f"{type(self.model).__name__} trained on {self.config['data']['name']} in {self.path}"


def new_folder(model: str, data: str, root: Path = RUNS) -> Path:
    """The first free `runs/MODEL-DATA-N`, made."""
    root.mkdir(parents=True, exist_ok=True)
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
    """Only one process trains in a run folder; the lock goes with the process.

    Raises:
        ValueError: if another process holds it.
    """
    file = open(folder / "lock", "a+", encoding="utf-8")  # noqa: SIM115
    try:
        try:
            _lock(file)
        except OSError as error:
            raise ValueError(
                f"another process is training in {folder}; wait for it, or use another --out."
            ) from error
        remove_unfinished(folder)
        yield
    finally:
        file.close()


def _lock(file: Any) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


ENTRIES: dict[str, type] = {
    "model": str,
    "arguments": dict,
    "passed": dict,
    "preprocessing": dict,
    "label_names": list,
    "data": dict,
    "options": dict,
}


def run_config(folder: Path) -> dict[str, Any]:
    """The configuration of the run in `folder`, every entry there.

    Raises:
        ValueError: if the folder holds no run, or its configuration is damaged.
    """
    config = read_config(folder)
    if "data" not in config:
        raise ValueError(f"{folder} holds a saved model, not a run: it does not say what it was trained on.")
    for name, kind in ENTRIES.items():
        if not isinstance(config.get(name), kind):
            raise ValueError(
                f"{folder / CONFIG} is damaged: its entry {name!r} is missing or no {kind.__name__}."
            )
    return config


def load_model(path: str | Path, **passed: Any) -> Model:
    """A trained model from a run folder or a folder that `model.save` wrote.

    Args:
        passed: networks that the model was built with, by argument name.

    Raises:
        ValueError: if the folder holds no model, or a network must be passed.
    """
    folder = Path(path)
    config = read_config(folder)
    if not (folder / WEIGHTS).is_file():
        raise ValueError(
            f"{folder} holds no {WEIGHTS}: its training has not finished; "
            f"go on with `simulacra train --resume {folder}`."
        )
    model = build_model(config, find(config["model"]).load(), passed)
    load_weights(model, folder / WEIGHTS)
    return model.eval()
