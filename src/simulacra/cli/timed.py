"""Predicts training time on this machine from a few small steps."""

from __future__ import annotations

from dataclasses import replace

import torch

from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.training.callbacks.looks import PICTURES, look_seconds, picture_seconds, shown_of
from simulacra.training.hardware.budget import closed_form
from simulacra.training.hardware.cost import estimate_cost
from simulacra.training.options import Options, stage_names

USUAL, SMALL, MORE = Options(), 2, 16  # default options; batch sizes of the timed steps
MORE_IF_SLOW, SLOW_SMALL = 6, 0.05  # replaces MORE if a step of SMALL rows takes more than 0.05 s
SLOW = 0.2  # seconds; if a full-size step is predicted to take longer, it is not timed itself
SOLVED = 128  # closed-form fits are timed on this many rows, and on twice as many


def whole_seconds(model: Model, data: Dataset, rows: int, before: float) -> float:
    """Returns the predicted time of `train` in seconds: start-up, steps, pictures and diagnostics.

    Args:
        model: untrained model.
        data: data set, with few rows.
        rows: number of training rows in all.
        before: start-up time in seconds.
    """
    steps = seconds_of(model, data, rows)
    stages = len([i for i in range(len(stage_names(model))) if shown_of(i)])
    pictures = stages * min(PICTURES, max(1.0, model.length.n)) * picture_seconds(model, data=data)
    return before + steps + pictures + look_seconds(steps)


def seconds_of(model: Model, data: Dataset, rows: int) -> float:
    """Returns the predicted time of all training steps in seconds.

    A full-size step is timed if it is fast, and otherwise extrapolated: a step of b rows takes about
    s(b) = s_0 + s_1 b, so that the times of two small batches give that of a large one.

    Args:
        model: untrained model.
        data: data set, with few rows.
        rows: number of training rows in all.
    """
    size = USUAL.for_model(model).step_rows
    data = _with_repeated_rows(data, min(rows, size))
    if closed_form(model):
        return _closed_form_seconds(model, data, rows)
    few = estimate_cost(model, data, Options(batch_size=SMALL), rows=rows, timed=1, plain=True)
    many = MORE_IF_SLOW if few.seconds / few.steps > SLOW_SMALL else MORE
    more = estimate_cost(model, data, Options(batch_size=many), rows=rows, timed=1, plain=True)
    s = [cost.seconds / max(1, cost.steps) for cost in (few, more)]
    s_1 = max(0.0, s[1] - s[0]) / (many - SMALL)
    full = s[0] + s_1 * (size - SMALL)
    if full > SLOW:
        return full * few.steps * SMALL / size
    return estimate_cost(model, data, USUAL, rows=rows, timed=2, plain=True).seconds


def _closed_form_seconds(model: Model, data: Dataset, rows: int) -> float:
    """Returns the time of a closed-form fit; for many rows, extrapolated from two small samples."""
    n = len(data.train)
    if n <= 2 * SOLVED:
        return estimate_cost(model, data, USUAL, rows=rows).seconds
    s = [estimate_cost(model, _first_rows(data, k), USUAL).seconds for k in (SOLVED, 2 * SOLVED)]
    return s[0] + max(0.0, s[1] - s[0]) / SOLVED * (rows - SOLVED)


def _first_rows(data: Dataset, n: int) -> Dataset:
    """Returns the data set with its first n training rows only."""
    return replace(data, splits={**data.splits, "train": data.train.select(torch.arange(n))})


def _with_repeated_rows(data: Dataset, n: int) -> Dataset:
    """Returns the data set with at least n training rows, repeating them if necessary."""
    train = data.train
    if len(train) >= n:
        return data
    return replace(data, splits={**data.splits, "train": train.select(torch.arange(n) % len(train))})
