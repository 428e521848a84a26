"""Marks: points, lines, bars and other contents of a panel, as arrays with names and colours.

A colour is a role, which every renderer gives its own shade: `samples`, `data` (behind samples), `other data`
(beside samples, darker), `ink`, `modes`, `best`; or one of n classes, as a `ClassColour`.
Marks with arrays compare by identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulacra.exploration.drawing.scale import ClassColours, Scale, SignedScale


@dataclass(frozen=True)
class ClassColour:
    """The colour of one class.

    Args:
        index: number of the class, from 0.
        classes: number of classes.
    """

    index: int
    classes: int


Colour = str | ClassColour


@dataclass(frozen=True, eq=False)
class Points:
    """Points of a scatter plot.

    Args:
        x: shape (B,).
        y: shape (B,).
        colour: of all of them.
        name: in the legend; empty: not there.
        size: area of a point in square points (1/72 inch).
        alpha: opacity, from 0 to 1.
        edge: width in points of a line around each point, in the colour of the paper.
        cross: draw crosses with lines of `edge` points.
    """

    x: np.ndarray
    y: np.ndarray
    colour: Colour = "samples"
    name: str = ""
    size: float = 9.0
    alpha: float = 1.0
    edge: float = 0.0
    cross: bool = False


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points, with or without dots at them.

    Args:
        x: shape (B,).
        y: shape (B,).
        colour: of line and dots.
        width: of the line in points; 0: only dots.
        dots: diameter of the dots in points; 0: only the line.
        edge: width of the line around each dot in points.
        behind: draw below all other marks.
    """

    x: np.ndarray
    y: np.ndarray
    colour: Colour = "samples"
    width: float = 1.5
    dots: float = 0.0
    edge: float = 1.0
    behind: bool = False


@dataclass(frozen=True, eq=False)
class Rules:
    """Vertical lines from the bottom of a panel to its top.

    Args:
        x: shape (n,).
    """

    x: np.ndarray


@dataclass(frozen=True, eq=False)
class Intervals:
    """A vertical line from a low to a high value at each x.

    Args:
        x: shape (B,).
        low: shape (B,).
        high: shape (B,).
        colour: of the lines.
    """

    x: np.ndarray
    low: np.ndarray
    high: np.ndarray
    colour: Colour = "samples"


@dataclass(frozen=True, eq=False)
class Histogram:
    """A histogram, or several on top of each other.

    Args:
        edges: of the bins, shape (n + 1,).
        heights: of the bars of each group, shape (groups, n): counts, densities or shares.
        colours: one for each group.
        names: likewise, in the legend; empty: not there.
        alpha: opacity, from 0 to 1.
        outline: draw only the outline of the bars.
    """

    edges: np.ndarray
    heights: np.ndarray
    colours: tuple[Colour, ...] = ("samples",)
    names: tuple[str, ...] = ("",)
    alpha: float = 1.0
    outline: bool = False


@dataclass(frozen=True, eq=False)
class Bars:
    """One bar for each class.

    Args:
        heights: shape (classes,); the bar of class k stands at x = k.
        colour: of the bars.
        name: in the legend; empty: not there.
        width: of a bar, where classes are 1 apart.
        alpha: opacity, from 0 to 1.
    """

    heights: np.ndarray
    colour: Colour = "samples"
    name: str = ""
    width: float = 0.7
    alpha: float = 1.0


@dataclass(frozen=True, eq=False)
class Heatmap:
    """A matrix as coloured cells.

    Args:
        values: shape (rows, columns); NaN leaves a cell empty.
        low: value of the first colour; None: the smallest value.
        high: value of the last colour; None: the largest value.
        colours: `blues` (white to blue) or `diverging` (blue over white to red).
        extent: left, right, bottom and top edge in units of the axes; None: cell (i, j) is at x = j, y = i.
        upwards: row 0 is at the bottom.
        square: cells are squares.
        hidden: True at cells that are missing, shape (rows, columns); None: no cell is.
        words: text in each cell, one tuple a row; (): none.
        size: of the text in points.
    """

    values: np.ndarray
    low: float | None = 0.0
    high: float | None = 1.25
    colours: str = "blues"
    extent: tuple[float, float, float, float] | None = None
    upwards: bool = False
    square: bool = False
    hidden: np.ndarray | None = None
    words: tuple[tuple[str, ...], ...] = ()
    size: float = 7.0


@dataclass(frozen=True, eq=False)
class Field:
    """A function of the plane as filled contours, from purple (low) to orange (high).

    Args:
        x: coordinates of the columns, shape (columns,).
        y: coordinates of the rows, shape (rows,).
        values: shape (rows, columns).
        shades: number of contours, about.
        alpha: opacity, from 0 to 1.
    """

    x: np.ndarray
    y: np.ndarray
    values: np.ndarray
    shades: int = 20
    alpha: float = 0.8


@dataclass(frozen=True, eq=False)
class Mosaic:
    """Square mosaic of images that fills the unit square, the first image at the top left.

    Args:
        values: in raw units, shape (n n, C, H, W).
        scale: how a value becomes a colour.
        alpha: opacity, from 0 to 1.
    """

    values: np.ndarray
    scale: Scale | ClassColours | SignedScale
    alpha: float = 1.0


@dataclass(frozen=True)
class Text:
    """A text in the middle of a panel.

    Args:
        words: one line.
        size: in points.
    """

    words: str
    size: float = 8.0


@dataclass(frozen=True)
class Lines:
    """Lines of text from the top of a panel, without axes.

    Args:
        words: the lines.
        size: in points.
    """

    words: tuple[str, ...]
    size: float = 8.0


Mark = Points | Line | Rules | Intervals | Histogram | Bars | Heatmap | Field | Mosaic | Text | Lines
