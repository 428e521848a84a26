"""Time and folder of a recipe: limits training to a time, and stores finished trainings and scores.

Steps are timed first, so that a learning rate schedule runs to its end. With a folder, finished trainings and
scores are loaded from it, and an interrupted training continues bit for bit.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, Unpack

from simulacra.core.model import Model
from simulacra.core.storage.files import read_json, write_json
from simulacra.core.storage.nested import make_folder
from simulacra.data.dataset import Dataset
from simulacra.training.callbacks.validation import can_validate, validation_score
from simulacra.training.hardware.cost import estimate_cost
from simulacra.training.options import OptionKeywords, Options
from simulacra.training.run import Run
from simulacra.training.state.kept_runs import epochs_begun, fit_or_resume

TRIALS, SPENT = 9, 0.05  # number of timing trials, whose median is used, and the share of time for them
T = TypeVar("T")


@dataclass
class Budget:
    """Time limit of a recipe, and the folder of its trainings.

    Args:
        minutes: time limit of the whole recipe; None: the recipe's full schedule.
        folder: folder for trainings and scores, from which the recipe continues; None: each call of the
            recipe starts anew.
        clock: returns the time in seconds; by default wall-clock time.
    """

    minutes: float | None = None
    folder: Path | None = None
    clock: Callable[[], float] = time.perf_counter

    def fit(
        self,
        name: str,
        model: Model,
        data: Dataset,
        whole: float,
        share: float = 1.0,
        **settings: Unpack[OptionKeywords],
    ) -> Run:
        """Trains the model for at most `whole` epochs, as many as fit into a share of the time.

        With a folder, a finished training is loaded, and an interrupted one continues with its number of
        epochs, `run.epochs`.

        Args:
            name: name of this training within the recipe, and of its folder.
            model: untrained model.
            data: data set.
            whole: epochs of the full schedule.
            share: share of the time limit for this training, in (0, 1].
            settings: training options, as for `simulacra.fit`.

        Raises:
            ValueError: as `simulacra.fit`, or if the folder holds another training of this name.

        Example:
            >>> import simulacra
            >>> data = simulacra.load_data("ring")
            >>> model = simulacra.VAE(data.space, latent=2, hidden=(8,))
            >>> run = Budget().fit("vae", model, data, whole=0.1, progress=False)
            >>> run.epochs
            0.1
        """
        folder = Path(tempfile.mkdtemp()) if self.folder is None else self.folder / name
        epochs = epochs_begun(folder)
        if epochs is None:
            epochs = self.epochs(model, data, whole, share, **settings)
        settings["epochs"] = epochs
        return fit_or_resume(model, data, folder, **settings)

    def once(self, name: str, measure: Callable[..., T], *arguments: Any) -> T:
        """Returns `measure(*arguments)`; with a folder, the result is stored and computed only once.

        Args:
            name: name of this result within the recipe.
            measure: returns a value for JSON: numbers, texts, and lists of these.
            arguments: arguments of `measure`.

        Example:
            >>> Budget().once("score", min, 3, 2)
            2
        """
        file = None if self.folder is None else self.folder / f"{name}.json"
        if file is not None and file.is_file():
            kept: T = read_json(file)["value"]
            return kept
        value = measure(*arguments)
        if file is not None:
            make_folder(file.parent)
            write_json(file, {"value": value})
        return value

    def epochs(
        self,
        model: Model,
        data: Dataset,
        whole: float,
        share: float = 1.0,
        **settings: Unpack[OptionKeywords],
    ) -> float:
        """Returns the number of epochs, at most `whole`, that fit into a share of the time.

        Some steps of a copy of the model are timed, and the time for this is subtracted. At least one step
        remains.

        Args:
            model: model as it will be given to `fit`; it is not changed.
            data: data set.
            whole: epochs of the full schedule.
            share: share of the time limit for this training, in (0, 1].
            settings: training options, as for `fit`.

        Example:
            >>> import simulacra
            >>> data = simulacra.load_data("ring")
            >>> Budget(None).epochs(simulacra.VAE(data.space, latent=2), data, whole=20)
            20
        """
        if self.minutes is None or closed_form(model):
            return whole
        began, seconds = self.clock(), 60 * self.minutes * share

        options = replace(Options(**settings), epochs=whole)

        def cost(passes: float) -> float:
            return estimate_cost(model, data, replace(options, epochs=passes), clock=self.clock).seconds

        least = min(whole, options.for_model(model).step_rows / len(data.train))
        start, costs = cost(least), [cost(whole)]
        while len(costs) < TRIALS and self.clock() - began < SPENT * seconds:
            costs.append(cost(whole))
        validation = validation_seconds(model, data, options, self.clock)
        left = seconds - (self.clock() - began) - start
        needed = statistics.median(costs) - start + whole * validation
        return whole if needed <= left else max(least, whole * left / needed)


def closed_form(model: Model) -> bool:
    """Returns True if the training is a single closed-form solution, which cannot be shortened."""
    only = model.stage(0, [])
    return only is None or (
        not only.updates and model.stage(1, [{"name": only.name, "steps": 0, "terms": {}}]) is None
    )


def validation_seconds(
    model: Model, data: Dataset, options: Options, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Returns the seconds of a validation score; 0 if there is none.

    Args:
        model: the model.
        data: data set.
        options: training options.
        clock: returns the time in seconds.
    """
    if data.valid is None or not can_validate(model, data.valid, options):
        return 0.0
    began = clock()
    validation_score(model, data.valid, options.seed)
    return clock() - began
