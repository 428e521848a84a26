"""Texts as a picture: a line for each, those of the data below those of the samples."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from simulacra.core.spaces.abstract import Space
from simulacra.core.spaces.tokens import Tokens
from simulacra.exploration.drawing import panels
from simulacra.exploration.drawing.marks import Lines
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.drawing.text import short

LINES, LETTERS = 16, 112  # most texts, and most letters of each
HEIGHT = 0.24  # of a line, in inches


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
    nothing, found = Axis(ticks=()), space.texts(shown)
    parts = {
        name: tuple(_line(t) for t, of in zip(found, whose) if of == name) for name in dict.fromkeys(whose)
    }
    # a plural above several lines
    titles = {"sample": "samples"}
    made = [
        Panel((Lines(part),), titles.get(name, name), x=nothing, y=nothing) for name, part in parts.items()
    ]
    return grid(made, 1, 8, HEIGHT * len(found) + 0.4 * len(made) + 0.6, title)


def _line(text: str) -> str:
    return short(text, LETTERS) or "(empty)"
