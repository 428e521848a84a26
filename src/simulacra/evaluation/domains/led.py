"""Held-out rows x led to another class y, and back: the rows on which translations without pairs are scored.

Every row is led to the class after its own, the last one to the first; of two domains, to the other one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.methods.targets import targets_of
from simulacra.core.model import Model
from simulacra.data.dataset import Dataset
from simulacra.data.labels import classes_in
from simulacra.evaluation.measures.kept_parts import TENSOR, once
from simulacra.evaluation.rows import chosen

ROWS = 500  # largest number of rows


@dataclass(frozen=True)
class Led:
    """Rows and their translations in raw units, on the CPU.

    Args:
        x: the rows, shape (B, *).
        label: class of each, shape (B,).
        to: class that each is led to, shape (B,).
        y: translations, shape (B, *).
        back: translations of y to the class of x, shape (B, *).
        names: names of the classes.
    """

    x: Tensor
    label: Tensor
    to: Tensor
    y: Tensor
    back: Tensor
    names: tuple[str, ...]


def led(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> Led | None:
    """Leads random rows of a split to another class and back.

    Args:
        model: model that translates to classes.
        data: data set with the classes as labels.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of rows and of the draws.
        limit: largest number of rows; None: 500.

    Returns:
        the rows; None if a class has fewer than two, or rows have no class.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("digits", condition="domain:3,7")
        >>> found = led(simulacra.CycleGAN(data.space, data.condition, channels=2), data, limit=20)
        >>> found.y.shape, found.names
        (torch.Size([20, 1, 8, 8]), ('3', '7'))
    """
    targets, labels = targets_of(model), classes_in(data[split])
    if targets is None or labels is None:
        return None
    index = chosen(data[split], min(ROWS, limit or ROWS), seed)
    rows, label = data[split].rows(index), labels[index.to(labels.device)].long().cpu()
    if min(int((label == k).sum()) for k in range(targets.classes)) < 2:
        return None
    to = (label + 1) % targets.classes
    c = rows.c if model.supports(can.TakesCondition) else None
    y = translated(model, rows.x, to, c, seed)
    back = translated(model, y, label, None if c is None else to, seed)
    names = targets.names or tuple(map(str, range(targets.classes)))
    return Led(rows.x.cpu(), label, to, y, back, names)


def translated(model: Model, x: Tensor, to: Tensor, c: Any, seed: int = 0) -> Tensor:
    """Returns raw rows led to classes, on the CPU, shape (B, *).

    Args:
        model: model that translates to classes.
        x: raw rows, shape (B, *).
        to: class of each, shape (B,).
        c: condition of each, or None.
        seed: seed of the draws.
    """
    return once(
        "led", (model, seed, x, to, c), lambda: model.translate(x, to, condition=c, seed=seed).cpu(), TENSOR
    )
