"""How every picture looks: one paper, one ink, one font size for each role."""

from __future__ import annotations

import re
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
from simulacra.core.storage.plain_text import printable

DPI = 150
PAPER, INK, MUTED, RULE = "#ffffff", "#1f2430", "#6b7280", "#d9dce3"
FRAME = (196, 204, 218)  # between images: neither their black nor their white
MAIN, OTHER = "#2563eb", "#a3a9b5"  # the model's samples; what they are compared with
TITLE, NAME, SMALL = 12, 9.5, 8  # points
LONGEST = 60  # letters of a name from a file
BOLD = 1.15  # width of bold text relative to plain


def new_figure(width: float, height: float, constrained: bool = True) -> Figure:
    """A figure of its own canvas, in inches: no global state is touched."""
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1) if constrained else None
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as a PNG file, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda aside: figure.savefig(aside, format="png", dpi=DPI, facecolor=PAPER))
    return path


def plain(text: str, most: int = LONGEST) -> str:
    r"""A text of a file as one that a figure draws letter for letter: short, one line, and no formula.

    Args:
        text: such as the name of a column or of a class.
        most: letters.

    Example:
        >>> print(plain("$x_{$"), plain("a" * 99, 4))
        \$x_{\$ aaa…
    """
    line = printable(" ".join(str(text).split()))
    line = line if len(line) <= most else line[: most - 1] + "\u2026"
    # a text that is plain already stays as it is
    return re.sub(r"(?<!\\)\$", r"\\$", line)


def headline(figure: Figure, title: str) -> None:
    """The title of a whole figure, on the left; smaller where it would not fit."""
    if title:
        title = plain(title, 3 * LONGEST)
        room = 0.97 * figure.get_figwidth() * DPI / BOLD
        size = TITLE * min(1.0, room / max(1, text_width(title, TITLE)))
        figure.suptitle(title, x=0.012, ha="left", fontsize=size, color=INK, fontweight="bold")


def tidy(axes: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """Quiet axes: no box, light ticks, the title on the left."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(RULE)
    axes.tick_params(labelsize=SMALL, colors=MUTED, length=3, color=RULE)
    axes.set_title(plain(title), fontsize=NAME, color=INK, loc="left")
    axes.set_xlabel(plain(x), fontsize=SMALL, color=MUTED)
    axes.set_ylabel(plain(y), fontsize=SMALL, color=MUTED)


def class_colours(n: int) -> list[str]:
    """n colours that can be told apart.

    Example:
        >>> class_colours(2)
        ['#1f77b4', '#ff7f0e']
    """
    if n <= 10:
        return [to_hex(colour) for colour in colormaps["tab10"].colors[:n]]  # type: ignore[attr-defined]
    return [to_hex(colour) for colour in colormaps["turbo"](np.linspace(0.03, 0.97, n))]


def text_width(text: str, points: float) -> int:
    """Width of a line of text in pixels."""
    return int(np.ceil(TextPath((0, 0), text, size=points).get_extents().width * DPI / 72)) if text else 0


def text_height(points: float) -> int:
    """Height of a line of text in pixels, with its leading."""
    return int(np.ceil(1.5 * points * DPI / 72))
