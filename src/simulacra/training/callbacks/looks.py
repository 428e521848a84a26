"""Looks at a model beside the steps of training and what they cost: pictures of samples, the doctor's."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.progress.estimates import estimated
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Binary, Space

PICTURES = 8  # a stage
IMAGES, POINTS = 64, 500
DRAWING = 0.2  # seconds of a picture beside its samples
SHARE = 0.04  # of the time of training that the doctor's look takes; what is begun may take a little longer
SHORT = 4.0  # seconds of training below which it takes none


def shown_of(stage: int) -> bool:
    """Returns True if a stage has pictures: the first eight, every second up to 16, every fourth up to 32

    Example:
        >>> [i for i in range(40) if shown_of(i)]
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32]
    """
    return stage % (1 << (stage // PICTURES).bit_length()) == 0


def in_plane(space: Space) -> bool:
    """Returns True if observations are two numbers.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> in_plane(Real((2,))), in_plane(Table(a=Real(), b=Real())), in_plane(Table(a=Real(), b=Binary()))
        (True, True, False)
    """
    if space.dims != 2 or isinstance(space, Sequence):
        return False
    fields = [field for _, field in space.fields] if isinstance(space, Table) else [space]
    return not any(isinstance(field, (Binary, Categorical, Ordinal)) for field in fields)


def sampled(model: Model, seed: int = 0) -> Tensor:
    """The samples of a picture: images, or points of a scatter."""
    n = IMAGES if model.preprocessing.raw.image else POINTS
    return model.sample(n, in_turn(model, n), seed)


def picture_seconds(model: Model, seed: int = 0) -> float:
    """Seconds of a picture of samples, by the first steps of drawing them; 0 where there is none."""
    if not model.supports(can.Samples):
        return 0.0
    try:
        return DRAWING + estimated(lambda: sampled(model, seed))
    except ValueError:
        # a condition that is no class
        return 0.0


def look_seconds(steps: float) -> float:
    """Seconds of the doctor's look after so many of training."""
    return SHARE * steps if steps >= SHORT else 0.0


def in_turn(model: Model, n: int) -> Any:
    """Conditions for n samples: the classes in turn, the first class for the first samples.

    Raises:
        ValueError: if the condition is no single class.
    """
    c = model.condition
    if c is None or not model.supports(can.TakesCondition):
        return None
    if not isinstance(c, Categorical) or c.shape:
        raise ValueError(f"the model takes a condition out of {c}: give one with --condition.")
    return torch.arange(n) * c.classes // max(n, 1)
