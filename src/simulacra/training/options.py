"""Training options: plain values that are saved with the run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypedDict

from simulacra.core.errors.calls import checked
from simulacra.core.model import Model
from simulacra.core.optimizers import SCHEDULES, Optimizer, warmed
from simulacra.core.renamed import renames
from simulacra.core.storage.typed_values import wrongly_typed
from simulacra.core.updates import Epochs, Stage, Steps, Update

MOST_EPOCHS, MOST_STEPS, MOST_DEVICES = 10**9, 2**53, 1024  # upper limits, to catch typing errors
BATCH_SIZE = 128  # rows of a step, where neither the user nor the model says


@renames
@checked
@dataclass(frozen=True)
class Options:
    """Training options; None takes what the model declares or recommends.

    Args:
        epochs: passes over the data; scales the declared length of every stage.
        steps: steps of training in all, in place of `epochs`; several stages share them in proportion to
            their declared lengths, each of them with one step or more.
        stages: epochs of single stages by name; wins over `epochs`.
        least_steps: smallest number of steps of a stage whose length is in passes, where neither `epochs`,
            `steps` nor `stages` gives it.
        batch_size: rows of a step, over all processes; None: those that the model recommends, otherwise 128.
        seed: seed of every random number of the run.
        lr: learning rate of every update.
        schedule: learning rate schedule: `constant`, `cosine`, `linear` or `burda`.
        warmup: share of a stage over which the learning rate rises from 0.
        clip: largest norm of each update's gradient.
        gradient_noise: variance of the normal noise that is added to each gradient in the first step of a
            stage, after clipping; it falls as (1 + steps)^-0.55. Neelakantan et al. 2015 try 0.01, 0.3 and 1;
            0: none.
        ema: decay of an exponential moving average of the weights, such as 0.999 (less in the first steps);
            the average is scored and saved. 0: none, also where the model recommends one.
        patience: stop after so many epochs without a better validation score and keep the best weights.
        validate: score the validation split after each epoch, without `patience` after every second or later
            one of more than 400; None: where a capability gives a score and the split exists.
        accumulate: number of micro-batches a step, for batches that do not fit into memory.
        precision: `32` or `bf16` (autocast in training; scores stay in full precision).
        device: `auto`, `cpu`, `cuda` or `mps`.
        devices: number of processes.
        checkpoint_seconds: seconds between two checkpoints.
        log_every: steps between two rows of metrics; None: about 200 rows a stage.
        samples_every: epochs between two pictures of samples, with a `SamplePictures` callback (on the
            command line there is one); None: eight pictures a stage.
        progress: show a progress bar with the time; None: at a terminal and in a notebook.

    Raises:
        ValueError: if a value has the wrong type or is out of range.

    Example:
        >>> Options(epochs=5, lr=0.001).spec()["lr"]
        0.001
    """

    epochs: float | None = None
    steps: int | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    least_steps: int | None = None
    batch_size: int | None = None
    seed: int = 0
    lr: float | None = None
    schedule: Literal["constant", "cosine", "linear", "burda"] | None = None
    warmup: float = 0.0
    clip: float | None = None
    gradient_noise: float = 0.0
    ema: float | None = None
    patience: int | None = None
    validate: bool | None = None
    accumulate: int = 1
    precision: Literal["32", "bf16"] = "32"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int = 1
    checkpoint_seconds: float = 30.0
    log_every: int | None = None
    samples_every: float | None = None
    progress: bool | None = None

    def __post_init__(self) -> None:
        wrong = wrongly_typed(type(self), vars(self))
        if wrong is not None:
            raise ValueError(f"{wrong}.")
        for name in ("steps", "batch_size", "accumulate", "devices", "log_every"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be at least 1.")
        for name in ("patience", "clip", "least_steps"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be positive.")
        for name in ("samples_every", "checkpoint_seconds"):
            if getattr(self, name) is not None and not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be at least 0.")
        for name, length in {"epochs": self.epochs, **self.stages}.items():
            if length is not None and not 0 < length <= MOST_EPOCHS:
                raise ValueError(
                    f"{name} is {length} passes over the data, but it must be positive and at most "
                    f"{MOST_EPOCHS:,}."
                )
        for name, most in (("steps", MOST_STEPS), ("least_steps", MOST_STEPS), ("devices", MOST_DEVICES)):
            if getattr(self, name) is not None and getattr(self, name) > most:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be at most {most:,}.")
        self._check_one_length()
        if self.lr is not None and not 0 <= self.lr < math.inf:
            raise ValueError(
                f"lr is {self.lr}, but a learning rate is a finite number from 0, such as 0.001."
            )
        if not 0 <= self.gradient_noise < math.inf:
            raise ValueError(
                f"gradient_noise is {self.gradient_noise}, but a variance is a finite number from 0, such as "
                "0.3."
            )
        if not -(2**63) <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed}, but it must have 64 bits.")
        if not 0 <= self.warmup < 1:
            raise ValueError(f"warmup is {self.warmup}, but a share of a stage lies in [0, 1).")
        if self.ema is not None and not 0 <= self.ema < 1:
            raise ValueError(f"ema is {self.ema}, but a decay lies between 0 and 1, such as 0.999; 0: none.")
        if self.schedule is not None and self.schedule not in SCHEDULES:
            raise ValueError(f"schedule is {self.schedule!r}; possible are {', '.join(SCHEDULES)}.")
        if self.batch_size is not None and self.batch_size < self.devices * self.accumulate:
            raise ValueError(
                f"batch_size {self.batch_size} is less than devices x accumulate = "
                f"{self.devices * self.accumulate}: every micro-batch needs a row."
            )

    @property
    def step_rows(self) -> int:
        """Rows of a step, over all processes: `batch_size`, or 128 where it is None."""
        return self.batch_size or BATCH_SIZE

    def spec(self) -> dict[str, Any]:
        """Returns the options as a dictionary for JSON."""
        return {**asdict(self), "stages": dict(self.stages)}

    def _check_one_length(self) -> None:
        """Raises ValueError if `steps` is given beside another length of training."""
        other = "epochs" if self.epochs is not None else "stages" if self.stages else None
        if self.steps is None or other is None:
            return
        given = self.epochs if other == "epochs" else dict(self.stages)
        raise ValueError(
            f"steps is {self.steps} and {other} is {given}, but training has one length: leave out "
            "one of them."
        )

    def steps_of(self, stage: Stage, model: Model, rows: int, plan: Sequence[Stage] | None = None) -> int:
        """Returns the number of steps of a stage.

        Args:
            stage: a stage of `model`.
            model: the model, whose declared length `epochs` scales.
            rows: number of training rows.
            plan: all stages of the model, which share `steps`; None: `planned_stages(model)`.
        """
        if not stage.updates:
            return 0
        if self.steps is not None:
            return self._share(stage, planned_stages(model) if plan is None else plan, rows)
        length = stage.length
        if stage.name in self.stages:
            length = Epochs(self.stages[stage.name])
        elif self.epochs is not None:
            factor = self.epochs / model.length.n
            scale = lambda n: n * factor
            length = Epochs(scale(length.n)) if isinstance(length, Epochs) else Steps(round(scale(length.n)))
        told = stage.name in self.stages or self.epochs is not None
        least = 1 if told or isinstance(length, Steps) else self.least_steps or 1
        return max(least, round(self._declared(replace(stage, length=length), rows)))

    def _declared(self, stage: Stage, rows: int) -> float:
        """Returns the steps of a stage by its declared length, before rounding; 0 without updates."""
        if not stage.updates or isinstance(stage.length, Steps):
            return float(stage.length.n) if stage.updates else 0.0
        return stage.length.n * rows / (min(self.step_rows, rows) * draws(stage))

    def _share(self, stage: Stage, plan: Sequence[Stage], rows: int) -> int:
        """Returns the stage's share of `steps`; the shares of all stages add up to `steps`."""
        assert self.steps is not None
        names = [other.name for other in plan]
        lengths = [self._declared(other, rows) for other in plan]
        place = names.index(stage.name) if stage.name in names else 0
        total = sum(lengths) or 1.0
        ends = [round(self.steps * sum(lengths[:k]) / total) for k in (place, place + 1)]
        return max(1, ends[1] - ends[0])

    def for_model(self, model: Model, validates: bool = True) -> Options:
        """Returns the options with the model's recommendations, and a batch size, in place of None.

        Args:
            model: the model.
            validates: False without validation rows, in which case there is no early stopping.
        """
        possible = {"batch_size": BATCH_SIZE, **model.recommended}
        wanted = {name: value for name, value in possible.items() if getattr(self, name) is None}
        if not validates or self.validate is False:
            wanted.pop("patience", None)
        return replace(self, **wanted)

    def optimizer(self, update: Update) -> Optimizer:
        """Returns the update's optimizer, with the entries that the options override.

        Args:
            update: an update of a stage of the model.
        """
        given = update.optimizer
        if self.lr is not None:
            given = replace(given, lr=self.lr)
        if self.clip is not None:
            given = replace(given, clip=self.clip)
        if self.schedule is not None:
            given = replace(given, schedule=SCHEDULES[self.schedule])
        if self.warmup:
            given = replace(given, schedule=warmed(given.schedule, self.warmup))
        return given


class OptionKeywords(TypedDict, total=False):
    """The fields of `Options` as keyword arguments of `fit`; a test compares the two."""

    epochs: float | None
    steps: int | None
    stages: Mapping[str, float]
    least_steps: int | None
    batch_size: int | None
    seed: int
    lr: float | None
    schedule: Literal["constant", "cosine", "linear", "burda"] | None
    warmup: float
    clip: float | None
    gradient_noise: float
    ema: float | None
    patience: int | None
    validate: bool | None
    accumulate: int
    precision: Literal["32", "bf16"]
    device: Literal["auto", "cpu", "cuda", "mps"]
    devices: int
    checkpoint_seconds: float
    log_every: int | None
    samples_every: float | None
    progress: bool | None


MANY = 100  # largest number of stages that are planned


def planned_stages(model: Model) -> list[Stage]:
    """Returns the model's stages, as declared before training."""
    stages: list[Stage] = []
    while len(stages) < MANY:
        past = [{"name": stage.name, "steps": 0, "terms": {}} for stage in stages]
        stage = model.stage(len(stages), past)
        if stage is None:
            break
        stages.append(stage)
    return stages


def stage_names(model: Model) -> list[str]:
    """Returns the names of the model's stages, as declared before training."""
    return [stage.name for stage in planned_stages(model)]


def check_stages(model: Model, options: Options) -> None:
    """Raises ValueError if epochs are given for stages that the model does not have.

    Args:
        model: the model.
        options: training options.
    """
    names = stage_names(model) if options.stages else []
    for name in options.stages:
        if name not in names:
            raise ValueError(f"stage {name!r} is unknown; this model has {', '.join(names)}.")


def draws(stage: Stage) -> int:
    """Returns the number of batches in one step: the largest `repeat` of the stage's updates."""
    return max((update.repeat for update in stage.updates), default=1)
