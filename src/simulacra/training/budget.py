"""How many passes fit into a time: steps are timed first, so that a schedule ends annealed."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace
from typing import Any

from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.training.cost import estimate_cost
from simulacra.training.options import Options
from simulacra.training.validation import can_validate, validation_score

TRIALS, SPENT = 9, 0.05  # the pace is the middle one of so many trials, or of fewer in this share of the time


@dataclass
class Budget:
    """Time for a recipe.

    Args:
        minutes: for all of it; None: the recipe's own whole schedule.
    """

    minutes: float | None = None

    def epochs(self, model: Model, data: Dataset, whole: float, share: float = 1.0, **settings: Any) -> float:
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
        began, seconds = time.perf_counter(), 60 * self.minutes * share

        options = Options(**{**settings, "epochs": whole})

        def cost(passes: float) -> float:
            return estimate_cost(model, data, replace(options, epochs=passes)).seconds

        least = min(whole, options.batch_size / len(data.train))
        start, costs = cost(least), [cost(whole)]
        while len(costs) < TRIALS and time.perf_counter() - began < SPENT * seconds:
            costs.append(cost(whole))
        left = seconds - (time.perf_counter() - began) - start
        needed = statistics.median(costs) - start + whole * validation_seconds(model, data, options)
        return whole if needed <= left else max(least, whole * left / needed)


def closed_form(model: Model) -> bool:
    """Whether one solution without steps is all of the training, so that nothing can be shortened."""
    only = model.stage(0, [])
    return only is None or (
        not only.updates and model.stage(1, [{"name": only.name, "steps": 0, "terms": {}}]) is None
    )


def validation_seconds(model: Model, data: Dataset, options: Options) -> float:
    """What the score of the validation rows takes after each pass, 0 where there is none."""
    if data.valid is None or not can_validate(model, data.valid, options):
        return 0.0
    began = time.perf_counter()
    validation_score(model, data.valid, options.seed)
    return time.perf_counter() - began
