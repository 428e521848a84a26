"""Recordings as lines against time, on one scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Space
from simulacra.exploration.drawing import panels, style

SHOWN = 8  # recordings


def waveform(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Figure:
    """Each recording by itself: the first eight, or four and as many of the data, in seconds.

    Args:
        x: shape (B, T).
        other: recordings to compare with, below the others and in grey; None: none.
        names: left out.
    """
    assert isinstance(space, Audio)
    rows, whose = panels.beside(x, other, SHOWN)
    shown = rows.numpy()
    seconds = np.arange(space.dims) / space.rate
    # quiet recordings would be flat lines on the whole range; silence has some
    loudest = max(float(np.abs(shown).max()), 1e-3) * 1.05
    figure = style.new_figure(8, 0.9 * len(shown) + 0.8)
    for axes, samples, name in zip(panels.grid(figure, len(shown), 1), shown, whose):
        axes.plot(seconds, samples, color=style.MUTED if name == "data" else style.MAIN, lw=0.7)
        axes.set_xlim(0, space.seconds)
        axes.set_ylim(-loudest, loudest)
        style.tidy(axes, name)
        if axes is not figure.axes[-1]:
            axes.set_xticklabels([])
    figure.axes[-1].set_xlabel("seconds", fontsize=style.SMALL, color=style.MUTED)
    figure.supylabel("amplitude", fontsize=style.SMALL, color=style.MUTED)
    style.headline(figure, title)
    return figure
