"""Snapshots: samples of two numbers at several steps of training, and the file in which a run keeps them.

All snapshots have the same noise and the same window, so that differences between them come from training. If
the model has a critic, a snapshot also holds its score over the plane. Snapshots hold no rows of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng, some_of
from simulacra.core.spaces.plain import Real
from simulacra.core.storage.files import read_shapes, read_tensors, write_tensors
from simulacra.data.dataset import Dataset, Split
from simulacra.exploration.pictures.saliency import scored
from simulacra.training.callbacks.looks import POINTS, sampled

FOLDER, NAME = "snapshots", "history.safetensors"
SIDE = 40  # grid points of the critic's field in each direction
MOST = 200  # largest number of snapshots in a file
ENDS, MARGIN = (0.005, 0.995), 0.25  # quantiles of training rows; margin as a share of their range
ROWS = 20_000  # that the window is found from


@dataclass(frozen=True)
class Snapshot:
    """Samples at one step.

    Args:
        step: of the whole training; 0: before the first.
        x: samples in raw units, shape (B, 2).
        field: the critic's score on the lattice of the window, shape (SIDE, SIDE), or None.
    """

    step: int
    x: Tensor
    field: Tensor | None = None


@dataclass(frozen=True)
class History:
    """Snapshots of one training.

    Args:
        window: lowest and highest point of the picture, shape (2, 2).
        snapshots: in their order.
    """

    window: Tensor
    snapshots: tuple[Snapshot, ...] = ()

    def until(self, step: int) -> History:
        """The history with only the snapshots before a step."""
        return History(self.window, tuple(s for s in self.snapshots if s.step < step))

    def plus(self, snapshot: Snapshot) -> History:
        """The history with one more snapshot, which replaces those at its step or later."""
        return History(self.window, (*self.until(snapshot.step).snapshots, snapshot))


def window_of(rows: Split) -> Tensor:
    """The window of training rows: their 0.5th to 99.5th percentile, and a margin.

    Args:
        rows: of two numbers.

    Returns:
        The lowest and the highest point, shape (2, 2).
    """
    batch = rows.rows(some_of(len(rows), ROWS, Rng(0, "window")))
    x = batch.x.cpu().double().reshape(-1, 2)
    if batch.known is not None:
        x = x.masked_fill(~batch.known.cpu().reshape(-1, 2), torch.nan)
    low, high = (x.nanquantile(end, dim=0).nan_to_num(bound) for end, bound in zip(ENDS, (0.0, 1.0)))
    room = MARGIN * (high - low) + 1e-6 * (1 + high.abs())
    return torch.stack([low - room, high + room])


def snapshot(model: Model, window: Tensor, step: int, seed: int = 0, data: Dataset | None = None) -> Snapshot:
    """Samples of the model, and the score of its critic over the plane.

    Args:
        model: of two numbers.
        window: of the history, shape (2, 2).
        step: of the whole training.
        seed: of the samples, the same for all snapshots.
        data: data set whose held-out rows give the conditions of a model whose condition is no label.

    Raises:
        ValueError: if the model takes such a condition and there are no rows with one.
    """
    x = sampled(model, seed, data).cpu().double().reshape(-1, 2)
    plain = isinstance(model.preprocessing.raw, Real) and not model.supports(can.TakesCondition)
    if not (plain and model.supports(can.HasCritic)):
        return Snapshot(step, x)
    scores, _ = scored(model, lattice(window).to(model.dtype), None, seed)
    field = scores.cpu().double().reshape(SIDE, SIDE)
    return Snapshot(step, x, field if bool(field.isfinite().all()) else None)


def lattice(window: Tensor) -> Tensor:
    """Grid points of the window, row by row from its lower edge.

    Args:
        window: lowest and highest point, shape (2, 2).

    Returns:
        Points of shape (SIDE * SIDE, 2).
    """
    across, up = (torch.linspace(float(a), float(b), SIDE, dtype=torch.float64) for a, b in window.T)
    return torch.stack(torch.meshgrid(across, up, indexing="xy"), -1).reshape(-1, 2)


def write_history(history: History, folder: Path) -> None:
    """Write the last 200 snapshots into a run folder: the whole file or nothing."""
    tensors = {"window": history.window}
    for taken in history.snapshots[-MOST:]:
        tensors[f"{taken.step}/x"] = taken.x
        if taken.field is not None:
            tensors[f"{taken.step}/field"] = taken.field
    (folder / FOLDER).mkdir(exist_ok=True)
    write_tensors(folder / FOLDER / NAME, tensors, {})


def read_history(folder: Path) -> History | None:
    """The history that a run kept, or None.

    Args:
        folder: of the run.

    Raises:
        ValueError: if the file is damaged or is not a history.
    """
    path = folder / FOLDER / NAME
    if not path.is_file():
        return None
    for name, found in read_shapes(path)[0].items():
        step, _, kind = name.partition("/")
        fits = {
            "window": name == "window" and found.shape == (2, 2),
            "x": len(found.shape) == 2 and found.shape[1] == 2 and 0 < found.shape[0] <= POINTS,
            "field": found.shape == (SIDE, SIDE),
        }
        numbered = name == "window" or (step.isascii() and step.isdecimal() and len(step) < 16)
        if not (found.dtype == "F64" and numbered and fits.get(kind or name, False)):
            raise ValueError(f"{path} is damaged: {name[:40]!r} is not a snapshot; remove the file.")
    tensors, _ = read_tensors(path)
    # samples may be infinite; those are counted as outside
    finite = all(bool(t.isfinite().all()) for name, t in tensors.items() if not name.endswith("/x"))
    if "window" not in tensors or not finite:
        raise ValueError(f"{path} is damaged: numbers of its snapshots are missing; remove the file.")
    steps = sorted(int(name[:-2]) for name in tensors if name.endswith("/x"))
    taken = (Snapshot(s, tensors[f"{s}/x"], tensors.get(f"{s}/field")) for s in steps)
    return History(tensors["window"], tuple(taken))
