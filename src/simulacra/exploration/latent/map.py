"""The latent map: where data lie among the codes, and what the decoder makes of each place.

Codes are shown as they are; the decoded lattice and the joint map are drawn in ranks Phi(z), where
a prior N(0, I) fills the square evenly. Row E20.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from simulacra.core.spaces.plain import Space
from simulacra.exploration.drawing import style
from simulacra.exploration.drawing.scale import scale_of
from simulacra.exploration.drawing.sheet import joined
from simulacra.exploration.latent.embedding import Embedding
from simulacra.exploration.latent.manifold import Plane

TICKS = (-2, -1, 0, 1, 2)
MANY = 20  # classes beyond which a legend says nothing


def latent_map(
    embedding: Embedding,
    label_names: Sequence[str] = (),
    plane: Plane | None = None,
    space: Space | None = None,
    lattice: Tensor | None = None,
    title: str = "",
) -> Figure:
    """Codes coloured by label; with a lattice also the decoder's map and both jointly.

    Args:
        embedding: codes and labels.
        label_names: what the classes are called.
        plane: the plane of the lattice.
        space: of the decoded images.
        lattice: decoded lattice from `manifold`, shape (n n, *).
    """
    joint = plane is not None and lattice is not None and len(plane.scale) == 2
    # two by two, so that the text is not small where the picture is as wide as a page
    figure = style.new_figure(*((9.4, 9.2) if joint else (6.6, 5.6)))
    panels = [figure.add_subplot(2, 2, i) for i in (1, 2, 3)] if joint else [figure.add_subplot()]
    groups = _groups(embedding, label_names)
    if embedding.codes.shape[1] == 1:
        _strip(panels[0], embedding.codes, groups)
    else:
        flat = embedding.flat if plane is None or not joint else _on(plane, embedding.codes)
        _scatter(panels[0], flat, groups)
        large = embedding.codes.shape[1] > 2
        axis = "principal direction {} of the codes" if large else "z{}"
        style.tidy(panels[0], "encoder: codes of the data", axis.format(1), axis.format(2))
        panels[0].set_aspect("equal", "datalim")
        panels[0].set_box_aspect(1)
    if joint:
        assert plane is not None and space is not None and lattice is not None
        _lattice(panels[1], space, lattice, 1.0)
        _ranks(panels[1], "decoder: what each code becomes", plane)
        panels[1].set_xlabel("\n".join([panels[1].get_xlabel(), scale_of(space, lattice).words]).rstrip())
        _lattice(panels[2], space, lattice, 0.32)
        _scatter(panels[2], torch.special.ndtr(plane.coordinates(embedding.codes)), groups)
        _ranks(panels[2], "both: the data where the decoder draws them", plane)
    _legend(figure, panels[0], groups, joint)
    style.headline(figure, title)
    return figure


LETTERS = 30  # of a class
Group = tuple[str, str, np.ndarray]


def _groups(embedding: Embedding, names: Sequence[str]) -> list[Group]:
    """Name, colour and rows of each class."""
    if embedding.labels is None:
        return [("", style.MAIN, np.arange(len(embedding.codes)))]
    present = embedding.labels.unique().tolist()
    size = max([*present, len(names) - 1]) + 1
    colours = style.class_colours(int(size))
    name = lambda k: style.plain(names[k] if k < len(names) else str(k), LETTERS)
    rows = embedding.labels.numpy()
    return [(name(k), colours[k], np.flatnonzero(rows == k)) for k in present]


def _on(plane: Plane, codes: Tensor) -> Tensor:
    """Codes in the plane's own axes, in the units of the codes."""
    if codes.shape[1] == 2:
        return codes
    return plane.coordinates(codes) * plane.scale


def _scatter(axes: Axes, points: Tensor, groups: list[Group]) -> None:
    size = float(np.clip(9000 / len(points), 7, 30))
    for name, colour, rows in groups:
        xy = points[rows].numpy()
        axes.scatter(
            xy[:, 0], xy[:, 1], size, color=colour, label=name, alpha=0.85, lw=0.4, edgecolors=style.PAPER
        )


def _strip(axes: Axes, codes: Tensor, groups: list[Group]) -> None:
    values = [codes[rows, 0].numpy() for _, _, rows in groups]
    colours, names = [g[1] for g in groups], [g[0] for g in groups]
    axes.hist(values, 40, stacked=True, color=colours, label=names)
    style.tidy(axes, "encoder: codes of the data", "z1", "observations")


def _lattice(axes: Axes, space: Space, lattice: Tensor, strength: float) -> None:
    picture = joined(space, lattice, round(len(lattice) ** 0.5))
    axes.imshow(picture, extent=(0, 1, 0, 1), alpha=strength, interpolation="antialiased")


def _ranks(axes: Axes, title: str, plane: Plane) -> None:
    at = torch.special.ndtr(torch.tensor(TICKS, dtype=torch.float64)).tolist()
    for ticks in (axes.set_xticks, axes.set_yticks):
        ticks(at, [str(t).replace("-", "\u2212") for t in TICKS])
    name = "z{}" if len(plane.centre) == 2 else "direction {}"
    axis = name + (" (spaced by rank)" if plane.standard else " in deviations (spaced by rank)")
    style.tidy(axes, title, axis.format(1), axis.format(2))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)


def _legend(figure: Figure, axes: Axes, groups: list[Group], joint: bool) -> None:
    """What the colours stand for: in the empty quarter, or beside a single panel."""
    if not groups[0][0] or len(groups) > MANY:
        return
    handles, names = axes.get_legend_handles_labels()
    kept = {"frameon": False, "fontsize": style.NAME, "labelcolor": style.INK, "markerscale": 1.6}
    if joint:
        figure.legend(handles, names, loc="center", bbox_to_anchor=(0.77, 0.25), ncols=2, **kept)
    else:
        figure.legend(handles, names, loc="outside right center", **kept)
