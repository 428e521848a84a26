"""Texts as a picture: a line for each, those of the data below those of the samples."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from simulacra.core.spaces.abstract import Space
from simulacra.core.spaces.tokenizers import joined
from simulacra.core.spaces.tokens import Tokens
from simulacra.exploration.drawing import panels
from simulacra.exploration.drawing.marks import Text
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.drawing.text import short

LINES, LETTERS = 16, 100  # most texts, and most letters of each
GAP = "\N{WHITE SQUARE}"  # a token that is not drawn


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
    return _lines([t for rows in shown for t in space.texts(rows[None])], whose, title)


def unmasked(
    space: Tokens, rows: Sequence[tuple[Tensor, Tensor]], names: Sequence[str], title: str
) -> Picture:
    """Returns a picture with a text on each line, of which only some tokens are drawn so far.

    Args:
        space: space of the texts, whose tokens have names.
        rows: texts, shape (T,) each, and True for their tokens that are drawn; the others are squares.
        names: name of each line.
        title: above the picture.
    """
    return _lines([_with_gaps(space, x, drawn) for x, drawn in rows], names, title)


def _with_gaps(space: Tokens, x: Tensor, drawn: Tensor) -> str:
    ends = (x == space.end) & drawn
    n = int(ends.long().argmax()) if bool(ends.any()) else len(x)
    tokens = [space.names[code] if known else GAP for code, known in zip(x[:n].tolist(), drawn[:n].tolist())]
    return joined(tokens, space.unit)


def _lines(texts: Sequence[str], names: Sequence[str], title: str) -> Picture:
    nothing = Axis(ticks=())
    made = [
        Panel((Text(short(text, LETTERS) or "(empty)"),), name, x=nothing, y=nothing)
        for text, name in zip(texts, names)
    ]
    return grid(made, 1, 8, 0.45 * len(made) + 0.6, title)
