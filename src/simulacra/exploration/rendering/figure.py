"""Renderer for matplotlib: draws any `Picture` as a figure.

Only the files of this folder import matplotlib.
"""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from simulacra.exploration.drawing.picture import Beside, Grid, Images, Panel, Picture, Sheet
from simulacra.exploration.rendering import style
from simulacra.exploration.rendering.axes import draw_panel
from simulacra.exploration.rendering.tiles import sheet_figure

MANY_COLUMNS = 2  # of a legend in an empty cell


def render(picture: Picture) -> Figure:
    """A new figure of the picture, on a canvas of its own.

    Args:
        picture: any picture.

    Example:
        >>> from simulacra.exploration.drawing.picture import grid
        >>> len(render(grid([Panel(()), Panel(())], 2, 4.0, 2.0)).axes)
        2
    """
    layout = picture.layout
    if isinstance(layout, Sheet):
        images = [part for part in picture.panels if isinstance(part, Images)]
        return sheet_figure(picture.title, images, layout)
    compressed = isinstance(layout, Grid) and layout.compressed
    figure = style.new_figure(layout.width, layout.height, constrained=not compressed)
    if compressed:
        figure.set_layout_engine("compressed", w_pad=0.12, h_pad=0.1)
    if isinstance(layout, Beside):
        _beside(figure, picture)
    else:
        _grid(figure, picture, layout)
    style.headline(figure, picture.title)
    return figure


def _beside(figure: Figure, picture: Picture) -> None:
    parts: Any = figure.subfigures(1, len(picture.panels), wspace=0.02)
    for place, part in zip(parts, picture.panels):
        assert isinstance(part, Picture) and isinstance(part.layout, Grid)
        _grid(place, part, part.layout)
        place.suptitle(style.plain(part.title), x=0.02, ha="left", fontsize=style.NAME, color=style.INK)


def _grid(figure: Figure | SubFigure, picture: Picture, layout: Grid) -> None:
    every: list[Axes] = []
    for i, panel in enumerate(picture.panels):
        assert isinstance(panel, Panel)
        shared = every[0] if layout.share_x and every else None
        every.append(figure.add_subplot(layout.rows, layout.columns, i + 1, sharex=shared))
    for axes, panel in zip(every, picture.panels):
        assert isinstance(panel, Panel)
        draw_panel(axes, panel)
    if layout.bar is not None:
        _bar(figure, every, layout.bar)
    if layout.y_name:
        figure.supylabel(layout.y_name, fontsize=style.SMALL, color=style.MUTED)
    _legend(figure, every[0], layout.legend)


def _bar(figure: Figure | SubFigure, every: list[Axes], name: str) -> None:
    """The scale of colours, of one panel or of all."""
    axes = every[0]
    if len(every) == 1:
        # the field lies below the points
        bar = figure.colorbar(axes.collections[0], ax=axes, shrink=0.8)
        bar.set_label(name, fontsize=style.SMALL, color=style.MUTED)
        bar.ax.tick_params(labelsize=style.SMALL, colors=style.MUTED)
        return
    bar = figure.colorbar(axes.images[0], ax=every, shrink=0.75, pad=0.01)
    bar.ax.tick_params(labelsize=style.SMALL, colors=style.MUTED, length=3, color=style.RULE)
    bar.outline.set_visible(False)


def _legend(figure: Figure | SubFigure, axes: Axes, place: str) -> None:
    """The names of the marks of the first panel."""
    if place == "none":
        return
    if place == "inside":
        axes.legend(loc="upper right", fontsize=style.SMALL, markerscale=2)
        return
    handles, names = axes.get_legend_handles_labels()
    large: dict[str, Any] = {
        "frameon": False, "fontsize": style.NAME, "labelcolor": style.INK, "markerscale": 1.6,
    }  # fmt: skip
    if place == "below":
        look: dict[str, Any] = {"frameon": False, "fontsize": style.SMALL, "markerscale": 2}
        figure.legend(handles, names, loc="outside lower center", ncols=2, **look)
    elif place == "right":
        figure.legend(handles, names, loc="outside right center", **large)
    else:
        figure.legend(handles, names, loc="center", bbox_to_anchor=(0.77, 0.25), ncols=MANY_COLUMNS, **large)
