"""Images drawn from classes: each class has rows of its own, with its name beside the first."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from simulacra.core.inputs.conditions import condition_rows
from simulacra.core.model import Model
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.drawing.sheet import sheet
from simulacra.exploration.drawing.views import view_data

MOST = 20  # classes with rows of their own


def samples_of(model: Model, x: Any, condition: Any = None, title: str = "") -> Picture:
    """Samples as their space asks for; images of a model of p(x given class) stand in rows by class.

    Args:
        model: that drew them.
        x: samples in raw units, shape (B, *).
        condition: as it was given to `model.sample`, or None.
        title: above the picture.

    Example:
        >>> import simulacra
        >>> digits = simulacra.load_data("digits", condition="label")
        >>> model = simulacra.VAE(digits.space, digits.condition, latent=2, hidden=(3,))
        >>> samples_of(model, model.sample(4, [3, 3, 7, 7]), [3, 3, 7, 7]).layout.row_names
        ('3', '7')
    """
    space, labels = model.preprocessing.raw, _labels(model, condition, len(x))
    if labels is None or not space.image or len(labels.unique()) > MOST:
        return view_data(space, x, title)
    names = _names(model)
    if len(labels.unique()) == 1:
        return view_data(space, x, f"{title}, class {names[int(labels[0])]}")
    return in_rows(space, torch.as_tensor(x), labels, names, title)


def in_rows(space: Space, x: Tensor, labels: Tensor, names: list[str], title: str = "") -> Picture:
    """Images in rows by class; the last row of a class may be shorter.

    Args:
        space: of one image.
        x: in raw units, shape (B, C, H, W).
        labels: number of the class of each, shape (B,).
        names: of all classes.
        title: above the picture.
    """
    counts = labels.bincount(minlength=len(names))
    columns = min(int(counts.max()), math.ceil(math.sqrt(len(x))))
    places, row_names = [], []
    for k in counts.nonzero()[:, 0].tolist():
        rows = math.ceil(int(counts[k]) / columns)
        index = torch.full((rows * columns,), -1)
        index[: counts[k]] = (labels == k).nonzero()[:, 0]
        places.append(index)
        row_names += [names[k], *[""] * (rows - 1)]
    at = torch.cat(places)
    images = x.detach().cpu()[at.clamp(min=0)]
    hidden = (at < 0).view(-1, 1, 1, 1).expand(images.shape)
    cut = lambda t: t.unflatten(0, (-1, columns))
    return sheet(space, cut(images), title, cut(hidden), row_names=row_names)


def _labels(model: Model, condition: Any, n: int) -> Tensor | None:
    """Returns the class of each of n samples; None where the condition is no single class."""
    chain = model.conditioning
    if condition is None or chain is None or not isinstance(chain.raw, Categorical) or chain.raw.shape:
        return None
    return condition_rows(chain.raw, condition, n, chain.geometry).long().cpu()


def _names(model: Model) -> list[str]:
    assert model.conditioning is not None
    raw = model.conditioning.raw
    assert isinstance(raw, Categorical)
    names = raw.names or model.label_names
    return [names[k] if k < len(names) else str(k) for k in range(raw.classes)]
