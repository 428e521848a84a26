"""Honest references for translations: answers that need no training.

    source      y = c, where x and c are of one kind and size; a grey picture in all channels        (1)
    bicubic     y = Pillow's bicubic enlargement of c, where c is a smaller picture                  (2)
    last frame  y = the last of the frames before x                                                  (4)
    mean        y = the mean of the training x, which does not look at c                             (3)

(2) of at most 256 levels is rounded and clipped after each of its two passes, as in every file that Pillow
enlarges. A model that (1) or (2) beats is better left out; one that (3) beats draws with more error than a
constant has, as an honest sampler does where c says little.

Reference: Keys 1981; ROWS of G18, G20.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Binary, Levels, Real, Space
from simulacra.data.dataset import Dataset, Split
from simulacra.data.pairs.past import frames_before
from simulacra.evaluation.rows import subset

MEAN = 5000  # largest number of training rows for (3)
SOURCE, BICUBIC, LAST, AVERAGE = "the source", "bicubic", "the last frame", "the mean"


@dataclass(frozen=True)
class Reference:
    """A way to answer without a model.

    Args:
        name: name in reports.
        answer: returns answers in raw units of x, shape (B, *), for raw sources, shape (B, *).
    """

    name: str
    answer: Callable[[Tensor], Tensor]


def references_of(data: Dataset) -> tuple[Reference, ...]:
    """Returns the references that fit a data set of pairs, the mean last.

    Args:
        data: data set of pairs.

    Example:
        >>> import simulacra
        >>> x = torch.randint(0, 256, (20, 3, 8, 8), dtype=torch.uint8)
        >>> small = simulacra.from_tensors(x, Levels((3, 8, 8), 256), c=x[:, :, ::4, ::4])
        >>> [one.name for one in references_of(small)]
        ['bicubic', 'the mean']
    """
    x, chain = data.preprocessing.raw, data.conditioning
    found = []
    if chain is not None and frames_before(data):
        found.append(Reference(LAST, lambda c: c[:, -x.shape[0] :]))
    elif chain is not None and of_one_kind(chain.raw, x):
        if _sides(chain.raw) == _sides(x):
            found.append(Reference(SOURCE, lambda c: c.expand(len(c), *x.shape)))
        elif _smaller(chain.raw, x):
            found.append(Reference(BICUBIC, lambda c: bicubic(c.expand(-1, x.shape[0], -1, -1), x)))
    mean = mean_row(data.train)
    return (*found, Reference(AVERAGE, lambda c: mean.expand(len(c), *x.shape)))


def of_one_kind(source: Space, x: Space) -> bool:
    """Returns True if entries of two spaces have one unit, and their channels agree or the source has one.

    Args:
        source: raw space of the source.
        x: raw space of x.
    """
    kinds = (Binary, Levels, Real)
    same = type(source) is type(x) and isinstance(x, kinds) and len(source.shape) == len(x.shape)
    levels = (source.levels, x.levels) if isinstance(source, Levels) and isinstance(x, Levels) else (0, 0)
    rates = (source.rate, x.rate) if isinstance(source, Audio) and isinstance(x, Audio) else (0, 0)
    grey = len(x.shape) == 3 and source.shape[:1] == (1,)
    agree = grey or source.shape[:1] == x.shape[:1]
    return same and levels[0] == levels[1] and rates[0] == rates[1] and agree


def _sides(space: Space) -> tuple[int, ...]:
    """Returns the shape without the channels of a picture or the steps of a sequence."""
    return space.shape[1:] if len(space.shape) > 1 else space.shape


def _smaller(source: Space, x: Space) -> bool:
    """Returns True if both are pictures, and the source is smaller."""
    both = len(x.shape) == 3 and isinstance(x, Levels | Real)
    return both and all(a < b for a, b in zip(source.shape[1:], x.shape[1:]))


def bicubic(c: Tensor, space: Space) -> Tensor:
    """Returns equation (2), shape (B, C, H, W): whole levels, or real numbers.

    Args:
        c: raw pictures, shape (B, C, h, w).
        space: raw space of x, of shape (C, H, W).

    Example:
        >>> bicubic(torch.full((1, 1, 2, 2), 7, dtype=torch.uint8), Levels((1, 4, 4), 256)).unique().item()
        7
    """
    levels = space.levels if isinstance(space, Levels) else None
    height, width = space.shape[1:]
    bytes_ = levels is not None and levels <= 256
    planes = c.cpu().numpy().reshape(-1, *c.shape[-2:]).astype(np.uint8 if bytes_ else np.float32)
    large = [np.asarray(Image.fromarray(p).resize((width, height), Image.Resampling.BICUBIC)) for p in planes]
    y = torch.from_numpy(np.stack(large)).view(*c.shape[:-2], height, width)
    return y if levels is None else y.round().clamp(0, levels - 1)


def mean_row(split: Split) -> Tensor:
    """Returns equation (3) of at most 5,000 rows in raw units, float64, shape (1, *).

    Args:
        split: training rows.
    """
    some = subset(split, MEAN)
    return some.rows(torch.arange(len(some))).x.cpu().double().mean(0, keepdim=True)
