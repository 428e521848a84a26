"""Picture of the local dimension: how many directions neighbourhoods of rows have, over their size."""

from __future__ import annotations

import numpy as np

from simulacra.evaluation.latents.dimension import ROWS, Curve, dimensions
from simulacra.exploration.drawing.marks import Intervals, Line, Mark, Points
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.pictures.album import Album

COLOURS = {"data": "other data", "samples": "samples", "decoded codes": "ink"}
EITHER_SIDE = 1.96  # standard errors


def dimension_picture(album: Album) -> Picture:
    """The mean number of directions in which the k nearest rows vary, over the distance of the k-th.

    Args:
        album: model and data of numbers.
    """
    split = next(name for name in ("test", "valid", "train") if name in album.data.splits)
    found = dimensions(album.model, album.data, ROWS, album.seed, split)
    marks = [mark for name, curve in found.curves.items() for mark in _marks(name, curve)]
    said = "; ".join(f"{name} {curve.words}" for name, curve in found.curves.items())
    panel = Panel(
        tuple(marks),
        note=said,
        x=Axis("median distance of the k-th neighbour", "features", scale="log"),
        y=Axis("directions", limits=(0.0, _highest(found.curves.values())), grid=True),
    )
    title = f"{type(album.model).__name__} on {album.data.name}: local dimension of {found.data.rows:,} rows"
    return grid([panel], 1, 6.5, 4.0, title, legend="right")


def _marks(name: str, curve: Curve) -> tuple[Mark, ...]:
    """Returns the line, the dots and the 95 % intervals of one curve."""
    x, d, error = (np.asarray(v) for v in (curve.radius, curve.dimension, curve.error))
    colour = COLOURS[name]
    return (
        Line(x, d, colour),
        Intervals(x, d - EITHER_SIDE * error, d + EITHER_SIDE * error, colour),
        Points(x, d, colour, name, size=16.0),
    )


def _highest(curves) -> float:
    return 1.1 * max(max(curve.dimension) for curve in curves) + 0.5
