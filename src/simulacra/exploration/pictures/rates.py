"""Picture of the rates: the KL to the prior of each part of the code."""

from __future__ import annotations

import numpy as np

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.rates import rates_of
from simulacra.exploration.drawing.marks import Bars
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.pictures.album import Album

ROWS = 1000  # largest number of held-out rows
NAMED = 20  # largest number of parts with names below their bars


def rate_picture(album: Album) -> Picture:
    """The mean rate of each part of the code over held-out rows, in nats: a bar near 0 is an idle part."""
    model, rows = album.model, album.some(album.held_out, ROWS)
    c = rows.c if model.supports(can.TakesCondition) else None
    with evaluating(model):
        chunks = model._chunks(rows.x, c, Rng(album.seed, "score", device=model.device), rows.known)
        means = rates_of(model, chunks).mean(0).numpy()
    names = can.able(model, can.HasRates).part_names
    ticks = tuple(map(float, range(len(names)))) if len(names) <= NAMED else ()
    below = Axis("" if ticks else f"{len(names)} parts", ticks=ticks, labels=names if ticks else ())
    title = f"{type(model).__name__}: rate of each part of the code, {means.sum():.2f} nats together"
    panel = Panel((Bars(np.asarray(means)),), x=below, y=Axis("rate", "nats"))
    return grid([panel], 1, min(9.0, max(4.0, 0.4 * len(names) + 2)), 3.0, title)
