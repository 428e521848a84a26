"""Pictures as data: arrays, names, axes and scales, without a drawing library.

    Picture = title + panels + layout

A panel is either a set of `Images` or a `Panel` of marks on two axes. The functions of
`exploration.pictures` compute a `Picture`; a renderer draws it. `exploration.rendering` is the renderer for
matplotlib, and `Picture.json()` gives the same picture to any other one, such as a browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simulacra.exploration.drawing.marks import Mark
from simulacra.exploration.drawing.scale import ClassColours, Scale, SignedScale

LIMIT = 8 * 2**20  # bytes of a picture as JSON


@dataclass(frozen=True)
class Axis:
    """One axis of a panel.

    Args:
        name: label of the axis; empty: no label.
        unit: unit of the numbers, such as `nats` or `s`, which stands behind the name; empty where they have
            none.
        note: a second line below the name.
        limits: lowest and highest value; None: the range of the marks.
        ticks: positions of the ticks; None: the renderer chooses them; (): no ticks.
        labels: text at each tick; None: the numbers; (): no text.
        slant: degrees by which the labels are rotated.
        anchor: `center` or `right`: the point of a label that stands at its tick.
        most: number of intervals between ticks that the renderer chooses; None: its default.
        whole: ticks that the renderer chooses are whole numbers.
        scale: `linear` or `log`.
        grid: draw a line across the panel at each tick.
        margin: free space on each side, as a share of the range; None: the renderer's default.
    """

    name: str = ""
    unit: str = ""
    note: str = ""
    limits: tuple[float, float] | None = None
    ticks: tuple[float, ...] | None = None
    labels: tuple[str, ...] | None = None
    slant: float = 0.0
    anchor: str = "center"
    most: int | None = None
    whole: bool = False
    scale: str = "linear"
    grid: bool = False
    margin: float | None = None


@dataclass(frozen=True, eq=False)
class Panel:
    """Marks on two axes.

    Args:
        marks: drawn in this order, later ones on top.
        title: above the panel.
        note: a smaller line between the title and the panel.
        x: horizontal axis.
        y: vertical axis.
        aspect: `free` (fills its place), `equal` (one unit is equally long on both axes), `equal square`
            (the same in a square panel, whose limits grow as needed), `equal limits` (the same in a panel of
            any shape) or `square` (a square panel with free units).
        tick_lines: draw a short line at each tick.
    """

    marks: tuple[Mark, ...]
    title: str = ""
    note: str = ""
    x: Axis = field(default_factory=Axis)
    y: Axis = field(default_factory=Axis)
    aspect: str = "free"
    tick_lines: bool = True


@dataclass(frozen=True, eq=False)
class Images:
    """Images of one shape on one scale.

    Args:
        values: in raw units, shape (B, C, H, W).
        scale: how a value becomes a colour.
        hidden: True at pixels that are missing, shape (B, H, W); None: no pixel is.
    """

    values: np.ndarray
    scale: Scale | ClassColours | SignedScale
    hidden: np.ndarray | None = None


@dataclass(frozen=True)
class Sheet:
    """A layout for images: rows and columns with names, pixel for pixel.

    Args:
        columns: images in each row; the images of all panels follow each other.
        row_names: on the left, one for each row, or none.
        column_names: above, one for each column, or none.
        captions: below the last row, one for each column, or none.
        note: one line below everything, such as the scale of greys.
        between: colour of the gaps: `frame` (pale), `dark`, or `ground` (the colour that the edges of the
            images mostly have, for images that form one picture).
    """

    columns: int
    row_names: tuple[str, ...] = ()
    column_names: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    note: str = ""
    between: str = "frame"


@dataclass(frozen=True)
class Grid:
    """A layout for panels: rows and columns of one figure, filled row by row.

    Args:
        rows: number of rows.
        columns: number of columns.
        width: of the figure in inches.
        height: likewise.
        legend: `none`, `below`, `right`, `inside` (the first panel) or `free cell` (the last, empty cell);
            its entries are the named marks of the first panel.
        y_name: one label for the vertical axes of all panels.
        bar: label of a bar that shows the scale of colours; None: no bar.
        share_x: all panels have the horizontal limits of the first.
        compressed: panels that keep their aspect stand close together.
    """

    rows: int
    columns: int
    width: float
    height: float
    legend: str = "none"
    y_name: str = ""
    bar: str | None = None
    share_x: bool = False
    compressed: bool = False


@dataclass(frozen=True)
class Beside:
    """A layout for whole pictures, from left to right.

    Args:
        width: of the figure in inches.
        height: likewise.
    """

    width: float
    height: float


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture: a title, panels and their layout.

    Args:
        title: above the picture; empty: none.
        panels: `Images` for a `Sheet`, `Panel` for a `Grid`, `Picture` for `Beside`.
        layout: places of the panels.

    Example:
        >>> picture = grid([Panel(())], 1, 4.0, 3.0, "empty")
        >>> picture.title, picture.layout.rows, picture.json()["panels"][0]["kind"]
        ('empty', 1, 'Panel')
    """

    title: str
    panels: tuple[Images | Panel | Picture, ...]
    layout: Sheet | Grid | Beside

    def json(self, limit: int = LIMIT) -> dict[str, Any]:
        """The picture as values that `json.dumps` accepts.

        Each dataclass becomes a dictionary with its name under `kind`. An array of at most 64 finite numbers
        becomes a nested list. Any other array becomes `{"dtype", "shape", "base64"}`, little-endian and row
        by row; whole numbers have the smallest integer type that holds them, others are rounded to float32.
        A single number that is not finite becomes None.

        Args:
            limit: largest size in bytes of all base64 texts together; 8 MiB by default.

        Returns:
            A dictionary with `kind`, `title`, `panels` and `layout`.

        Raises:
            ValueError: if the arrays take more than `limit` bytes.
        """
        from simulacra.exploration.drawing.encoding import encoded

        return encoded(self, limit)


def grid(
    panels: Sequence[Panel], columns: int, width: float, height: float, title: str = "", **more: Any
) -> Picture:
    """Panels row by row in a grid.

    Args:
        panels: at least one.
        columns: panels in each row.
        width: of the figure in inches.
        height: likewise.
        title: above the picture.
        more: other arguments of `Grid`.
    """
    return Picture(title, tuple(panels), Grid(-(-len(panels) // columns), columns, width, height, **more))
