"""Texts as a picture: a line for each, those of the data below those of the samples."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from simulacra.core.spaces.abstract import Space
from simulacra.core.spaces.tokens import Tokens
from simulacra.exploration.drawing import panels
from simulacra.exploration.drawing.marks import Text
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.drawing.text import short

LINES, LETTERS = 16, 100  # most texts, and most letters of each


def texts(space: Space, x: Tensor, other: Tensor | None, title: str, names: Sequence[str]) -> Picture:
    """Returns a picture with a text on each line.

    Args:
        space: space of the texts, whose tokens have names.
        x: texts, shape (B, T).
        other: texts to compare with, shape (B', T), or None.
        title: above the picture.
        names: unused; every view takes it.
    """
    assert isinstance(space, Tokens)
    shown, whose = panels.beside(x, other, LINES)
    whose = [name if name != before else "" for name, before in zip(whose, ["", *whose])]
    lines = [t for rows in shown for t in space.texts(rows[None])]
    return _lines(lines, whose, title)


def paths(space: Space, between: Tensor, title: str, names: Sequence[str]) -> Picture:
    """Returns a picture of ways from text to text, one below the other, with a text on each line.

    Args:
        space: space of the texts, whose tokens have names.
        between: texts of each way, shape (B, steps, T).
        title: above the picture.
        names: names of the ways.
    """
    assert isinstance(space, Tokens)
    B, steps, _ = between.shape
    over = [name if step == 0 else "" for name in names[:B] for step in range(steps)]
    return _lines(space.texts(between.flatten(0, 1)), over, title)


def _lines(lines: Sequence[str], over: Sequence[str], title: str) -> Picture:
    """Returns a picture with a text on each line, and the words over some of them."""
    nothing = Axis(ticks=())
    made = [
        Panel((Text(short(text, LETTERS) or "(empty)"),), name, x=nothing, y=nothing)
        for text, name in zip(lines, over)
    ]
    return grid(made, 1, 8, 0.45 * len(made) + 0.6, title)
