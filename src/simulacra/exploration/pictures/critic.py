"""The critic's field: its number at each point of the plane, below samples and data of two numbers.

The generator follows the field uphill, from the samples to where the critic believes data to be.
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from simulacra.data.dataset import Dataset
from simulacra.data.toys import Modes
from simulacra.exploration.drawing import style
from simulacra.exploration.pictures.album import Album
from simulacra.exploration.pictures.saliency import scored

SIDE = 80  # points of the lattice, in each direction
POINTS = 300  # of samples, and of held-out rows
MARGIN = 0.15  # of the range, on each side
SHADES = 20


def critic_field(album: Album) -> Figure:
    """The critic's number over the plane, with samples, held-out rows, and the modes where they are known."""
    condition = album.conditions(POINTS)
    drawn = album.model.sample(POINTS, condition, seed=album.seed).cpu()
    data = album.some(album.held_out, POINTS).x.cpu()
    low, high = _window(torch.cat([drawn, data]))
    across, up = (np.linspace(float(low[i]), float(high[i]), SIDE) for i in (0, 1))
    lattice = torch.from_numpy(np.stack(np.meshgrid(across, up), -1).reshape(-1, 2)).to(drawn.dtype)
    scores, _ = scored(album.model, lattice, None, album.seed)
    figure = style.new_figure(6.6, 5.6)
    axes = figure.add_subplot()
    field = axes.contourf(across, up, scores.cpu().view(SIDE, SIDE).numpy(), SHADES, cmap="PuOr_r", alpha=0.8)
    bar = figure.colorbar(field, ax=axes, shrink=0.8)
    bar.set_label("the critic's number: high is real", fontsize=style.SMALL, color=style.MUTED)
    bar.ax.tick_params(labelsize=style.SMALL, colors=style.MUTED)
    axes.scatter(data[:, 0], data[:, 1], 7, color=style.INK, lw=0, label="data")
    axes.scatter(
        drawn[:, 0], drawn[:, 1], 9, color=style.MAIN, lw=0.4, edgecolors=style.PAPER, label="samples"
    )
    mark_modes(figure, album)
    style.tidy(axes, "", "x1", "x2")
    axes.set_aspect("equal")
    axes.legend(loc="upper right", fontsize=style.SMALL, markerscale=2)
    style.headline(figure, f"{type(album.model).__name__}: what the critic takes for real")
    return figure


def modes_of(data: Dataset) -> Tensor | None:
    """The modes of a toy in the plane, shape (K, 2), where its truth has some."""
    truth = data.truth
    return truth.modes if isinstance(truth, Modes) else None


def mark_modes(figure: Figure, album: Album) -> None:
    """Crosses at the modes, where they are known."""
    modes = modes_of(album.data)
    if modes is None:
        return
    x, y = modes.T.numpy()
    figure.axes[0].scatter(x, y, 60, color="#c2410c", marker="x", lw=1.6, label="modes", zorder=3)


def _window(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Corners of the plane that is shown."""
    low, high = points.amin(0), points.amax(0)
    room = MARGIN * (high - low).clamp_min(1e-6)
    return low - room, high + room
