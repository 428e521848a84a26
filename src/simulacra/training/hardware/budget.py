"""The time and the place of a recipe: how many passes fit into a time, and what is kept when it stops.

Steps are timed first, so that a schedule ends annealed. With a folder, finished trainings and scores are
found there again, and a training that was stopped goes on bit for bit.
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
from simulacra.data.dataset import Dataset
from simulacra.training.callbacks.validation import can_validate, validation_score
from simulacra.training.hardware.cost import estimate_cost
from simulacra.training.options import OptionKeywords, Options
from simulacra.training.run import Run
from simulacra.training.state.kept import epochs_begun, fit_or_resume

TRIALS, SPENT = 9, 0.05  # the pace is the middle one of so many trials, or of fewer in this share of the time
T = TypeVar("T")


@dataclass
class Budget:
    """Time for a recipe, and where its trainings are kept.

    Args:
        minutes: for all of it; None: the recipe's own whole schedule.
        folder: keeps trainings and scores, so that the recipe goes on where it stopped; None: each call of
            the recipe begins anew.
        clock: seconds of what the minutes are of: by default those of a clock on the wall.
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
        """The model trained for at most `whole` passes, as many as fit into a share of the time.

        In the folder of a budget a finished training is loaded, and one that was stopped goes on with the
        passes that it began with, `run.epochs`.

        Args:
            name: of this training within the recipe, and of its folder.
            model: untrained.
            data: what it learns from.
            whole: passes of the whole schedule.
            share: of the minutes that this training may take, in (0, 1].
            settings: options of the training, as for `simulacra.fit`.

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
        """`measure(*arguments)`; in the folder of a budget it is called only once.

        Args:
            name: of this result within the recipe.
            measure: returns what JSON can hold: numbers, texts, and lists of these.
            arguments: of `measure`.

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
            file.parent.mkdir(parents=True, exist_ok=True)
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
        """How many passes over `data`, at most `whole`, fit into a share of the time.

        Some steps of a copy of the model are timed, and this time is taken off. At least one step is left.

        Args:
            model: as it will be given to `fit`; it stays as it is.
            whole: passes of the whole schedule.
            share: of the minutes that this training may take, in (0, 1].
            settings: options of the training, as for `fit`.

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

        least = min(whole, options.batch_size / len(data.train))
        start, costs = cost(least), [cost(whole)]
        while len(costs) < TRIALS and self.clock() - began < SPENT * seconds:
            costs.append(cost(whole))
        validation = validation_seconds(model, data, options, self.clock)
        left = seconds - (self.clock() - began) - start
        needed = statistics.median(costs) - start + whole * validation
        return whole if needed <= left else max(least, whole * left / needed)


def closed_form(model: Model) -> bool:
    """Returns True if one solution without steps is all of the training, so that nothing can be shortened."""
    only = model.stage(0, [])
    return only is None or (
        not only.updates and model.stage(1, [{"name": only.name, "steps": 0, "terms": {}}]) is None
    )


def validation_seconds(
    model: Model, data: Dataset, options: Options, clock: Callable[[], float] = time.perf_counter
) -> float:
    """What the score of the validation rows takes after each pass, 0 where there is none."""
    if data.valid is None or not can_validate(model, data.valid, options):
        return 0.0
    began = clock()
    validation_score(model, data.valid, options.seed)
    return clock() - began
