"""Spaces of classes: unordered, such as labels, or ordered, such as grades."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from simulacra.core.numerics.precision import precise_device, to_float64
from simulacra.core.spaces.plain import Space


@dataclass(frozen=True)
class Categorical(Space):
    """Entries 0..classes-1 without order, such as a label; counting measure.

    Args:
        shape: shape of one observation; () for a single label.
        classes: number of classes.
        names: names of the classes, in order; empty: no names.
        values: number that stands for each class in x, ascending; empty: 0 to classes - 1.

    Example:
        >>> Categorical((), 3).features(torch.tensor([2])).tolist()
        [[0.0, 0.0, 1.0]]
    """

    classes: int = 2
    names: tuple[str, ...] = ()
    values: tuple[float, ...] = field(default=(), repr=False)
    likelihoods: ClassVar[tuple[str, ...]] = ("categorical",)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "names", tuple(map(str, self.names)))
        object.__setattr__(self, "values", tuple(map(float, self.values)))
        assert len(self.values) in (0, self.classes)

    @property
    def features_shape(self) -> tuple[int, ...]:
        """Shape of one-hot features: the classes come first."""
        return (self.classes, *self.shape)

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns one-hot codes, shape (B, classes, *shape).

        Args:
            x: classes, shape (B, *shape).
            dtype: floating-point type; None: torch's default.
        """
        codes = F.one_hot(codes_of(self.values, x).long(), self.classes).movedim(-1, 1)
        return codes.to(dtype or torch.get_default_dtype())

    def from_features(self, f: Tensor) -> Tensor:
        """Returns the class of the largest feature, shape (B, *shape).

        Args:
            f: features, shape (B, classes, *shape).
        """
        return values_of(self.values, f.argmax(1))

    @property
    def placeholder(self) -> float:  # type: ignore[override]
        """The first class."""
        return self.values[0] if self.values else 0.0

    def _check_support(self, x: Tensor, name: str) -> None:
        if self.values:
            _check_values(self, self.values, x, name)
        else:
            _check_classes(self, self.classes, x, name)


@dataclass(frozen=True)
class Ordinal(Space):
    """Entries 0..classes-1 in order but without distances, such as grades; counting measure.

    Args:
        shape: shape of one observation; () for a single grade.
        classes: number of classes.
        names: names of the classes, in order; empty: no names.
        values: number that stands for each class in x, ascending; empty: 0 to classes - 1.

    Example:
        >>> Ordinal((), 3).features(torch.tensor([1])).tolist()
        [[1.0, 0.0]]
    """

    classes: int = 2
    names: tuple[str, ...] = ()
    values: tuple[float, ...] = field(default=(), repr=False)
    likelihoods: ClassVar[tuple[str, ...]] = ("cumulative-logit", "categorical")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "names", tuple(map(str, self.names)))
        object.__setattr__(self, "values", tuple(map(float, self.values)))
        assert len(self.values) in (0, self.classes)

    @property
    def features_shape(self) -> tuple[int, ...]:
        """Shape of cumulative (thermometer) features: the thresholds come first."""
        return (self.classes - 1, *self.shape)

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns 1[x >= j] for j = 1..classes-1, shape (B, classes - 1, *shape).

        Args:
            x: classes, shape (B, *shape).
            dtype: floating-point type; None: torch's default.
        """
        steps = torch.arange(1, self.classes, device=x.device).view(-1, *[1] * len(self.shape))
        return (codes_of(self.values, x).unsqueeze(1) >= steps).to(dtype or torch.get_default_dtype())

    def from_features(self, f: Tensor) -> Tensor:
        """Returns the sum of the features, or with `values` the value of the nearest class.

        Args:
            f: features, shape (B, classes - 1, *shape).
        """
        return values_of(self.values, f.sum(1).round().long()) if self.values else f.sum(1)

    @property
    def placeholder(self) -> float:  # type: ignore[override]
        """The first class."""
        return self.values[0] if self.values else 0.0

    def _check_support(self, x: Tensor, name: str) -> None:
        if self.values:
            _check_values(self, self.values, x, name)
        else:
            _check_classes(self, self.classes, x, name)


def codes_of(values: tuple[float, ...], x: Tensor) -> Tensor:
    """Returns the class numbers 0..classes-1 of stored values, shape of x.

    Args:
        values: numbers that stand for the classes, ascending; empty: x holds class numbers already.
        x: stored values, any shape.

    Example:
        >>> codes_of((3.0, 5.0, 7.0), torch.tensor([7.0, 3.0])).tolist()
        [2, 0]
    """
    if not values:
        return x
    stored = torch.tensor(values, dtype=torch.float64, device=precise_device(x.device))
    wide = x.to(stored.device, torch.float64)
    # ONNX has no searchsorted
    exporting = torch.compiler.is_exporting()
    at = (wide.unsqueeze(-1) > stored).sum(-1) if exporting else torch.searchsorted(stored, wide.contiguous())
    return at.clamp(max=len(values) - 1).to(x.device)


def values_of(values: tuple[float, ...], codes: Tensor) -> Tensor:
    """Returns the stored values of class numbers; the inverse of `codes_of`.

    Args:
        values: numbers that stand for the classes, ascending; empty: the codes are returned.
        codes: class numbers, any shape.
    """
    if not values:
        return codes
    stored = torch.tensor(values, dtype=torch.float64, device=precise_device(codes.device))
    return stored[codes.long().to(stored.device)].to(codes.device)


def _check_values(space: Space, values: tuple[float, ...], x: Tensor, name: str) -> None:
    off = to_float64(x) != to_float64(values_of(values, codes_of(values, x)))
    if bool(off.any()):
        raise ValueError(
            f"{name} holds {x[off][0].item():g}, but it has the classes "
            f"{', '.join(f'{value:g}' for value in values[:20])}."
        )


def _check_classes(space: Space, classes: int, x: Tensor, name: str) -> None:
    if len(x) and bool(((x < 0) | (x >= classes) | (x != x.round())).any()):
        low, high = x.min().item(), x.max().item()
        told = f"the class {low:g}" if low == high else f"classes from {low:g} to {high:g}"
        words = getattr(space, "names", ())
        named = "" if words == tuple(map(str, range(classes))) else ", ".join(words[:20])
        more = f" ({named}{', ...' if len(words) > 20 else ''})" if named else ""
        raise ValueError(f"{name} holds {told}, but it has the classes 0 to {classes - 1}{more}.")
