"""The registry of views: the space of observations decides how they are drawn.

A table never becomes a grid of images, and images never become histograms. Pictures, reports, docs and the
studio all call `view` or `view_data`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.numerics.volumes import is_volume
from simulacra.core.spaces import composite
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Levels, Real, Space
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.audio.midi import is_music
from simulacra.exploration.drawing import panels
from simulacra.exploration.drawing.marks import Heatmap, Points
from simulacra.exploration.drawing.pianoroll import piano_roll
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.drawing.sheet import sheet
from simulacra.exploration.drawing.text import short
from simulacra.exploration.drawing.texts import texts
from simulacra.exploration.drawing.waveform import waveform
from simulacra.exploration.isometric import picture_space, projected

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAIRS = 5  # largest number of entries whose pairs are all shown
ABREAST = 8  # volumes in a row


@dataclass(frozen=True)
class View:
    """One way to show observations.

    Args:
        name: such as `image grid`.
        fits: returns True if a space is shown like this.
        draw: (space, x, other, title, names) -> picture.
    """

    name: str
    fits: Callable[[Space], bool]
    draw: Callable[[Space, Tensor, Tensor | None, str, Sequence[str]], Picture]


def view_of(space: Space) -> View:
    """The view of a space: the first of `VIEWS` that fits.

    Args:
        space: of one observation.

    Example:
        >>> view_of(Real((3,))).name, view_of(Binary((1, 8, 8))).name
        ('pairs', 'image grid')
    """
    return next(v for v in VIEWS if v.fits(space))


def view(
    space: Space,
    x: Any,
    path: str | Path | None = None,
    title: str = "",
    other: Any = None,
    names: Sequence[str] = (),
) -> Figure:
    """Draw observations with matplotlib as their space asks for.

    Args:
        space: of one observation.
        x: observations in raw units, shape (B, *).
        path: PNG file to write, or None.
        title: above the picture.
        other: observations to compare with, shape (B', *), or None. They are grey behind x in distributions,
            and stand below or beside x where each observation is drawn by itself; grids of images omit them.
        names: of the entries (columns of a table).

    Returns:
        A matplotlib figure on a canvas of its own. `view_data` returns the picture as data.

    Raises:
        ValueError: if x does not have the shape of the space, or is empty.

    Example:
        >>> view(Real((2,)), torch.randn(50, 2), title="samples").axes[0].get_xlabel()
        'x1'
    """
    from simulacra.exploration.rendering.figure import render

    figure = render(view_data(space, x, title, other, names))
    if path is not None:
        from simulacra.exploration.rendering.style import save

        save(figure, Path(path))
    return figure


def view_data(space: Space, x: Any, title: str = "", other: Any = None, names: Sequence[str] = ()) -> Picture:
    """Observations as a picture: arrays, names, axes and scales, as their space asks for.

    Args:
        space: of one observation.
        x: observations in raw units, shape (B, *).
        title: above the picture.
        other: observations to compare with, shape (B', *), or None.
        names: of the entries (columns of a table).

    Raises:
        ValueError: if x does not have the shape of the space, or is empty.

    Example:
        >>> picture = view_data(Real((2,)), torch.zeros(50, 2))
        >>> picture.panels[0].marks[0].x.shape, picture.panels[0].x.name
        ((50,), 'x1')
    """
    # a copy: later changes of the caller's tensors must not change the picture
    x, other = (None if rows is None else torch.as_tensor(rows).detach().cpu().clone() for rows in (x, other))
    for rows in (x, other):
        if rows is not None and (tuple(rows.shape[1:]) != space.shape or not len(rows)):
            raise ValueError(
                f"x has shape {tuple(rows.shape)}, but {space} needs at least one row of shape {space.shape}."
            )
    if isinstance(space, Table):
        names = names or space.names
        space = _plain(space)
    return view_of(space).draw(space, x, other, title, names)


def _plain(space: Table) -> Space:
    """A table of only real, or only binary, columns becomes a vector."""
    for kind in (Real, Binary):
        if all(type(field) is kind for _, field in space.fields):
            return kind(space.shape)
    return space


def _images(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Picture:
    columns = math.ceil(math.sqrt(len(x)))
    rows = len(x) // columns
    return sheet(space, x[: rows * columns].unflatten(0, (rows, columns)), title)


def _volumes(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Picture:
    parts = {"": x[: ABREAST * ABREAST // 2]} if other is None else {"samples": x, "data": other}
    if other is not None:
        parts = {name: rows[: ABREAST * ABREAST // 4] for name, rows in parts.items()}
    columns = min(ABREAST, *map(len, parts.values()))
    shown = {name: rows[: len(rows) // columns * columns] for name, rows in parts.items()}
    labels = [
        name if i == 0 else "" for name, rows in shown.items() for i in range(len(rows) // columns) if name
    ]
    pictures = projected(space, torch.cat(list(shown.values())))
    return sheet(picture_space(space), pictures.unflatten(0, (-1, columns)), title, row_names=labels)


def _matrix(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Picture:
    parts = {"": x} if other is None else {"samples": x, "data": other}
    entry = Axis("entry", whole=True)
    if names and len(names) <= panels.PANELS:
        short_names = tuple(short(name, panels.CLASS) for name in names)
        places = tuple(map(float, range(len(names))))
        entry = Axis("entry", whole=True, ticks=places, labels=short_names, slant=45, anchor="right")
    made = []
    for name, rows in parts.items():
        flat = rows.flatten(1)[:64].float().numpy()
        made.append(Panel((Heatmap(flat),), name, x=entry, y=Axis("observation")))
    return grid(made, len(made), 7.5, 5, title)


def _sequences(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Picture:
    shown, whose = panels.beside(x, other, 6)
    made = []
    for i, (steps, name) in enumerate(zip(shown, whose)):
        values = steps.reshape(len(steps), -1).T.numpy()
        heat = Heatmap(values, low=None, high=None, upwards=True)
        step = Axis("step" if i == len(shown) - 1 else "")
        made.append(Panel((heat,), name, x=step, y=Axis("entry")))
    return grid(made, 1, 8, 1.5 * len(shown) + 0.6, title)


def _scatter(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Picture:
    labels = entry_names(space, names)
    marks = _points(x.flatten(1), other.flatten(1) if other is not None else None, 0, 1)
    panel = Panel(marks, x=Axis(labels[0]), y=Axis(labels[1]), aspect="equal limits")
    return grid([panel], 1, 5.6, 5.4, title, legend=panels.legend(other))


def _pairs(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Picture:
    d, labels = space.dims, entry_names(space, names)
    flat, grey = x.flatten(1), other.flatten(1) if other is not None else None
    made = []
    for i in range(d):
        for j in range(d):
            across, up = Axis(labels[j] if i == d - 1 else ""), labels[i] if j == 0 else ""
            if i == j:
                marks = panels.histogram(flat[:, i], grey[:, i] if grey is not None else None)
                made.append(Panel(marks, x=across, y=Axis(up, ticks=())))
            else:
                made.append(Panel(_points(flat, grey, j, i), x=across, y=Axis(up)))
    return grid(made, d, 1.9 * d + 0.6, 1.8 * d + 0.6, title, legend=panels.legend(other))


def _marginals(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Picture:
    flat, labels = x.reshape(len(x), -1), entry_names(space, names)
    grey = other.reshape(len(other), -1) if other is not None else None
    return panels.columns([space] * space.dims, labels, flat, grey, title)


def _fields(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Picture:
    assert isinstance(space, Table)
    return panels.fields(space, x, other, title)


def _bars(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Picture:
    assert isinstance(space, Categorical)
    flat, labels = x.reshape(len(x), -1), entry_names(space, names)
    grey = other.reshape(len(other), -1) if other is not None else None
    d = min(flat.shape[1], panels.PANELS)
    columns = min(d, 3)
    made = []
    for i in range(d):
        marks = panels.bars(space, flat[:, i], None if grey is None else grey[:, i])
        share = Axis("share" if i % columns == 0 else "")
        made.append(Panel(marks, labels[i], x=panels.class_axis(space), y=share))
    size = max(4.5, 3 * columns), 2 * -(-d // columns) + 0.7
    return grid(made, columns, *size, title, legend=panels.legend(other))


def _points(x: Tensor, other: Tensor | None, i: int, j: int) -> tuple[Points, ...]:
    """Samples over data: entry j against entry i."""
    rows = {"samples": x} if other is None else {"data": other, "samples": x}
    return tuple(
        Points(part[:, i].numpy(), part[:, j].numpy(), name, name, _size(part), 0.6)
        for name, part in rows.items()
    )


def _size(x: Tensor) -> float:
    """Area of a point: smaller for more points."""
    return float(np.clip(3000 / len(x), 4, 22))


def entry_names(space: Space, names: Sequence[str] = ()) -> list[str]:
    """The names of the entries: x1, x2, ... for a vector without names.

    Args:
        space: of one observation.
        names: one for each entry, or none.
    """
    if len(names) == space.dims:
        return list(names)
    return [""] if not space.shape else [f"x{i + 1}" for i in range(space.dims)]


VIEWS: tuple[View, ...] = (
    View("piano roll", is_music, piano_roll),
    View("sequences", lambda s: isinstance(s, composite.Sequence), _sequences),
    View("fields", lambda s: isinstance(s, Table), _fields),
    View("image grid", lambda s: s.image, _images),
    View("volumes", is_volume, _volumes),
    View("binary matrix", lambda s: isinstance(s, Binary), _matrix),
    View("texts", lambda s: isinstance(s, Tokens) and bool(s.names), texts),
    View("bars", lambda s: isinstance(s, Categorical), _bars),
    View("waveform", lambda s: isinstance(s, Audio), waveform),
    View("scatter", lambda s: isinstance(s, Real) and s.dims == 2, _scatter),
    View("pairs", lambda s: isinstance(s, Real) and 3 <= s.dims <= PAIRS, _pairs),
    View("marginals", lambda s: isinstance(s, (Real, Levels, Space)), _marginals),
)
