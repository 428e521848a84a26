"""Picture of the local dimension: how many directions neighbourhoods of rows have, over their size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from simulacra.core.numerics.dimension import Curve, local_dimension
from simulacra.exploration.drawing.marks import Intervals, Line, Mark, Points
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.pictures.album import Album

ROWS = 1000  # largest number of rows of each kind
COLOURS = {"data": "other data", "samples": "samples", "decoded codes": "ink"}
EITHER_SIDE = 1.96  # standard errors


def dimension_picture(album: Album) -> Picture:
    """The mean number of directions in which the k nearest rows vary, over the distance of the k-th.

    Args:
        album: model that samples, and data of numbers; distances are those of features of the raw space.
    """
    rows = _rows(album, min(ROWS, len(album.data.train)))
    curves = {name: local_dimension(features, seed=album.seed) for name, features in rows}
    marks = [mark for name, curve in curves.items() for mark in _marks(name, curve)]
    highest = max(max(curve.dimension) for curve in curves.values())
    panel = Panel(
        tuple(marks),
        x=Axis("median distance of the k-th neighbour, in features"),
        y=Axis("directions", limits=(0.0, 1.1 * highest + 0.5), grid=True),
    )
    title = f"{type(album.model).__name__}: local dimension of {curves['data'].rows:,} rows"
    return grid([panel], 1, 6.5, 4.5, title, legend="below")


def _rows(album: Album, n: int) -> Iterator[tuple[str, Tensor]]:
    """Yields n training rows and as many generated ones by name, as features of the raw space."""
    model, c = album.model, album.conditions(n)
    features = lambda x: album.space.features(x.cpu(), torch.float64)
    yield "data", features(album.some(album.data.train, n).x)
    yield "samples", features(model.sample(n, c, album.seed))
    if album.gaussian:
        yield "decoded codes", features(model.decode(album.codes("dimension", n), c))


def _marks(name: str, curve: Curve) -> tuple[Mark, ...]:
    """Returns the line, the dots and the 95 % intervals of one curve."""
    x, d, error = (np.asarray(v) for v in (curve.radius, curve.dimension, curve.error))
    colour, found = COLOURS[name], curve.found
    told = f"{name}: " + ("too many to tell" if found is None else f"{found:.1f}")
    return (
        Line(x, d, colour),
        Intervals(x, d - EITHER_SIDE * error, d + EITHER_SIDE * error, colour),
        Points(x, d, colour, told, size=16.0),
    )
