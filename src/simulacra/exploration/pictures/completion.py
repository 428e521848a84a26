"""Completion: draws of the missing part of an observation, given its known part.

    x_missing ~ p(. | x_known)

Reference: Larochelle and Murray 2011; van den Oord et al. 2016 (figure 1 of Pixel Recurrent Neural
Networks). Row H19.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.inputs.conditions import condition_rows
from simulacra.core.inputs.convert import rows_of
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Space
from simulacra.exploration.drawing.marks import Heatmap
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.drawing.sheet import sheet
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.table_completion import DRAWS as CELL_DRAWS
from simulacra.exploration.pictures.table_completion import completed_table, hidden_cells, rows_of_picture

ROWS, DRAWS = 6, 4  # of a picture: examples, completions of each


@dataclass(frozen=True)
class Part:
    """A named part of an observation.

    Args:
        phrase: completes the sentence "completions given ...".
        keep: (grid, seed) -> booleans of the grid's shape, True = keep.
    """

    phrase: str
    keep: Callable[[tuple[int, ...], int], Tensor]


def _where(keep: Callable[..., Tensor]) -> Callable[[tuple[int, ...], int], Tensor]:
    """A part of an image, chosen by the row i and the column j of each pixel."""

    def of(grid: tuple[int, ...], seed: int) -> Tensor:
        i, j = torch.meshgrid(*map(torch.arange, grid), indexing="ij")
        return keep(i, j, *grid)

    return of


def _border(i: Tensor, j: Tensor, h: int, w: int) -> Tensor:
    """All but a hole of half the height and half the width."""
    y, x = max(1, h // 4), max(1, w // 4)
    return (i < y) | (i >= h - y) | (j < x) | (j >= w - x)


def _half(grid: tuple[int, ...], seed: int) -> Tensor:
    """A random half, different for every seed."""
    n = int(np.prod(grid))
    return (Rng(seed, "known").permutation("noise", n) < n // 2).reshape(grid)


def _first(grid: tuple[int, ...], seed: int) -> Tensor:
    return (torch.arange(grid[0]) < grid[0] // 2).view(-1, *[1] * (len(grid) - 1)).expand(grid)


IMAGES = {
    "upper": Part("the upper half", _where(lambda i, j, h, w: i < h // 2)),
    "lower": Part("the lower half", _where(lambda i, j, h, w: i >= h // 2)),
    "left": Part("the left half", _where(lambda i, j, h, w: j < w // 2)),
    "right": Part("the right half", _where(lambda i, j, h, w: j >= w // 2)),
    "centre": Part("all but the centre", _where(_border)),
    "noise": Part("a random half of the pixels", _half),
}
VECTORS = {
    "first": Part("the first half", _first),
    "last": Part("the last half", lambda grid, seed: ~_first(grid, seed)),
    "noise": Part("a random half of the entries", _half),
}


def parts_of(space: Space) -> dict[str, Part]:
    """The named parts of an observation; the first one is the default of pictures.

    Args:
        space: of one observation.

    Example:
        >>> list(parts_of(Binary((7,))))
        ['first', 'last', 'noise']
    """
    return IMAGES if space.image else VECTORS if space.shape else {}


def known_part(space: Space, name: str, seed: int = 0) -> Tensor:
    """A mask of the entries that stay known: booleans of the shape of an observation, True = keep.

    Args:
        space: of one observation.
        name: for images `upper`, `lower`, `left`, `right` (halves), `centre` (the border is known, the
            centre is drawn) or `noise` (a random half of the pixels, all channels of each); for vectors
            and sequences `first`, `last` (halves) or `noise`.
        seed: of `noise`; the other parts do not depend on it.

    Raises:
        ValueError: if the space has no such part, or the part keeps every entry or none.

    Example:
        >>> known_part(Binary((1, 2, 3)), "upper").int().tolist()
        [[[1, 1, 1], [0, 0, 0]]]
    """
    parts = parts_of(space)
    if name not in parts:
        raise ValueError(f"known is {name!r}, but for {space} it can be {', '.join(parts) or 'nothing'}.")
    grid = space.shape[1:] if space.image else space.shape
    keep = parts[name].keep(grid, seed).expand(space.shape)
    if bool(keep.all()) or not bool(keep.any()):
        kept = "every entry" if bool(keep.any()) else "no entry"
        raise ValueError(f"known is {name!r}, which keeps {kept} of {space}: that is too small for it.")
    return keep


def completions(
    model: Model, x: Any, known: Any, draws: int = DRAWS, seed: int = 0, condition: Any = None
) -> Tensor:
    """Independent completions of each observation in raw units.

    Args:
        model: that completes.
        x: observations in raw units, shape (B, *).
        known: True = keep, shape of x or of one observation.
        draws: number of completions of each observation.
        seed: same seed, same completions.
        condition: one for all, or one for each observation, where the model takes one.

    Returns:
        Completions of shape (draws, B, *); the first draw is `model.complete(x, known, condition, seed)`.

    Raises:
        ValueError: if `draws` is less than one, or `complete` refuses.

    Example:
        >>> import simulacra
        >>> model = simulacra.NADE(Binary((4,)), hidden=3)
        >>> known = known_part(model.space, "first")
        >>> completions(model, torch.ones(2, 4), known, draws=5).shape
        torch.Size([5, 2, 4])
    """
    if draws < 1:
        raise ValueError(f"draws is {draws}, but there must be at least one completion of each observation.")
    rows, there = rows_of(model.preprocessing.raw, x, known, model.preprocessing.geometry)
    keep = torch.ones_like(rows, dtype=torch.bool) if there is None else there
    if condition is not None and (chain := model.conditioning) is not None:
        each = condition_rows(chain.raw, condition, len(rows), chain.geometry)
        condition = torch.cat([each] * draws)
    drawn = model.complete(torch.cat([rows] * draws), torch.cat([keep] * draws), condition, seed)
    return drawn.unflatten(0, (draws, len(rows)))


def shows(space: Space) -> bool:
    """Returns True if completions have a picture: images, tables of two columns or more, and 0/1 vectors."""
    if space.image:
        return space.shape[1] > 1
    if isinstance(space, Table):
        return space.dims > 1
    return isinstance(space, Binary) and len(space.shape) == 1 and space.dims > 1


def completion_picture(
    album: Album,
    known: str | None = None,
    n: int | None = None,
    draws: int | None = None,
    condition: Any = None,
) -> Picture:
    """Held-out rows: the original, its known part, and completions; for a table one panel for each column.

    Args:
        album: model and data.
        known: a part of `known_part`. None: the first of `parts_of`, which autoregressive models that begin
            at the top left complete in one pass; for a table a random quarter of the cells is hidden.
        n: number of rows; None: six, of a table up to 200.
        draws: completions of each; None: four, of a table 19, or one where the model fills in by its
            expectation.
        condition: as in `completions`; None: those of the rows, where the model takes one.

    Raises:
        ValueError: if n or draws is less than one, or there is no such part.
    """
    if n is not None and n < 1:
        raise ValueError(f"n is {n}, but a picture needs at least one row.")
    space, model, samples = album.space, album.model, album.can(can.Samples)
    table = isinstance(space, Table)
    usual, many = (rows_of_picture(space.dims), CELL_DRAWS) if table else (ROWS, DRAWS)
    batch = album.varied(usual if n is None else n)
    x, c = batch.x.cpu(), batch.c if condition is None and album.conditional else condition
    seen = torch.ones_like(x, dtype=torch.bool) if batch.known is None else batch.known.cpu()
    name = known if known or table else next(iter(parts_of(space)))
    kept = hidden_cells(seen, album.seed) if name is None else known_part(space, name, album.seed) & seen
    if draws is None:
        draws = many if samples else 1
    drawn = completions(model, x, kept, draws, album.seed, c).cpu()
    word, given = "drawn" if samples else "expected", "" if name is None else parts_of(space)[name].phrase
    title = f"{type(model).__name__}: completions given {given or 'the other cells of held-out rows'}"
    if isinstance(space, Table):
        return completed_table(space, x, seen & ~kept, drawn, title, word)
    rows = torch.stack([x.double(), x.double(), *drawn.double()], 1)
    gone = torch.zeros(rows.shape, dtype=torch.bool)
    gone[:, 0], gone[:, 1] = ~seen, ~kept
    names = ["original", "given", *(f"{word} {k + 1}" if samples else word for k in range(len(drawn)))]
    title += album.binarized
    if space.image:
        return sheet(space, rows, title, gone, column_names=names)
    return _matrices(rows, gone, title, names)


def _matrices(rows: Tensor, gone: Tensor, title: str, names: list[str]) -> Picture:
    """A small matrix for each 0/1 row, missing entries in grey."""
    kinds = Axis(ticks=tuple(map(float, range(len(names)))), labels=tuple(names))
    made = []
    for i, (values, hidden) in enumerate(zip(rows.numpy(), gone.numpy())):
        last = i == len(rows) - 1
        entry = Axis("entry" if last else "", whole=True, labels=None if last else ())
        made.append(Panel((Heatmap(values, hidden=hidden),), x=entry, y=kinds))
    return grid(made, 1, 7.5, 0.17 * len(rows) * (len(names) + 1.5) + 0.8, title)
