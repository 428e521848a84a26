"""Recordings as lines against time, on one scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Space
from simulacra.exploration.drawing import panels
from simulacra.exploration.drawing.marks import Line
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid

SHOWN = 8  # recordings


def waveform(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Picture:
    """One panel for each of the first eight recordings, or of four samples and four rows of the data.

    Args:
        space: of one recording.
        x: shape (B, T).
        other: recordings to compare with, below the others and in grey; None: none.
        title: above the picture.
        names: not used.
    """
    assert isinstance(space, Audio)
    rows, whose = panels.beside(x, other, SHOWN)
    shown = rows.numpy()
    seconds = np.arange(space.dims) / space.rate
    # one scale from the loudest value: quiet recordings would be flat lines on the whole range
    loudest = max(float(np.abs(shown).max()), 1e-3) * 1.05
    made = []
    for i, (samples, name) in enumerate(zip(shown, whose)):
        last = i == len(shown) - 1
        time = Axis("seconds" if last else "", limits=(0, space.seconds), labels=None if last else ())
        line = Line(seconds, samples, "other data" if name == "data" else "samples", 0.7)
        made.append(Panel((line,), name, x=time, y=Axis(limits=(-loudest, loudest))))
    return grid(made, 1, 8, 0.9 * len(shown) + 0.8, title, y_name="amplitude")
