"""Predicts time and memory of a training from a few steps on a copy of the model."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from simulacra.core.model import Model
from simulacra.core.optimizers import Plain
from simulacra.core.updates import Stage, Steps
from simulacra.data.dataset import Dataset
from simulacra.training.callbacks.progress import duration
from simulacra.training.hardware.backend import Backend, choose_device
from simulacra.training.hardware.memory import Needs, counted, size
from simulacra.training.loop import Loop
from simulacra.training.options import Options, planned_stages
from simulacra.training.state.preparation import prepare_as

TIMED = 5  # timed steps of each update, after a first one for warm-up


@dataclass(frozen=True)
class Cost:
    """Predicted time and memory of a training.

    Args:
        steps: number of steps of all stages.
        seconds: time of the steps and of the stages' starts, without validation and pictures.
        needs: memory without activations, of the stage that needs most.
        device: device on which steps were timed.
    """

    steps: int
    seconds: float
    needs: Needs
    device: str

    @property
    def bytes(self) -> int:
        """Memory of weights, gradients, optimizer and data, in bytes."""
        return self.needs.bytes

    def __str__(self) -> str:
        return (
            f"about {duration(self.seconds)} for {self.steps:,} steps on {self.device}, and "
            f"{size(self.bytes)} of memory besides activations (estimated from a few steps)"
        )


def estimate_cost(
    model: Model,
    data: Dataset,
    options: Options | None = None,
    rows: int | None = None,
    timed: int = TIMED,
    plain: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> Cost:
    """Predicts time and memory of `fit(model, data, options=options)` in one process.

    A few steps of each stage run on a copy of the model with real batches, and their time is extrapolated.
    Work of a stage before its steps, such as a closed form, runs completely.

    Args:
        model: untrained model; it is not changed.
        data: data set, which gives the batches.
        options: training options; None: the defaults.
        rows: number of training rows, if `data` holds only a sample of them; None: those of `data`.
        timed: number of timed steps of each update, after a first one.
        plain: True for plain gradient steps: slightly faster than the optimizer's, and without the second in
            which torch imports its compiler with its first optimizer.
        clock: returns the time in seconds; by default wall-clock time; `time.process_time` is CPU time.

    Raises:
        ValueError: if model and data do not fit.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> cost = estimate_cost(simulacra.VAE(data.space, latent=1, hidden=(8,)), data)
        >>> cost.steps, cost.needs.parameters
        (3125, 94)
    """
    if model.space != data.space:
        raise ValueError(f"the model was built for {model.space}, but {data.name} holds {data.space}.")
    options = (options or Options()).for_model(model, data.valid is not None)
    device = choose_device(options.device)
    trial = copy.deepcopy(model).to(device)
    prepare_as(trial, data)
    shortened = Shortened(trial, options, rows or len(data.train), timed, plain)
    vars(trial)["stage"] = shortened.stage
    short = replace(
        options, epochs=None, steps=None, stages={}, patience=None, validate=False, progress=False
    )
    timer = Timer(clock)
    began = clock()
    Loop(trial, data, short, Backend(device), None, (timer,)).run()
    seconds = clock() - began
    for name, steps in shortened.steps.items():
        seconds += timer.pace(name) * (steps - len(timer.marks[name]))
    needs = [*timer.needs, counted(trial, [], bool(options.ema), data.train)]
    most = max(needs, key=lambda found: found.bytes)
    return Cost(sum(shortened.steps.values()), max(seconds, 0.0), most, str(device))


class Shortened:
    """The stages of a model, each limited to a few steps; `steps` contains their full lengths.

    Args:
        model: the model.
        options: training options.
        rows: number of training rows.
        timed: number of timed steps of each update.
        plain: True for plain gradient steps.
    """

    def __init__(self, model: Model, options: Options, rows: int, timed: int, plain: bool):
        self.model, self.options, self.rows, self.timed, self.plain = model, options, rows, timed, plain
        self.original = model.stage
        self.plan = planned_stages(model) if options.steps is not None else []
        self.steps: dict[str, int] = {}

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Replaces the model's `stage`.

        Args:
            i: index of the stage.
            past: records of earlier stages.
        """
        # a stage may depend on the lengths of earlier ones
        whole_past = [{**entry, "steps": self.steps.get(entry["name"], 0)} for entry in past]
        found = self.original(i, whole_past)
        if found is None or not found.updates:
            return found
        whole = self.steps[found.name] = self.options.steps_of(found, self.model, self.rows, self.plan)
        few = 1 + self.timed * max(update.every for update in found.updates)
        moves = [replace(u, optimizer=Plain()) for u in found.updates] if self.plain else found.updates
        return replace(found, updates=moves, length=Steps(min(whole, few)))


class Timer:
    """Callback that records the time of each step of a stage.

    Args:
        clock: returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float]):
        self.clock = clock
        self.marks: dict[str, list[float]] = {}
        self.needs: list[Needs] = []

    def __call__(self, loop: Loop, epoch_ended: bool) -> None:
        """Called after each step."""
        assert loop.stage is not None
        if loop.stage.name not in self.marks:
            self.needs.append(loop.needs)
        self.marks.setdefault(loop.stage.name, []).append(self.clock())

    def pace(self, name: str) -> float:
        """Returns the mean seconds of a step without the first; 0 if there is only one."""
        marks = self.marks[name]
        return (marks[-1] - marks[0]) / max(1, len(marks) - 1)
