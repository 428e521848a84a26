"""The checkpoint: one safetensors file from which training continues bit for bit.

It holds weights and buffers, the optimizer of each update, the moving average, the best weights so
far, the position (stage, step, records of earlier stages) and the environment, which affects the last bits:
in another environment training continues with a warning that lists the differences.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from simulacra.core.artifact.weights import not_finite
from simulacra.core.model import Model
from simulacra.core.storage.files import read_shapes, read_tensors, write_tensors
from simulacra.core.storage.typed_values import is_of, wrongly_typed
from simulacra.training.hardware.backend import Backend
from simulacra.training.state.ema import Ema
from simulacra.training.steps.optimizer_steps import OptimizerStep
from simulacra.training.steps.order import share_of

PAST = {"name": str, "steps": int, "terms": dict[str, float]}
log = logging.getLogger("simulacra")
NAME = "checkpoint.safetensors"

MOST = 2.0**53  # steps, epochs and seconds beyond it are damage


@dataclass
class Position:
    """Progress of training.

    Args:
        stage: index of the stage.
        started: True once its `start` has run.
        step: number of steps in the stage.
        past: records of earlier stages.
        last: losses of the last step, for the record of the stage.
        best: best validation score so far in the stage.
        best_epoch: epoch of the best score.
        worse: number of epochs since.
        epoch: number of validated epochs in the stage.
        total_steps: number of steps in all stages.
        seconds: training time so far.
        finished: True once all stages are done.
        parts: numbers of micro-batches of updates that did not fit into memory, by name.
        pending: True if validation after the last step was interrupted and must be repeated.
        sums: sums and counts of losses since the last row of the metrics.

    Raises:
        ValueError: if a value has another type, or a number is negative.

    Example:
        >>> Position(step=-5)
        Traceback (most recent call last):
        ValueError: step is -5, but it must be at least 0
    """

    stage: int = 0
    started: bool = False
    step: int = 0
    past: list[dict[str, Any]] = field(default_factory=list)
    last: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    best_epoch: int = 0
    worse: int = 0
    epoch: int = 0
    total_steps: int = 0
    seconds: float = 0.0
    finished: bool = False
    parts: dict[str, int] = field(default_factory=dict)
    pending: bool = False
    sums: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = wrongly_typed(type(self), vars(self))
        if wrong is not None:
            raise ValueError(wrong)
        for name, value in vars(self).items():
            if name != "best" and isinstance(value, int | float) and not 0 <= value <= MOST:
                given = str(value) if abs(value) <= MOST else "beyond 2^53"
                raise ValueError(f"{name} is {given}, but it must be at least 0")
        if not all(count >= 1 for count in self.parts.values()):
            raise ValueError(f"parts are {self.parts}, but each must be at least 1")
        if not all(is_of(kind, entry.get(name)) for entry in self.past for name, kind in PAST.items()):
            raise ValueError(f"past holds an entry without {', '.join(PAST)}")


def environment(backend: Backend) -> dict[str, Any]:
    """Returns the properties of the environment that affect the last bits."""
    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": backend.device.type,
        "world": backend.world,
        "dtype": str(torch.get_default_dtype()),
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }


def state_tensors(
    model: Model,
    players: list[OptimizerStep],
    ema: Ema | None,
    best: dict[str, Tensor],
    backend: Backend,
) -> dict[str, Tensor]:
    """Returns all tensors of the training state; sharded buffers are gathered in global order.

    Args:
        model: the model.
        players: updates with their optimizers.
        ema: moving average of the weights, or None.
        best: best weights so far, by name.
        backend: one process or several.
    """
    tensors = {f"model/{name}": t for name, t in whole_state(model, backend).items()}
    for player in players:
        for name, t in player.state().items():
            tensors[f"optimizer/{player.update.name}/{name}"] = t
    for name, t in (ema.state() if ema else {}).items():
        tensors[f"ema/{name}"] = t
    for name, t in best.items():
        tensors[f"best/{name}"] = t
    return tensors


def whole_state(model: Model, backend: Backend) -> dict[str, Tensor]:
    """Returns weights and buffers; sharded buffers are gathered in global order.

    Args:
        model: the model.
        backend: one process or several.
    """
    return {name: backend.gather(t) if name in model.sharded else t for name, t in model.state_dict().items()}


def poisoned(model: Model, tensors: dict[str, Tensor]) -> str | None:
    """Returns the name of the first weight or buffer that is not finite, or None.

    Args:
        model: the model.
        tensors: training state, from `state_tensors`.
    """
    return not_finite(model, part(tensors, "model/"))


def save(path: Path, tensors: dict[str, Tensor], position: Position, backend: Backend) -> None:
    """Writes the checkpoint atomically.

    Args:
        path: checkpoint file.
        tensors: training state, from `state_tensors`.
        position: progress of training.
        backend: one process or several.
    """
    header = {"position": asdict(position), "environment": environment(backend)}
    write_tensors(path, tensors, header)


def load(path: Path, backend: Backend) -> tuple[dict[str, Tensor], Position]:
    """Reads a checkpoint; warns if the environment differs from that of the writer.

    Args:
        path: checkpoint file.
        backend: one process or several.

    Returns:
        the tensors of the training state, and the progress of training.

    Raises:
        ValueError: if the file is damaged or no checkpoint.
    """
    tensors, header = read_tensors(path)
    here = environment(backend)
    position = _position(path, header)
    try:
        environment_then = dict(header.get("environment", {}))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged or no checkpoint of this version ({error}): train again."
        ) from error
    for key, was in environment_then.items():
        if here.get(key) != was:
            log.warning(
                "resuming with %s %s where the run had %s: numbers may differ in the last bits",
                key,
                here.get(key),
                was,
            )
    return tensors, position


def position_in(path: Path) -> Position:
    """Reads how far a checkpoint is, without its tensors.

    Args:
        path: checkpoint file.

    Raises:
        ValueError: if the file is damaged or no checkpoint.
    """
    return _position(path, read_shapes(path)[1])


def _position(path: Path, header: dict[str, Any]) -> Position:
    try:
        return Position(**header["position"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged or no checkpoint of this version ({error}): train again."
        ) from error


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Returns the tensors whose names begin with `prefix`, without it.

    Args:
        tensors: tensors by name.
        prefix: such as `model/`.
    """
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def shard(model: Model, backend: Backend, whole: bool) -> dict[str, range]:
    """Returns the range of rows of each sharded buffer in this process.

    Args:
        model: the model.
        backend: one process or several.
        whole: True if the buffers have the rows of all processes; they are then cut to this range.
    """
    shards = {}
    for name in model.sharded:
        buffer = getattr(model, name)
        total = len(buffer) if whole else int(backend.sum(torch.tensor(len(buffer))))
        own = shards[name] = share_of(total, backend.rank, backend.world)
        if whole:
            setattr(model, name, buffer[own.start : own.stop].clone())
    return shards


@torch.no_grad()
def restore(model: Model, whole: dict[str, Tensor], backend: Backend) -> None:
    """Loads the result of `whole_state` into the model, with this process's rows of sharded buffers.

    Args:
        model: the model.
        whole: tensors by name.
        backend: one process or several.

    Raises:
        ValueError: if a tensor is missing, unknown or of another shape.
    """
    own = model.state_dict()
    if own.keys() != whole.keys():
        odd = sorted(own.keys() ^ whole.keys())[0]
        raise ValueError(f"the checkpoint {'lacks' if odd in own else 'has an unknown'} tensor {odd!r}.")
    for name, t in whole.items():
        split = name in model.sharded
        if own[name].shape[split:] != t.shape[split:]:
            raise ValueError(
                f"the checkpoint's {name} has shape {tuple(t.shape)}, the model's {tuple(own[name].shape)}: "
                "the run was made by another model."
            )
        if split:
            mine = share_of(len(t), backend.rank, backend.world)
            setattr(model, name, t[mine.start : mine.stop].to(backend.device, copy=True))
        else:
            own[name].copy_(t)
