"""Training curves: one panel for each quantity that training recorded."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from simulacra.exploration.drawing.marks import Line, Rules
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid

WHERE = ("stage", "split", "step", "epoch", "seconds", "total_step")
SCORE = "valid_score"
PANELS = 12


def training_curves(rows: Sequence[Mapping[str, Any]], title: str = "") -> Picture | None:
    """One panel for each quantity that training recorded, at most 12; None if nothing was recorded.

    A vertical line marks each change of stage.

    Args:
        rows: of the metrics file: stage, step, epoch, seconds and total_step, then the terms of the loss;
            empty values are skipped.
        title: above the picture.

    Example:
        >>> rows = [{"epoch": str(i), "loss": str(1 / (i + 1))} for i in range(5)]
        >>> len(training_curves(rows).panels)
        1
    """
    names = [name for name in dict.fromkeys(k for row in rows for k in row) if name not in WHERE]
    series = {name: _series(rows, name) for name in names}
    series = {name: s for name, s in series.items() if len(s[0])}
    # the validation score comes first
    shown = sorted(series, key=lambda name: name != SCORE)[:PANELS]
    if not shown:
        return None
    columns = 2 if len(shown) in (2, 4) else min(3, len(shown))
    below, changes = len(shown) - columns, np.array(_stage_changes(rows))
    x = _axis(rows).removeprefix("total_")
    made = [_curve(name, *series[name], changes, x if i >= below else "") for i, name in enumerate(shown)]
    height = 2.6 * -(-len(shown) // columns) + 0.5
    return grid(made, columns, max(5.0, 3.9 * columns), height, title, share_x=True)


def _curve(name: str, x: np.ndarray, y: np.ndarray, changes: np.ndarray, axis: str) -> Panel:
    """The panel of one quantity; of the score also the best value."""
    score, colour = name == SCORE, "best" if name == SCORE else "samples"
    marks: list[Line | Rules] = [Line(x, y, colour, dots=4.0 if len(x) < 3 else 0.0)]
    if score:
        marks.append(Line(x[[y.argmax()]], y[[y.argmax()]], colour, width=0, dots=5))
    title = f"validation score, nats (best {y.max():.4g})" if score else name.replace("_", " ")
    unit = "nats" if score else ""
    return Panel((*marks, Rules(changes)), title, x=Axis(axis, margin=0.02), y=Axis(unit=unit, grid=True))


def _axis(rows: Sequence[Mapping[str, Any]]) -> str:
    """The horizontal axis: epochs of a single stage, otherwise steps, which are counted over all stages."""
    stages = {row.get("stage", "") for row in rows}
    if len(stages) == 1 and any(row.get("epoch") for row in rows):
        return "epoch"
    return "total_step" if any(row.get("total_step") for row in rows) else "step"


def _series(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    axis = _axis(rows)
    pairs = [(_number(row.get(axis)), _number(row.get(name))) for row in rows]
    kept = [(x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y)]
    return np.array([x for x, _ in kept]), np.array([y for _, y in kept])


def _number(value: Any) -> float:
    try:
        return math.nan if value is None else float(value)
    except ValueError:
        return math.nan


def _stage_changes(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    axis = _axis(rows)
    pairs = itertools.pairwise(rows)
    return [_number(a.get(axis)) for a, b in pairs if a.get("stage", "") != b.get("stage", "")]
