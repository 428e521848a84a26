"""Shapes of a colour, a place and a size, drawn with their captions: pairs whose truth is known.

    x = b + a (k - b),   a = (1/2 - d(u))_+ cut at 1,   b grey, k the colour               (1)

d is the signed distance in pixels of pixel u from the edge of the shape. The caption says size, colour, shape
and place; the exact place within its region, the exact size and the grey are free. Draw i is the same
whatever the number of draws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels
from simulacra.data.sources.source import Part, Source

ROWS = 10_000
SHAPES = ("disc", "square", "triangle", "cross")
COLOURS = {
    "red": (220, 50, 47),
    "green": (60, 180, 75),
    "blue": (50, 90, 220),
    "yellow": (240, 220, 70),
    "white": (250, 250, 250),
}
PLACES = {  # center of the region, as a share of the side, and how a caption says it
    "left": ((0.5, 0.28), "on the left"),
    "right": ((0.5, 0.72), "on the right"),
    "top": ((0.28, 0.5), "at the top"),
    "bottom": ((0.72, 0.5), "at the bottom"),
    "middle": ((0.5, 0.5), "in the middle"),
}
SIZES = {"small": 0.11, "large": 0.2}  # half of the extent, as a share of the side
FREE, TIMES, GREYS = 0.05, 0.1, (20, 90)  # most shift of a place, and change of a size; levels of grey
WORDINGS = ("a {size} {colour} {shape} {place}", "{place} there is a {size} {colour} {shape}")
DEFAULT = 32
CAPTIONED = {"captioned-shapes": DEFAULT, "captioned-shapes-64": 64}


@dataclass(frozen=True)
class Drawn:
    """Pictures with their captions.

    Args:
        source: the pictures, labelled with their shapes.
        texts: the caption of each.
    """

    source: Source
    texts: list[str]


class CaptionedShapes:
    """The toy: pictures of one shape, with captions.

    Args:
        side: height and width of a picture.

    Attributes:
        attributes: words of a caption that exclude each other, by the name of what they say.

    Example:
        >>> toy = CaptionedShapes(8)
        >>> x, factors = toy.sample(3)
        >>> x.shape, toy.texts(factors)[0]
        (torch.Size([3, 3, 8, 8]), 'a large yellow cross at the top')
    """

    attributes: Mapping[str, tuple[str, ...]] = {
        "size": tuple(SIZES),
        "colour": tuple(COLOURS),
        "shape": SHAPES,
        "place": tuple(PLACES),
    }

    def __init__(self, side: int = DEFAULT):
        self.space = Levels((3, side, side), 256)
        self.side = side

    def sample(self, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Draws pictures as bytes, (n, 3, side, side), and what they show.

        Args:
            n: number of pictures.
            seed: seed of the draws.

        Returns:
            The pictures, and the numbers of size, colour, shape, place and wording, shape (n, 5).
        """
        rng = Rng(seed, "toy", "captioned shapes", rows=range(n))
        counts = torch.tensor([*(len(words) for words in self.attributes.values()), len(WORDINGS)])
        factors = (rng.uniform("factors", 5, dtype=torch.float64) * counts).long()
        free = 2 * rng.uniform("free", 4, dtype=torch.float64) - 1
        return torch.cat([self._drawn(*part) for part in zip(factors.split(1000), free.split(1000))]), factors

    def _drawn(self, factors: Tensor, free: Tensor) -> Tensor:
        """Returns equation (1), bytes, shape (B, 3, side, side)."""
        size, colour, shape, place, _ = factors.T
        centres = torch.tensor([at for at, _ in PLACES.values()], dtype=torch.float64)[place]
        at = (centres + FREE * free[:, :2]) * self.side
        r = (
            torch.tensor(list(SIZES.values()), dtype=torch.float64)[size]
            * (1 + TIMES * free[:, 2])
            * self.side
        )
        line = torch.arange(self.side, dtype=torch.float64) + 0.5
        dy = (line - at[:, :1]).unsqueeze(2).expand(-1, -1, self.side)
        dx = (line - at[:, 1:]).unsqueeze(1).expand(-1, self.side, -1)
        d = torch.empty(len(shape), self.side, self.side, dtype=torch.float64)
        for number, distance in enumerate(DISTANCES):
            of = shape == number
            d[of] = distance(dy[of], dx[of], r[of].view(-1, 1, 1))
        a = (0.5 - d).clamp(0, 1).unsqueeze(1)
        grey = GREYS[0] + (GREYS[1] - GREYS[0]) * (free[:, 3] + 1) / 2
        k = torch.tensor(list(COLOURS.values()), dtype=torch.float64)[colour].view(-1, 3, 1, 1)
        # (1)
        return (grey.view(-1, 1, 1, 1) * (1 - a) + k * a).round().to(torch.uint8)

    def texts(self, factors: Tensor) -> list[str]:
        """Returns the captions of pictures.

        Args:
            factors: as `sample` returns them, shape (n, 5).
        """
        return [caption(*row) for row in factors.tolist()]


def caption(size: int, colour: int, shape: int, place: int, wording: int = 0) -> str:
    """Returns a caption from the numbers of what it says.

    Example:
        >>> caption(0, 0, 0, 0), caption(1, 2, 1, 2, 1)
        ('a small red disc on the left', 'at the top there is a large blue square')
    """
    said = {
        "size": list(SIZES)[size],
        "colour": list(COLOURS)[colour],
        "shape": SHAPES[shape],
        "place": list(PLACES.values())[place][1],
    }
    return WORDINGS[wording].format(**said)


def captioned_shapes(name: str, seed: int) -> Drawn:
    """Draws the pictures of a named data set and their captions.

    Args:
        name: a key of `CAPTIONED`.
        seed: seed of the draws.
    """
    toy = CaptionedShapes(CAPTIONED[name])
    x, factors = toy.sample(ROWS if toy.side <= DEFAULT else ROWS // 2, seed)
    part = Part(x, factors[:, 2])
    return Drawn(Source(name, toy.space, {"train": part}, SHAPES, truth=toy), toy.texts(factors))


# ---- signed distances in pixels from the edge of a shape of half extent r, negative inside


def _disc(dy: Tensor, dx: Tensor, r: Tensor) -> Tensor:
    return (dy.square() + dx.square()).sqrt() - r


def _square(dy: Tensor, dx: Tensor, r: Tensor) -> Tensor:
    return torch.maximum(dy.abs(), dx.abs()) - 0.88 * r


def _triangle(dy: Tensor, dx: Tensor, r: Tensor) -> Tensor:
    """An equilateral triangle with its base below."""
    side = (math.sqrt(3) * dx.abs() - dy) / 2
    return torch.maximum(side, dy) - 0.6 * r


def _cross(dy: Tensor, dx: Tensor, r: Tensor) -> Tensor:
    """Two bars, each a third as wide as long."""
    y, x = dy.abs(), dx.abs()
    return torch.minimum(torch.maximum(y - r, x - r / 3), torch.maximum(y - r / 3, x - r))


DISTANCES = (_disc, _square, _triangle, _cross)
