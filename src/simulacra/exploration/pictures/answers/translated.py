"""Held-out pairs: the source, what the model makes of it, and the truth.

Images and projections of volumes stand in one row for each pair, recordings as waves above their
spectrograms. Other observations are drawn as their space asks for, the answers over the truth.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from simulacra.core.numerics.volumes import is_volume
from simulacra.core.spaces import composite
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Space
from simulacra.data.pairs.past import frames_before
from simulacra.exploration.drawing.marks import Heatmap, Line
from simulacra.exploration.drawing.picture import Axis, Beside, Grid, Images, Panel, Picture, grid
from simulacra.exploration.drawing.scale import scale_of
from simulacra.exploration.drawing.sheet import images_of, of_images
from simulacra.exploration.drawing.spectrogram import RANGE, decibels, window_of
from simulacra.exploration.drawing.views import view_data
from simulacra.exploration.isometric import picture_space, projected
from simulacra.exploration.pictures.album import Album

ROWS, DRAWS = 6, 3  # pairs of images, and draws of each
WAVES, VOICES = 2, 2  # pairs of recordings, and draws of each
OTHERS = 500  # rows of other observations

Column = tuple[str, Space, Tensor]  # name, raw space, and one observation of each pair


def translated_picture(album: Album, n: int | None = None, draws: int | None = None) -> Picture | None:
    """Sources of held-out pairs, draws of the model given each, and the truth.

    Args:
        album: model whose condition is an observation, and data with such pairs.
        n: number of pairs; None: 6 images, or 2 recordings.
        draws: number of draws for each pair; None: 3 of images, 2 of recordings. Equal draws are one column.

    Raises:
        ValueError: if a number is below 1.
    """
    for name, given in (("n", n), ("draws", draws)):
        if given is not None and given < 1:
            raise ValueError(f"{name} is {given}, but a picture of translations needs at least 1.")
    space, chain = album.space, album.model.conditioning
    assert chain is not None
    waves = isinstance(space, Audio)
    pictures = space.image or is_volume(space)
    many = n or (ROWS if pictures else WAVES if waves else OTHERS)
    rows = album.paired(many)
    if rows is None or rows.c is None:
        return None
    k = draws or (VOICES if waves else DRAWS if pictures else 1)
    drawn = album.model.translate(rows.c, n=k, seed=album.seed).cpu()
    drawn = drawn if k > 1 else drawn.unsqueeze(1)
    if bool((drawn == drawn[:, :1]).all()):
        drawn = drawn[:, :1]
    names = ["answer"] if drawn.shape[1] == 1 else [f"draw {j + 1}" for j in range(drawn.shape[1])]
    answers = [(name, space, x) for name, x in zip(names, drawn.unbind(1))]
    sources = _sources(chain.raw, rows.c.cpu(), frames_before(album.data))
    columns = [*sources, *answers, ("truth", space, rows.x.cpu())]
    drawn_as = "answer" if len(names) == 1 else "draws"
    title = f"{type(album.model).__name__}: source, {drawn_as} and truth of held-out pairs"
    if is_volume(space):
        columns = [_seen(column) for column in columns]
    if pictures:
        return in_columns([column for column in columns if column[1].image], title)
    if waves:
        return in_columns([column for column in columns if isinstance(column[1], Audio)], title, True)
    return _of_others(chain.raw, rows.c.cpu(), space, drawn[:, 0], rows.x.cpu(), title)


def in_columns(columns: Sequence[Column], title: str, waves: bool = False) -> Picture:
    """Returns a picture with one column for each name, and one row for each observation.

    Args:
        columns: names, spaces and observations, images or recordings.
        title: title of the picture.
        waves: True for recordings, which are waves above their spectrograms.
    """
    return _of_waves(columns, title) if waves else _of_images(columns, title)


def _sources(space: Space, c: Tensor, frames: int = 0) -> list[Column]:
    """Returns the columns of the sources: one, or one for each frame, which may be stacked on channels."""
    if frames:
        one = dataclasses.replace(space, shape=(space.shape[0] // frames, *space.shape[1:]))
        return [(f"frame {i - frames}", one, x) for i, x in enumerate(c.chunk(frames, 1))]
    if is_volume(space) or len(space.shape) != 4:
        return [("source", space, c)]
    frame = space.of if isinstance(space, composite.Sequence) else None
    one = frame or dataclasses.replace(space, shape=space.shape[1:])
    return [(f"source {i + 1}", one, x) for i, x in enumerate(c.unbind(1))]


def _seen(column: Column) -> Column:
    """Returns a column of volumes as one of their projections; others stay as they are."""
    name, space, x = column
    return (name, picture_space(space), projected(space, x)) if is_volume(space) else column


def _of_images(columns: Sequence[Column], title: str) -> Picture:
    """One row for each pair; smaller images are enlarged by repeating their pixels."""
    sides = [max(space.shape[1 + k] for _, space, _ in columns) for k in range(2)]
    # one scale for all draws and the truth, and one for the sources
    alike: dict[Space, list[Tensor]] = {}
    for _, space, x in columns:
        alike.setdefault(space, []).append(x.double())
    scales = {space: scale_of(space, torch.cat(parts)) for space, parts in alike.items()}
    parts: list[Images] = []
    for i in range(len(columns[0][2])):
        for _, space, x in columns:
            parts.append(images_of(space, _enlarged(x[i : i + 1], sides), scale=scales[space]))
    return of_images(parts, len(columns), title, column_names=[name for name, _, _ in columns])


def _enlarged(x: Tensor, sides: Sequence[int]) -> Tensor:
    """Returns images of shape (B, C, H, W) with the given sides, by the nearest pixels."""
    rows, columns = (torch.arange(side) * old // side for side, old in zip(sides, x.shape[2:]))
    return x[:, :, rows][:, :, :, columns]


def _of_waves(columns: Sequence[Column], title: str) -> Picture:
    """Two rows for each pair: waves, and below them their spectrograms."""
    n, made = len(columns[0][2]), []
    powers = _powers(columns)
    loudest = max(max(float(x.abs().max()) for _, _, x in columns), 1e-3) * 1.05
    for i in range(n):
        for j, (name, space, x) in enumerate(columns):
            colour = "other data" if name == "truth" else "samples"
            made.append(_wave(space, x[i], name if i == 0 else "", colour, loudest, first=j == 0))
        for j, (_, space, _) in enumerate(columns):
            assert isinstance(space, Audio)
            extent = (0.0, space.seconds, 0.0, space.rate / 2000)
            heat = Heatmap(powers[j][i], low=0.0, high=RANGE, extent=extent, upwards=True)
            time = Axis("seconds" if i == n - 1 else "", most=4)
            made.append(Panel((heat,), x=time, y=Axis("kHz" if j == 0 else "", most=4)))
    return grid(made, len(columns), 2.6 * len(columns) + 0.6, 2.6 * n + 0.8, title)


def _powers(columns: Sequence[Column]) -> list[np.ndarray]:
    """Returns the spectrograms of each column, in decibels above the lowest that is shown.

    The loudest cell of all recordings of one space has the same color.
    """
    found: dict[int, np.ndarray] = {}
    for space in {space for _, space, _ in columns}:
        of_space = [j for j, column in enumerate(columns) if column[1] == space]
        rows = torch.cat([columns[j][2].float() for j in of_space])
        power = (decibels(rows, window_of(space)).clamp_min(-RANGE) + RANGE).numpy()
        found |= dict(zip(of_space, np.split(power, len(of_space))))
    return [found[j] for j in range(len(columns))]


def _wave(space: Space, x: Tensor, name: str, colour: str, loudest: float, first: bool) -> Panel:
    assert isinstance(space, Audio)
    seconds = np.arange(space.dims) / space.rate
    line = Line(seconds, x.float().numpy(), colour, 0.7)
    time, y_name = Axis(limits=(0, space.seconds), labels=()), "amplitude" if first else ""
    return Panel((line,), name, x=time, y=Axis(y_name, limits=(-loudest, loudest), most=4))


def _of_others(source: Space, c: Tensor, space: Space, drawn: Tensor, truth: Tensor, title: str) -> Picture:
    """The answers over the truth, beside the sources where both are panels of marks."""
    answers = view_data(space, drawn, f"{title.split(':')[0]}: answers and truth of held-out pairs", truth)
    given = view_data(source, c, "sources")
    if not isinstance(given.layout, Grid) or not isinstance(answers.layout, Grid):
        return answers
    width = given.layout.width + answers.layout.width
    return Picture(title, (given, answers), Beside(width, max(given.layout.height, answers.layout.height)))
