"""The style of every matplotlib figure: colours of roles, sizes of text, quiet axes."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import TextPath

from simulacra.core.storage.files import write_atomically
from simulacra.core.storage.nested import make_folder
from simulacra.exploration.drawing.marks import ClassColour, Colour
from simulacra.exploration.drawing.text import LONGEST, short

DPI = 150
PAPER, INK, MUTED, RULE = "#ffffff", "#1f2430", "#6b7280", "#d9dce3"
FRAME = (196, 204, 218)  # between images: neither black nor white
MAIN, OTHER = "#2563eb", "#a3a9b5"  # samples of the model; rows of the data behind them
TITLE, NAME, SMALL = 12, 9.5, 8  # points
ROLES = {
    "samples": MAIN,
    "data": OTHER,
    "other data": MUTED,
    "ink": INK,
    "modes": "#c2410c",
    "best": "#0f8a5f",
}
BOLD = 1.15  # width of bold text relative to plain
SHARE, LEAST = 0.64, 5.5  # share of a panel's place for its title; smallest size of a title, in points


def new_figure(width: float, height: float, constrained: bool = True) -> Figure:
    """A figure on a canvas of its own, which leaves the global state of matplotlib alone.

    Args:
        width: in inches.
        height: in inches.
        constrained: leave room for titles and labels between panels.
    """
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1) if constrained else None
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as a PNG file: the whole file or nothing."""
    make_folder(path.parent)
    write_atomically(path, lambda aside: figure.savefig(aside, format="png", dpi=DPI, facecolor=PAPER))
    return path


def plain(text: str, most: int = LONGEST) -> str:
    r"""The text as `short` gives it, with dollar signs escaped, since matplotlib reads them as formulas.

    Args:
        text: such as the name of a column or of a class.
        most: largest number of letters.

    Example:
        >>> print(plain("$x_{$"), plain("a" * 99, 4))
        \$x_{\$ aaa…
    """
    # dollar signs that are escaped already stay as they are
    return re.sub(r"(?<!\\)\$", r"\\$", short(text, most))


def colour(role: Colour) -> str:
    """The colour of a role or of a class, such as `#2563eb`."""
    if isinstance(role, ClassColour):
        return class_colours(role.classes)[role.index]
    return ROLES[role]


def headline(figure: Figure, title: str) -> None:
    """Write the title of a figure at the top left, smaller if it is wider than the figure."""
    if title:
        title = plain(title, 3 * LONGEST)
        room = 0.97 * figure.get_figwidth() * DPI / BOLD
        size = TITLE * min(1.0, room / max(1, text_width(title, TITLE)))
        figure.suptitle(title, x=0.012, ha="left", fontsize=size, color=INK, fontweight="bold")


def tidy(axes: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """Draws axes without a box, with light ticks and the title on the left.

    Args:
        axes: the axes, which are changed in place.
        title: above them; empty for none.
        x: label of the horizontal axis; empty for none.
        y: label of the vertical axis; empty for none.
    """
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(RULE)
    axes.tick_params(labelsize=SMALL, colors=MUTED, length=3, color=RULE)
    axes.set_title(plain(title), fontsize=title_size(axes, title), color=INK, loc="left")
    axes.set_xlabel(plain(x), fontsize=SMALL, color=MUTED)
    axes.set_ylabel(plain(y), fontsize=SMALL, color=MUTED)


def title_size(axes: Axes, title: str) -> float:
    """Returns the size of a panel's title in points, smaller where it would run into the next panel.

    Args:
        axes: the panel, one of several columns of a figure.
        title: its title.
    """
    place = axes.get_subplotspec()
    columns = 1 if place is None else place.get_gridspec().ncols
    room = SHARE * axes.figure.bbox.width / columns
    return max(LEAST, NAME * min(1.0, room / max(1, text_width(plain(title), NAME))))


def class_colours(n: int) -> list[str]:
    """n distinct colours: those of `tab10` up to ten classes, then of `turbo`.

    Example:
        >>> class_colours(2)
        ['#1f77b4', '#ff7f0e']
    """
    if n <= 10:
        return [to_hex(colour) for colour in colormaps["tab10"].colors[:n]]  # type: ignore[attr-defined]
    return [to_hex(colour) for colour in colormaps["turbo"](np.linspace(0.03, 0.97, n))]


@lru_cache(4096)  # outlines take milliseconds, and labels recur
def text_width(text: str, points: float) -> int:
    """Width of a line of text in pixels."""
    return int(np.ceil(TextPath((0, 0), text, size=points).get_extents().width * DPI / 72)) if text else 0


def text_height(points: float) -> int:
    """Height of a line of text in pixels, with its leading."""
    return int(np.ceil(1.5 * points * DPI / 72))
