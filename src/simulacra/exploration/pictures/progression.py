"""The row of panels that shows how samples of two numbers, and the critic's field, moved over training."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space
from simulacra.exploration.drawing import panels, style
from simulacra.exploration.live.history import SIDE, History, Snapshot, snapshot
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.critic import modes_of
from simulacra.training.callbacks.looks import POINTS

PANELS = 6  # snapshots of a row
PANEL = 1.75  # inches
SHADES = 12
FIELD, MODES = "PuOr_r", "#c2410c"


def chosen(history: History, most: int = PANELS) -> list[Snapshot]:
    """The first, the last, and between them those that stand evenly.

    Example:
        >>> import torch
        >>> history = History(torch.zeros(2, 2), tuple(Snapshot(k, torch.zeros(1, 2)) for k in range(9)))
        >>> [taken.step for taken in chosen(history, 3)]
        [0, 4, 8]
    """
    n = len(history.snapshots)
    places = range(n) if n <= most else sorted({round(i * (n - 1) / (most - 1)) for i in range(most)})
    return [history.snapshots[i] for i in places]


def names_of(space: Space) -> tuple[str, str]:
    """The names of two entries: those of columns, otherwise x1 and x2."""
    names = space.names if isinstance(space, Table) else ()
    return (names[0], names[1]) if len(names) == 2 else ("x1", "x2")


def row_of(
    history: History,
    title: str,
    names: tuple[str, str] = ("x1", "x2"),
    modes: Tensor | None = None,
    data: Tensor | None = None,
) -> Figure:
    """Panels of some snapshots, all in one window.

    Args:
        history: one snapshot at least.
        title: of the figure.
        names: of the two entries.
        modes: of the truth, where they are known, shape (K, 2).
        data: rows for a last panel, shape (B, 2), or None.
    """
    taken = chosen(history)
    n = len(taken) + (data is not None)
    figure = style.new_figure(PANEL * max(n, 3) + 0.5, PANEL + 0.75)
    grid = panels.grid(figure, 1, n)
    for axes, shown in zip(grid, taken):
        _field(axes, history.window, shown.field)
        _points(axes, history.window, shown.x, style.MAIN)
        outside = int((~_inside(history.window, shown.x)).sum())
        style.tidy(axes, f"step {shown.step:,}", names[0] + (f" ({outside:,} outside)" if outside else ""))
    if data is not None:
        _points(grid[-1], history.window, data, style.MUTED)
        style.tidy(grid[-1], "data", names[0])
    for i, axes in enumerate(grid):
        if modes is not None and i < len(taken):
            x, y = modes.T.numpy()
            axes.scatter(x, y, 22, color=MODES, marker="x", lw=1.1, label="modes", zorder=3)
        _frame(axes, history.window, left=i == 0)
    grid[0].set_ylabel(names[1], fontsize=style.SMALL, color=style.MUTED)
    fields = any(shown.field is not None for shown in taken)
    said = ", on the critic's number (orange is real, each panel its own scale)" if fields else ""
    crosses = "" if modes is None else ", crosses at the modes"
    style.headline(figure, f"{title}{said}{crosses}")
    return figure


def snapshots(album: Album) -> Figure:
    """What training kept, the trained model, and held-out rows."""
    history, model = album.history, album.model
    assert history is not None
    last = history.snapshots[-1].step
    end = snapshot(model, history.window, last, album.seed)
    data = album.some(album.held_out, POINTS)
    whole = data.x if data.known is None else data.x[data.known.flatten(1).all(1)]
    title = f"{type(model).__name__}: samples while it trained"
    rows = whole.cpu().double().reshape(-1, 2)
    return row_of(history.plus(end), title, names_of(album.space), modes_of(album.data), rows)


def _field(axes: Axes, window: Tensor, field: Tensor | None) -> None:
    if field is None or float(field.max() - field.min()) <= 0:
        return
    across, up = (np.linspace(float(a), float(b), SIDE) for a, b in window.T)
    axes.contourf(across, up, field.numpy(), SHADES, cmap=FIELD, alpha=0.7)


def _points(axes: Axes, window: Tensor, x: Tensor, colour: str) -> None:
    inside = _inside(window, x)
    across, up = x[inside].T.numpy()
    axes.scatter(across, up, 5, color=colour, alpha=0.6, lw=0)


def _inside(window: Tensor, x: Tensor) -> Tensor:
    return ((x >= window[0]) & (x <= window[1])).all(1)


def framed(figure: Figure, window: Tensor) -> None:
    """Show the window in a picture of one scatter, so that pictures of several epochs can be compared."""
    if len(figure.axes) == 1:
        figure.axes[0].set_aspect("auto")
        _frame(figure.axes[0], window, left=True)


def _frame(axes: Axes, window: Tensor, left: bool) -> None:
    (low, down), (high, up) = window.tolist()
    axes.set_xlim(low, high)
    axes.set_ylim(down, up)
    axes.set_box_aspect(1)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    if not left:
        axes.set_yticklabels([])
