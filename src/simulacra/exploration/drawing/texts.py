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
    nothing = Axis(ticks=())
    whose = [name if name != before else "" for name, before in zip(whose, ["", *whose])]
    made = [
        Panel((Text(short(text, LETTERS) or "(empty)"),), name, x=nothing, y=nothing)
        for text, name in zip([t for rows in shown for t in space.texts(rows[None])], whose)
    ]
    return grid(made, 1, 8, 0.45 * len(made) + 0.6, title)
