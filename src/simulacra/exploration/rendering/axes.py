"""Renderer for matplotlib: one panel of marks on its axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.axis import Axis as MatplotlibAxis
from matplotlib.ticker import MaxNLocator

from simulacra.exploration.drawing import marks
from simulacra.exploration.drawing.picture import Axis, Images, Panel
from simulacra.exploration.rendering import style
from simulacra.exploration.rendering.tiles import joined, pixels

COLOUR_MAPS = {"blues": "Blues", "diverging": "RdBu_r"}
FIELD = "PuOr_r"
STRONG = 0.6  # share of a diverging scale beyond which the text of a cell is light


def draw_panel(axes: Axes, panel: Panel) -> None:
    """Draw the marks of a panel, its titles and its ticks.

    Args:
        axes: empty axes of a figure.
        panel: marks and axes.
    """
    if panel.x.scale == "log":
        axes.set_xscale("log")
    for mark in panel.marks:
        _draw(axes, mark)
    style.tidy(axes, panel.title, _name(panel.x), _name(panel.y))
    if panel.note:
        _noted(axes, panel.title, panel.note)
    if panel.x.note:
        axes.set_xlabel("\n".join([style.plain(_name(panel.x)), style.plain(panel.x.note)]))
    _ticks(axes.xaxis, panel.x)
    _ticks(axes.yaxis, panel.y)
    if not panel.tick_lines:
        axes.tick_params(length=0)
    _limits(axes, panel)


def _name(axis: Axis) -> str:
    """The label of an axis with its unit: `rate (nats)`."""
    return f"{axis.name} ({axis.unit})" if axis.name and axis.unit else axis.name


def _noted(axes: Axes, title: str, note: str) -> None:
    """A title, and a smaller line below it."""
    size = style.title_size(axes, title)
    axes.set_title(style.plain(title), fontsize=size, color=style.INK, loc="left", pad=14)
    axes.annotate(
        note, (0, 1), (0, 3), "axes fraction", "offset points", fontsize=style.SMALL - 1, color=style.MUTED
    )


def _ticks(place: MatplotlibAxis, axis: Axis) -> None:
    if axis.most is not None:
        place.set_major_locator(MaxNLocator(axis.most, integer=axis.whole))
    elif axis.whole:
        place.set_major_locator(MaxNLocator(integer=True))
    how: dict[str, Any] = {"rotation": axis.slant} if axis.slant else {}
    how |= {"ha": axis.anchor} if axis.anchor != "center" else {}
    labels = None if axis.labels is None else [style.plain(label) for label in axis.labels]
    if axis.ticks is not None:
        place.set_ticks(list(axis.ticks), labels, **how)
    elif labels is not None:
        place.set_ticklabels(labels)
    elif axis.slant:
        place.set_tick_params(rotation=axis.slant)
    if axis.grid:
        place.grid(visible=True, color=style.RULE, lw=0.6, alpha=0.7)


def _limits(axes: Axes, panel: Panel) -> None:
    if panel.x.margin is not None:
        axes.margins(x=panel.x.margin)
    if panel.x.limits is not None:
        axes.set_xlim(*panel.x.limits)
    if panel.y.limits is not None:
        axes.set_ylim(*panel.y.limits)
    if panel.aspect == "equal":
        axes.set_aspect("equal")
    elif panel.aspect.startswith("equal"):
        axes.set_aspect("equal", "datalim")
    if panel.aspect.endswith("square"):
        axes.set_box_aspect(1)


def _draw(axes: Axes, mark: marks.Mark) -> None:
    """Draw one mark."""
    DRAW[type(mark)](axes, mark)


def _points(axes: Axes, mark: marks.Points) -> None:
    how: dict[str, Any] = {"lw": mark.edge, "edgecolors": style.PAPER} if mark.edge else {"lw": 0}
    if mark.cross:
        how = {"lw": mark.edge, "marker": "x", "zorder": 3}
    how |= {"label": mark.name} if mark.name else {}
    axes.scatter(mark.x, mark.y, mark.size, color=style.colour(mark.colour), alpha=mark.alpha, **how)


def _line(axes: Axes, mark: marks.Line) -> None:
    how: dict[str, Any] = {"lw": mark.width} if mark.width else {"linestyle": "none"}
    if mark.dots:
        how |= {"marker": "o", "ms": mark.dots, "mew": mark.edge}
    if mark.behind:
        how["zorder"] = 0
    axes.plot(mark.x, mark.y, color=style.colour(mark.colour), **how)


def _rules(axes: Axes, mark: marks.Rules) -> None:
    for x in mark.x:
        axes.axvline(x, color=style.RULE, lw=1, zorder=0)


def _intervals(axes: Axes, mark: marks.Intervals) -> None:
    axes.vlines(mark.x, mark.low, mark.high, color=style.colour(mark.colour), lw=0.8, alpha=0.35)


def _histogram(axes: Axes, mark: marks.Histogram) -> None:
    colours, names = [style.colour(c) for c in mark.colours], list(mark.names)
    how: dict[str, Any] = {"histtype": "step", "lw": 1.6} if mark.outline else {}
    if mark.alpha < 1:
        how["alpha"] = mark.alpha
    if any(names):
        how["label"] = names
    # each bin holds its left edge once, with its height as a weight
    starts = [mark.edges[:-1]] * len(mark.heights)
    axes.hist(starts, list(mark.edges), weights=list(mark.heights), color=colours, stacked=True, **how)


def _bars(axes: Axes, mark: marks.Bars) -> None:
    how: dict[str, Any] = {"alpha": mark.alpha} if mark.alpha < 1 else {}
    how |= {"label": mark.name} if mark.name else {}
    places = np.arange(len(mark.heights))
    axes.bar(places, mark.heights, mark.width, color=style.colour(mark.colour), **how)


def _heatmap(axes: Axes, mark: marks.Heatmap) -> None:
    how: dict[str, Any] = {"interpolation": "nearest"} | ({} if mark.square else {"aspect": "auto"})
    how |= {"origin": "lower"} if mark.upwards else {}
    how |= {"extent": mark.extent} if mark.extent else {}
    colours = COLOUR_MAPS[mark.colours]
    if mark.hidden is None:
        axes.imshow(mark.values, cmap=colours, vmin=mark.low, vmax=mark.high, **how)
    else:
        assert mark.low is not None and mark.high is not None
        shades = colormaps[colours]((mark.values - mark.low) / (mark.high - mark.low))[..., :3]
        shades[mark.hidden] = np.array(style.FRAME) / 255
        axes.imshow(shades, **how)
    for i, row in enumerate(mark.words):
        for j, word in enumerate(row):
            dark = mark.colours == "diverging" and abs(mark.values[i, j]) > STRONG
            ink = style.PAPER if dark else style.INK
            if word:
                axes.text(j, i, word, ha="center", va="center", fontsize=mark.size, color=ink)


def _field(axes: Axes, mark: marks.Field) -> None:
    axes.contourf(mark.x, mark.y, mark.values, mark.shades, cmap=FIELD, alpha=mark.alpha)


def _mosaic(axes: Axes, mark: marks.Mosaic) -> None:
    tiles = pixels(Images(mark.values, mark.scale))
    picture = joined(tiles, round(len(tiles) ** 0.5))
    axes.imshow(picture, extent=(0, 1, 0, 1), alpha=mark.alpha, interpolation="antialiased")


def _text(axes: Axes, mark: marks.Text) -> None:
    axes.text(
        0.5, 0.5, mark.words, ha="center", va="center", transform=axes.transAxes, color=style.INK,
        fontsize=mark.size,
    )  # fmt: skip


def _lines(axes: Axes, mark: marks.Lines) -> None:
    axes.set_axis_off()
    n = max(1, len(mark.words))
    for i, words in enumerate(mark.words):
        axes.text(
            0.0, 1 - (i + 0.5) / n, words, ha="left", va="center", transform=axes.transAxes, color=style.INK,
            fontsize=mark.size,
        )  # fmt: skip


DRAW: dict[type, Any] = {
    marks.Points: _points,
    marks.Line: _line,
    marks.Rules: _rules,
    marks.Intervals: _intervals,
    marks.Histogram: _histogram,
    marks.Bars: _bars,
    marks.Heatmap: _heatmap,
    marks.Field: _field,
    marks.Mosaic: _mosaic,
    marks.Text: _text,
    marks.Lines: _lines,
}
