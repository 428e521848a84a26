"""Pictures of samples and the doctor's quick check: their schedule, and the time that they take."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.progress.estimates import estimated
from simulacra.core.random.keyed import Rng, some_of
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Binary, Space
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.dataset import Dataset, Split

PICTURES = 8  # pictures of each stage
IMAGES, POINTS = 64, 500  # samples of a picture
DRAWING = 0.2  # seconds of a picture, without its samples
TEXTS = 8  # texts of a picture of samples, each with as many samples
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


def sampled(model: Model, seed: int = 0, data: Dataset | None = None) -> Tensor:
    """Returns the samples of a picture: 64 images, or 500 points of a scatter plot.

    Args:
        model: model to sample from.
        seed: seed of the samples.
        data: data set whose held-out rows give the conditions of a model whose condition is no label.
    """
    n = IMAGES if model.preprocessing.raw.image else POINTS
    return model.sample(n, in_turn(model, n, data), seed)


def picture_seconds(model: Model, seed: int = 0, data: Dataset | None = None) -> float:
    """Returns the predicted time of a picture of samples in seconds; 0 if there is none.

    Args:
        model: model to sample from.
        seed: seed of the samples.
        data: as in `sampled`.
    """
    if not model.supports(can.Samples):
        return 0.0
    try:
        return DRAWING + estimated(lambda: sampled(model, seed, data))
    except ValueError:
        # the condition is no class and there are no rows that have one, so there is no picture
        return 0.0


def look_seconds(trained: float) -> float:
    """Returns the seconds allowed for the doctor's quick check.

    Args:
        trained: seconds that the training took.
    """
    return SHARE * trained if trained >= SHORT else 0.0


def takes_no_label(model: Model) -> bool:
    """Returns True if the model takes a condition that is not one class, such as an image or a number.

    Its samples are made from conditions of rows of the data.
    """
    c = model.condition
    label = isinstance(c, Categorical) and not c.shape
    return c is not None and not label and model.supports(can.TakesCondition)


def shows_rows(model: Model) -> bool:
    """Returns True if pictures of samples show rows of the data, so that they are private.

    Samples are made from conditions of rows, or are training rows by intention.
    """
    copied = model.supports(can.Samples) and can.able(model, can.Samples).copies
    return copied or takes_no_label(model)


def in_turn(model: Model, n: int, data: Dataset | None = None) -> Any:
    """Returns raw conditions for n samples: all classes in equal numbers, sorted; None without a condition.

    A model whose condition is no label gets the conditions of n random held-out rows, repeated if there are
    fewer: validation rows if there are some, otherwise test or training rows. Of texts it gets 8, each for as
    many samples, in order.

    Args:
        model: the model.
        n: number of samples.
        data: data set with the condition; None: there is none.

    Raises:
        ValueError: if the condition is no single class and no rows have one.
    """
    c = model.condition
    if takes_no_label(model):
        return _of_rows(model, n, data)
    if not isinstance(c, Categorical) or not model.supports(can.TakesCondition):
        return None
    return torch.arange(n) * c.classes // max(n, 1)


def _of_rows(model: Model, n: int, data: Dataset | None) -> Tensor:
    """Returns conditions of n random rows of the first split with known ones; those of 8 rows if texts."""
    of_text = isinstance(model.condition, Tokens)
    most = min(n, TEXTS) if of_text else n
    for rows in _held_out(data):
        seen = torch.arange(len(rows)) if rows.c_known is None else rows.c_known.cpu().nonzero()[:, 0]
        chosen = seen[some_of(len(seen), min(most, len(seen)), Rng(0, "pictures", "conditions"))]
        c = rows.rows(chosen).c if len(chosen) else None
        if c is not None:
            place = torch.arange(n, device=c.device)
            return c[place * len(c) // n if of_text else place % len(c)]
    assert model.conditioning is not None
    raise ValueError(
        f"{type(model).__name__} models p(x|c) with c of {model.conditioning.raw}: give a condition."
    )


def _held_out(data: Dataset | None) -> list[Split]:
    found = [] if data is None else [data.splits.get(name) for name in ("valid", "test", "train")]
    return [split for split in found if split is not None]
