"""A row of panels: samples of two numbers, and the critic's field, at several steps of training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space
from simulacra.exploration.drawing.marks import Field, Mark, Points
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.live.sample_history import SIDE, History, Snapshot, snapshot
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.critic import crosses, modes_of
from simulacra.training.callbacks.looks import POINTS

PANELS = 6  # snapshots of a row
PANEL = 1.75  # inches
SHADES = 12


def chosen(history: History, most: int = PANELS) -> list[Snapshot]:
    """The first and the last snapshot, and others at even distances between them.

    Args:
        history: all snapshots.
        most: largest number of snapshots.

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
    """The names of two entries: those of the columns of a table, otherwise x1 and x2."""
    names = space.names if isinstance(space, Table) else ()
    return (names[0], names[1]) if len(names) == 2 else ("x1", "x2")


def row_of(
    history: History,
    title: str,
    names: tuple[str, str] = ("x1", "x2"),
    modes: Tensor | None = None,
    data: Tensor | None = None,
) -> Picture:
    """A row of panels with some snapshots, all in one window.

    Args:
        history: at least one snapshot.
        title: of the picture.
        names: of the two entries.
        modes: of the true distribution, shape (K, 2); None: unknown.
        data: rows for a last panel, shape (B, 2); None: no such panel.
    """
    taken, window = chosen(history), history.window
    marked = () if modes is None else (crosses(modes, 22, 1.1),)
    made = []
    for shown in taken:
        outside = int((~_inside(window, shown.x)).sum())
        name = names[0] + (f" ({outside:,} outside)" if outside else "")
        marks = (*_field(window, shown.field), _points(window, shown.x, "samples"), *marked)
        made.append(_panel(marks, window, f"step {shown.step:,}", name))
    if data is not None:
        made.append(_panel((_points(window, data, "other data"),), window, "data", names[0]))
    made[0] = replace(made[0], y=replace(made[0].y, name=names[1], labels=None))
    fields = any(shown.field is not None for shown in taken)
    said = ", on the critic's number (orange is real, each panel its own scale)" if fields else ""
    crossed = "" if modes is None else ", crosses at the modes"
    width = PANEL * max(len(made), 3) + 0.5
    return grid(made, len(made), width, PANEL + 0.75, f"{title}{said}{crossed}")


def snapshots(album: Album) -> Picture:
    """The snapshots that training kept, samples of the trained model, and held-out rows."""
    history, model = album.history, album.model
    assert history is not None
    last = history.snapshots[-1].step
    end = snapshot(model, history.window, last, album.seed)
    data = album.some(album.held_out, POINTS)
    whole = data.x if data.known is None else data.x[data.known.flatten(1).all(1)]
    title = f"{type(model).__name__}: samples while it trained"
    rows = whole.cpu().double().reshape(-1, 2)
    return row_of(history.plus(end), title, names_of(album.space), modes_of(album.data), rows)


def _field(window: Tensor, field: Tensor | None) -> tuple[Field, ...]:
    if field is None or float(field.max() - field.min()) <= 0:
        return ()
    across, up = (np.linspace(float(a), float(b), SIDE) for a, b in window.T)
    return (Field(across, up, field.numpy(), SHADES, 0.7),)


def _points(window: Tensor, x: Tensor, colour: str) -> Points:
    """The points that lie in the window."""
    across, up = x[_inside(window, x)].T.numpy()
    return Points(across, up, colour, size=5, alpha=0.6)


def _inside(window: Tensor, x: Tensor) -> Tensor:
    return ((x >= window[0]) & (x <= window[1])).all(1)


def framed(picture: Picture, window: Tensor) -> Picture:
    """A picture of one panel with the limits of the window: pictures of several epochs can be compared.

    Args:
        picture: of one scatter; other pictures are returned as they are.
        window: lowest and highest point, shape (2, 2).
    """
    panel = picture.panels[0]
    if len(picture.panels) > 1 or not isinstance(panel, Panel):
        return picture
    return replace(picture, panels=(_framed(panel, window),))


def _panel(marks: tuple[Mark, ...], window: Tensor, title: str, name: str) -> Panel:
    """A panel of the row; only the first has numbers at its vertical axis."""
    return _framed(Panel(marks, title, x=Axis(name), y=Axis(labels=())), window)


def _framed(panel: Panel, window: Tensor) -> Panel:
    (low, down), (high, up) = window.tolist()
    x, y = replace(panel.x, limits=(low, high), most=3), replace(panel.y, limits=(down, up), most=4)
    return replace(panel, x=x, y=y, aspect="square")
