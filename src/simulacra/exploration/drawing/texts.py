"""Texts as a picture: a line for each, those of the data below those of the samples."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from simulacra.core.spaces.abstract import Space
from simulacra.core.spaces.tokenizers import joined
from simulacra.core.spaces.tokens import Tokens
from simulacra.exploration.drawing import panels
from simulacra.exploration.drawing.marks import Lines
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.drawing.text import short

LINES, LETTERS = 16, 112  # most texts, and most letters of each
HEIGHT = 0.24  # of a line, in inches
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


def paths(space: Space, between: Tensor, title: str, names: Sequence[str] = ()) -> Picture:
    """Returns a picture of ways from text to text: a panel for each, with a text on each line.

    Args:
        space: space of the texts, whose tokens have names.
        between: texts of each way, shape (B, steps, T).
        title: above the picture.
        names: names of the ways; by default their numbers.
    """
    assert isinstance(space, Tokens)
    nothing = Axis(ticks=())
    ways = [Lines(tuple(map(_line, space.texts(way)))) for way in between]
    names = names or [f"way {i + 1}" for i in range(len(ways))]
    made = [Panel((way,), name, x=nothing, y=nothing) for way, name in zip(ways, names)]
    return grid(made, 1, 8, (HEIGHT * between.shape[1] + 0.4) * len(made) + 0.6, title)


def unmasked(
    space: Tokens, rows: Sequence[Sequence[tuple[Tensor, Tensor]]], names: Sequence[str], title: str
) -> Picture:
    """Returns a picture with a panel for each text, and a line for each of its states.

    Args:
        space: space of the texts, whose tokens have names.
        rows: for each text its states, shape (T,) each, with True for the tokens that are drawn; the others
            are shown as squares.
        names: name of each state, such as a number of steps.
        title: above the picture.
    """
    nothing = Axis(ticks=())
    ways = [Lines(tuple(f"{n}:  {_line(_with_gaps(space, *s))}" for n, s in zip(names, way))) for way in rows]
    made = [Panel((way,), f"text {i + 1}", x=nothing, y=nothing) for i, way in enumerate(ways)]
    return grid(made, 1, 8, (HEIGHT * len(names) + 0.4) * len(made) + 0.6, title)


def _with_gaps(space: Tokens, x: Tensor, drawn: Tensor) -> str:
    ends = (x == space.end) & drawn
    n = int(ends.long().argmax()) if bool(ends.any()) else len(x)
    tokens = [space.names[code] if known else GAP for code, known in zip(x[:n].tolist(), drawn[:n].tolist())]
    return joined(tokens, space.unit)


def _line(text: str) -> str:
    return short(text, LETTERS) or "(empty)"
