"""Pictures of samples and the doctor's quick check: their schedule, and the time that they take."""

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

PICTURES = 8  # pictures of each stage
IMAGES, POINTS = 64, 500  # samples of a picture
DRAWING = 0.2  # seconds of a picture, without its samples
SHARE = 0.04  # share of training time for the doctor's quick check, which may exceed it slightly
SHORT = 4.0  # seconds; after a shorter training there is no quick check


def shown_of(stage: int) -> bool:
    """Returns True if a stage has pictures: the first eight, every second up to 16, every fourth up to 32.

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
    """Returns the samples of a picture: 64 images, or 500 points of a scatter plot.

    Args:
        model: model to sample from.
        seed: seed of the samples.
    """
    n = IMAGES if model.preprocessing.raw.image else POINTS
    return model.sample(n, in_turn(model, n), seed)


def picture_seconds(model: Model, seed: int = 0) -> float:
    """Returns the predicted time of a picture of samples in seconds; 0 if there is none.

    Args:
        model: model to sample from.
        seed: seed of the samples.
    """
    if not model.supports(can.Samples):
        return 0.0
    try:
        return DRAWING + estimated(lambda: sampled(model, seed))
    except ValueError:
        # the condition is no class, so there is no picture
        return 0.0


def look_seconds(steps: float) -> float:
    """Returns the time of the doctor's quick check after a training of so many seconds."""
    return SHARE * steps if steps >= SHORT else 0.0


def in_turn(model: Model, n: int) -> Any:
    """Returns conditions for n samples: all classes in equal numbers, sorted; None without a condition.

    Args:
        model: the model.
        n: number of samples.

    Raises:
        ValueError: if the condition is no single class.
    """
    c = model.condition
    if c is None or not model.supports(can.TakesCondition):
        return None
    if not isinstance(c, Categorical) or c.shape:
        raise ValueError(f"the model takes a condition out of {c}: give one with --condition.")
    return torch.arange(n) * c.classes // max(n, 1)
