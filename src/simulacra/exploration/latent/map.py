"""The latent map: codes of the data, the decoded lattice of codes, and both in one panel.

The first panel shows the codes z themselves. The other two show ranks Phi(z), the normal CDF, so that a prior
N(0, I) is uniform on the square. Row E20.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from simulacra.core.spaces.plain import Space
from simulacra.exploration.drawing.marks import ClassColour, Colour, Histogram, Mark, Mosaic, Points
from simulacra.exploration.drawing.picture import Axis, Panel, Picture, grid
from simulacra.exploration.drawing.scale import Scale
from simulacra.exploration.drawing.sheet import images_of
from simulacra.exploration.drawing.text import short
from simulacra.exploration.latent.embedding import Embedding
from simulacra.exploration.latent.manifold import Plane

TICKS = (-2, -1, 0, 1, 2)
MANY = 20  # largest number of classes in a legend
BINS = 40  # of codes of one number
LETTERS = 30  # of the name of a class


def latent_map(
    embedding: Embedding,
    label_names: Sequence[str] = (),
    plane: Plane | None = None,
    space: Space | None = None,
    lattice: Tensor | None = None,
    title: str = "",
) -> Picture:
    """Codes coloured by label; with a lattice also the decoded images and both in one panel.

    Args:
        embedding: codes and labels.
        label_names: names of the classes.
        plane: the plane of the lattice, or None.
        space: of the decoded images.
        lattice: decoded lattice from `manifold`, shape (n n, C, H, W), or None.
        title: above the picture.
    """
    joint = plane is not None and lattice is not None and len(plane.scale) == 2
    groups = _groups(embedding, label_names)
    named = bool(groups[0].name) and len(groups) <= MANY
    if not joint:
        return grid(
            [_codes(embedding, groups, None)], 1, 6.6, 5.6, title, legend="right" if named else "none"
        )
    assert plane is not None and space is not None and lattice is not None
    made = [_codes(embedding, groups, plane), *_lattices(embedding, groups, plane, space, lattice)]
    # two by two, so that the text is large enough where the picture is as wide as a page
    return grid(made, 2, 9.4, 9.2, title, legend="free cell" if named else "none")


def _codes(embedding: Embedding, groups: list[Group], plane: Plane | None) -> Panel:
    """Codes as points, or as a histogram where they are single numbers."""
    title = "encoder: codes of the data"
    if embedding.codes.shape[1] == 1:
        return Panel((_strip(embedding.codes, groups),), title, x=Axis("z1"), y=Axis("observations"))
    flat = embedding.flat if plane is None else _on(plane, embedding.codes)
    axis = "principal direction {} of the codes" if embedding.codes.shape[1] > 2 else "z{}"
    names = Axis(axis.format(1)), Axis(axis.format(2))
    return Panel(_points(flat, groups), title, "", *names, aspect="equal square")


def _lattices(
    embedding: Embedding, groups: list[Group], plane: Plane, space: Space, lattice: Tensor
) -> list[Panel]:
    """The decoded lattice by itself, and pale below the codes."""
    images = images_of(space, lattice)
    words = images.scale.words if isinstance(images.scale, Scale) else ""
    x, y = _ranks(plane, 1), _ranks(plane, 2)
    decoder = Panel(
        (Mosaic(images.values, images.scale),),
        "decoder: what each code becomes",
        "",
        replace(x, note=words),
        y,
    )
    ranks = torch.special.ndtr(plane.coordinates(embedding.codes))
    both = (Mosaic(images.values, images.scale, 0.32), *_points(ranks, groups))
    return [decoder, Panel(both, "both: the data where the decoder draws them", "", x, y)]


@dataclass(frozen=True)
class Group:
    """The codes of one class.

    Args:
        name: of the class; empty where there are no labels.
        colour: of its points.
        rows: places of its codes, shape (n,).
    """

    name: str
    colour: Colour
    rows: np.ndarray


def _groups(embedding: Embedding, names: Sequence[str]) -> list[Group]:
    """One group for each class that occurs, or one without a name."""
    if embedding.labels is None:
        return [Group("", "samples", np.arange(len(embedding.codes)))]
    present = embedding.labels.unique().tolist()
    size = int(max([*present, len(names) - 1]) + 1)
    name = lambda k: short(names[k] if k < len(names) else str(k), LETTERS)
    rows = embedding.labels.numpy()
    return [Group(name(k), ClassColour(int(k), size), np.flatnonzero(rows == k)) for k in present]


def _on(plane: Plane, codes: Tensor) -> Tensor:
    """Codes in the axes of the plane, in the units of the codes."""
    if codes.shape[1] == 2:
        return codes
    return plane.coordinates(codes) * plane.scale


def _points(points: Tensor, groups: list[Group]) -> tuple[Mark, ...]:
    size = float(np.clip(9000 / len(points), 7, 30))
    x, y = points[:, 0].numpy(), points[:, 1].numpy()
    return tuple(Points(x[g.rows], y[g.rows], g.colour, g.name, size, 0.85, 0.4) for g in groups)


def _strip(codes: Tensor, groups: list[Group]) -> Histogram:
    """A histogram of codes of one number, the classes on top of each other."""
    values = codes[:, 0].numpy()
    edges = np.histogram_bin_edges(values, BINS)
    heights = np.stack([np.histogram(values[g.rows], edges)[0] for g in groups]).astype(float)
    return Histogram(edges, heights, tuple(g.colour for g in groups), tuple(g.name for g in groups))


def _ranks(plane: Plane, i: int) -> Axis:
    """Axis i (1 or 2) of the square of ranks, with ticks at whole deviations."""
    at = torch.special.ndtr(torch.tensor(TICKS, dtype=torch.float64)).tolist()
    name = "z{}" if len(plane.centre) == 2 else "direction {}"
    axis = name + (" (spaced by rank)" if plane.standard else " in deviations (spaced by rank)")
    labels = tuple(str(t).replace("-", "\u2212") for t in TICKS)
    return Axis(axis.format(i), limits=(0.0, 1.0), ticks=tuple(at), labels=labels)
