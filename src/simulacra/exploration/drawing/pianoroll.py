"""Pieces of music as piano rolls: pitches against frames."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from simulacra.core.spaces.plain import Space
from simulacra.data.audio.midi import LOWEST
from simulacra.exploration.drawing import panels, style

SHOWN = 6  # pieces
FIRST_C, OCTAVE = 24, 12  # pitch of C1, and the pitches of an octave


def piano_roll(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Figure:
    """Each piece by itself: the first six, or three over three of the data, on the octaves that they use.

    Args:
        x: shape (B, T, 88).
        other: the data, shape (B, T, 88), NaN beyond a piece's end.
        names: left out.
    """
    shown, whose = panels.beside(x, other, SHOWN)
    used = shown.nan_to_num().flatten(0, 1).any(0).nonzero().flatten().tolist() or [0, shown.shape[2] - 1]
    low, high = used[0] + LOWEST - 1, used[-1] + LOWEST + 1
    marks = [c for c in range(FIRST_C, high + 1, OCTAVE) if c >= low]
    figure = style.new_figure(8, 1.3 * len(shown) + 0.6)
    for axes, roll, name in zip(panels.grid(figure, len(shown), 1), shown, whose):
        sides = (-0.5, len(roll) - 0.5, LOWEST - 0.5, LOWEST + roll.shape[1] - 0.5)
        axes.imshow(
            roll.T.numpy(), cmap="Blues", vmin=0, vmax=1.25, aspect="auto", interpolation="nearest",
            origin="lower", extent=sides,
        )  # fmt: skip
        axes.set_ylim(low - 0.5, high + 0.5)
        style.tidy(axes, name)
        axes.set_yticks(marks, [f"C{1 + (c - FIRST_C) // OCTAVE}" for c in marks])
        if axes is not figure.axes[-1]:
            axes.set_xticklabels([])
    style.tidy(figure.axes[-1], whose[-1], x="frame")
    figure.axes[-1].set_yticks(marks, [f"C{1 + (c - FIRST_C) // OCTAVE}" for c in marks])
    figure.supylabel("pitch", fontsize=style.SMALL, color=style.MUTED)
    style.headline(figure, title)
    return figure
