"""Predicted numbers of held-out rows against the true ones."""

from __future__ import annotations

import math

import numpy as np

from simulacra.core.scores.predictions import Answers, answers
from simulacra.exploration.drawing.marks import Line, Points
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.drawing.text import short
from simulacra.exploration.pictures.album import Album

ROWS = 1000  # largest number of held-out rows
MOST = 6  # largest number of panels
NAME = 24  # longest name of a column above a panel
SIDE = 3.0  # of a panel, in inches
ROOM = 0.05  # beside the marks, as a share of their range


def predicted_picture(album: Album) -> Picture | None:
    """Each predicted number over the true one, with the diagonal of perfect predictions.

    Args:
        album: model that predicts, and data with numbers as condition.
    """
    found = answers(album.model, album.some(album.held_out, ROWS), album.seed)
    if found is None:
        return None
    n = min(MOST, len(found.names))
    columns = min(3, n)
    width, height = SIDE * columns + 0.6, SIDE * math.ceil(n / columns) + 0.9
    title = f"{type(album.model).__name__}: predictions for {len(found.truth):,} held-out rows"
    panels = [_panel(found, j) for j in range(n)]
    return grid(panels, columns, width, height, title, compressed=True)


def _panel(found: Answers, j: int) -> Panel:
    truth, predicted = found.truth[:, j].numpy(), found.predicted[:, j].numpy()
    every = np.concatenate([truth, predicted])
    low, high = float(every.min()), float(every.max())
    room = ROOM * (high - low or 1.0)
    ends = (low - room, high + room)
    diagonal = Line(np.array(ends), np.array(ends), "ink", 0.8, behind=True)
    points = Points(truth, predicted, "samples", "", 8.0, 0.5)
    note = f"MAE {float(found.errors[:, j].mean()):.3g}, R\u00b2 {found.explained[j]:.2f}"
    x, y = (Axis(name, limits=ends, most=4) for name in ("truth", "prediction"))
    return Panel((diagonal, points), short(found.names[j], NAME), note, x, y, "square")
