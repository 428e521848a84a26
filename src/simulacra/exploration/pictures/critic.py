"""The critic's field: its score at each point of the plane, below samples and data of two numbers.

The gradient of the field moves samples towards higher scores; the generator follows it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from simulacra.data.dataset import Dataset
from simulacra.data.toys import Modes
from simulacra.exploration.drawing.marks import Field, Mark, Points
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.saliency import scored

SIDE = 80  # points of the lattice, in each direction
POINTS = 300  # of samples, and of held-out rows
MARGIN = 0.15  # of the range, on each side
SHADES = 20


def critic_field(album: Album) -> Picture:
    """The critic's score over the plane, with samples, held-out rows, and the modes where they are known."""
    condition = album.conditions(POINTS)
    drawn = album.model.sample(POINTS, condition, seed=album.seed).cpu()
    data = album.some(album.held_out, POINTS).x.cpu()
    low, high = _window(torch.cat([drawn, data]))
    across, up = (np.linspace(float(low[i]), float(high[i]), SIDE) for i in (0, 1))
    lattice = torch.from_numpy(np.stack(np.meshgrid(across, up), -1).reshape(-1, 2)).to(drawn.dtype)
    scores, _ = scored(album.model, lattice, None, album.seed)
    values = scores.cpu().view(SIDE, SIDE).numpy()
    marks: list[Mark] = [Field(across, up, values, SHADES)]
    marks.append(Points(data[:, 0].numpy(), data[:, 1].numpy(), "ink", "data", 7))
    marks.append(Points(drawn[:, 0].numpy(), drawn[:, 1].numpy(), "samples", "samples", 9, edge=0.4))
    title = f"{type(album.model).__name__}: what the critic takes for real"
    bar = "the critic's number: high is real"
    panel = Panel(tuple(marks), x=Axis("x1"), y=Axis("x2"), aspect="equal")
    return with_modes(grid([panel], 1, 6.6, 5.6, title, bar=bar, legend="inside"), album, "modes")


def modes_of(data: Dataset) -> Tensor | None:
    """The modes of a toy data set in the plane, shape (K, 2); None where they are not known."""
    truth = data.truth
    return truth.modes if isinstance(truth, Modes) else None


def with_modes(picture: Picture, album: Album, name: str = "") -> Picture:
    """The picture with crosses at the modes in its first panel, if the modes are known.

    Args:
        picture: its first panel shows the plane.
        album: its data set may know the modes.
        name: of the crosses in the legend; empty: not there.
    """
    modes = modes_of(album.data)
    if modes is None:
        return picture
    first, *others = picture.panels
    assert isinstance(first, Panel)
    marked = replace(first, marks=(*first.marks, crosses(modes, 60, 1.6, name)))
    return replace(picture, panels=(marked, *others))


def crosses(modes: Tensor, size: float, width: float, name: str = "modes") -> Points:
    """Crosses at the modes.

    Args:
        modes: shape (K, 2).
        size: area in square points.
        width: of their lines in points.
        name: in the legend; empty: not there.
    """
    x, y = modes.T.numpy()
    return Points(x, y, "modes", name, size, edge=width, cross=True)


def _window(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The lowest and the highest point that is shown, shape (2,) each."""
    low, high = points.amin(0), points.amax(0)
    room = MARGIN * (high - low).clamp_min(1e-6)
    return low - room, high + room
