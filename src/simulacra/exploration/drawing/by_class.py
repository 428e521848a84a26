"""Images drawn from classes or texts: each has rows of its own, with its name beside the first."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from simulacra.core.inputs.conditions import condition_rows
from simulacra.core.model import Model
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.tokens import Tokens
from simulacra.exploration.drawing.picture import Picture
from simulacra.exploration.drawing.sheet import sheet
from simulacra.exploration.drawing.views import view_data

MOST = 20  # classes or texts with rows of their own


def samples_of(model: Model, x: Any, condition: Any = None, title: str = "") -> Picture:
    """Samples as their space asks for; images of a model of p(x given class or text) stand in rows by these.

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
    space, given = model.preprocessing.raw, _texts(model, condition, len(x))
    labels, names = (_labels(model, condition, len(x)), _names(model)) if given is None else given
    if labels is None or not space.image or len(labels.unique()) > MOST:
        return view_data(space, x, title)
    if len(labels.unique()) == 1:
        kind = "class " if given is None else ""
        return view_data(space, x, f"{title}, {kind}{names[int(labels[0])]}")
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


def _texts(model: Model, condition: Any, n: int) -> tuple[Tensor, list[str]] | None:
    """Returns the number of the text of each of n samples, and the texts; None where they have no text."""
    chain = model.conditioning
    if condition is None or chain is None or not isinstance(chain.raw, Tokens) or not chain.raw.names:
        return None
    return numbered_texts(chain.raw, condition_rows(chain.raw, condition, n))


def numbered_texts(space: Tokens, c: Tensor) -> tuple[Tensor, list[str]]:
    """Returns the number of the text of each row, in the order in which they occur, and the texts.

    Args:
        space: space of the texts.
        c: rows, shape (B, T).

    Example:
        >>> numbered_texts(Tokens((2,), 3, ("<end>", "a", "b")), torch.tensor([[2, 0], [1, 1], [2, 0]]))
        (tensor([0, 1, 0]), ['b', 'aa'])
    """
    texts = space.texts(c)
    every = list(dict.fromkeys(texts))
    return torch.tensor([every.index(text) for text in texts]), every


def _names(model: Model) -> list[str]:
    raw = None if model.conditioning is None else model.conditioning.raw
    if not isinstance(raw, Categorical):
        return []
    names = raw.names or model.label_names
    return [names[k] if k < len(names) else str(k) for k in range(raw.classes)]
