"""Training curves: one small panel for each quantity that training recorded."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulacra.exploration.drawing import style

WHERE = ("stage", "split", "step", "epoch", "seconds", "total_step")
SCORE = "valid_score"
PANELS = 12
GREEN = "#0f8a5f"


def training_curves(rows: Sequence[Mapping[str, Any]], title: str = "") -> Figure | None:
    """Every recorded quantity over training; None where nothing was recorded.

    Args:
        rows: of the metrics file: where (stage, step, epoch, seconds, total_step), then terms;
            blanks are skipped. A line at each change of stage.

    Example:
        >>> rows = [{"epoch": str(i), "loss": str(1 / (i + 1))} for i in range(5)]
        >>> len(training_curves(rows).axes)
        1
    """
    names = [name for name in dict.fromkeys(k for row in rows for k in row) if name not in WHERE]
    series = {name: _series(rows, name) for name in names}
    series = {name: s for name, s in series.items() if len(s[0])}
    # the score that decides comes first
    shown = sorted(series, key=lambda name: name != SCORE)[:PANELS]
    if not shown:
        return None
    columns = 2 if len(shown) in (2, 4) else min(3, len(shown))
    lines = -(-len(shown) // columns)
    figure = style.new_figure(max(5.0, 3.9 * columns), 2.6 * lines + 0.5)
    panels = np.atleast_1d(figure.subplots(lines, columns, sharex=True)).ravel()
    changes = _stage_changes(rows)
    for axes, name in zip(panels, shown):
        _curve(axes, name, *series[name])
        axes.tick_params(labelbottom=True)
        for x in changes:
            axes.axvline(x, color=style.RULE, lw=1, zorder=0)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(shown) - columns) : len(shown)]:
        axes.set_xlabel(_axis(rows).removeprefix("total_"), fontsize=style.SMALL, color=style.MUTED)
    style.headline(figure, title)
    return figure


def _curve(axes: Axes, name: str, x: np.ndarray, y: np.ndarray) -> None:
    score = name == SCORE
    single: dict[str, Any] = {"marker": "o", "ms": 4} if len(x) < 3 else {}
    axes.plot(x, y, color=GREEN if score else style.MAIN, lw=1.5, **single)
    style.tidy(axes, f"validation score, nats (best {y.max():.4g})" if score else name.replace("_", " "))
    axes.grid(axis="y", color=style.RULE, lw=0.6, alpha=0.7)
    axes.margins(x=0.02)
    if score:
        axes.plot(x[y.argmax()], y.max(), "o", color=GREEN, ms=5)


def _axis(rows: Sequence[Mapping[str, Any]]) -> str:
    """Epochs where there is one stage, otherwise steps, which go on over stages."""
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
