"""Pieces of music as piano rolls: pitches against frames."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from simulacra.core.spaces.plain import Space
from simulacra.data.audio.midi import LOWEST
from simulacra.exploration.drawing import panels
from simulacra.exploration.drawing.marks import Heatmap
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid

SHOWN = 6  # pieces
FIRST_C, OCTAVE = 24, 12  # pitch of C1, and the number of pitches in an octave


def piano_roll(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Picture:
    """One panel for each of the first six pieces, or of three samples and three rows of the data.

    All panels show the range of pitches that the pieces use.

    Args:
        space: not used.
        x: shape (B, T, 88).
        other: the data, shape (B, T, 88), NaN after the end of a piece; None: none.
        title: above the picture.
        names: not used.
    """
    shown, whose = panels.beside(x, other, SHOWN)
    used = shown.nan_to_num().flatten(0, 1).any(0).nonzero().flatten().tolist() or [0, shown.shape[2] - 1]
    low, high = used[0] + LOWEST - 1, used[-1] + LOWEST + 1
    marks = [c for c in range(FIRST_C, high + 1, OCTAVE) if c >= low]
    octaves = tuple(f"C{1 + (c - FIRST_C) // OCTAVE}" for c in marks)
    pitch = Axis(ticks=tuple(map(float, marks)), labels=octaves, limits=(low - 0.5, high + 0.5))
    made = []
    for i, (roll, name) in enumerate(zip(shown, whose)):
        sides = (-0.5, len(roll) - 0.5, LOWEST - 0.5, LOWEST + roll.shape[1] - 0.5)
        last = i == len(shown) - 1
        frame = Axis("frame") if last else Axis(labels=())
        made.append(Panel((Heatmap(roll.T.numpy(), extent=sides, upwards=True),), name, x=frame, y=pitch))
    return grid(made, 1, 8, 1.3 * len(shown) + 0.6, title, y_name="pitch")
