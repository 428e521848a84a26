"""What one observation is: its shape and support, and so the base measure of a likelihood.

A space turns x into features for a network and lists the distributions that can stand on it;
a model asks its space and so works on all of them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import torch
from torch import Tensor


@dataclass(frozen=True)
class Space(ABC):
    """Shape and support of one observation.

    Args:
        shape: shape of one observation, without the batch dimension; images are (C, H, W).
    """

    shape: tuple[int, ...] = ()

    discrete: ClassVar[bool] = True
    observations: ClassVar[tuple[str, ...]] = ()
    placeholder: ClassVar[float] = 0.0  # what stands where an entry is missing: any value of the support

    def __post_init__(self) -> None:
        shape = (self.shape,) if isinstance(self.shape, int) else tuple(self.shape)
        object.__setattr__(self, "shape", tuple(int(n) for n in shape))

    @property
    def dims(self) -> int:
        """Number of entries of one observation: the d of bits per dimension."""
        return math.prod(self.shape)

    @property
    def image(self) -> bool:
        """Whether observations are images (C, H, W) with 1 or 3 channels."""
        return len(self.shape) == 3 and self.shape[0] in (1, 3)

    @property
    def features_shape(self) -> tuple[int, ...]:
        """Shape of `features(x)` without the batch dimension."""
        return self.shape

    @abstractmethod
    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """x as a floating tensor that a network can take, shape (B, *features_shape)."""

    def from_features(self, f: Tensor) -> Tensor:
        """A point of feature space in the units of x, not rounded: what a mean looks like."""
        return f

    def features_known(self, known: Tensor) -> Tensor:
        """Which features come from known entries.

        Args:
            known: booleans, shape (B, *shape).

        Returns:
            booleans, shape (B, *features_shape).
        """
        front = len(self.features_shape) - len(self.shape)
        return known.unsqueeze(1).expand(-1, *self.features_shape) if front else known

    def filled(self, x: Tensor, known: Tensor) -> Tensor:
        """x with the placeholder where `known` is False, whatever stood there."""
        return torch.where(known, x, torch.full_like(x, self.placeholder))

    def spec(self) -> dict[str, Any]:
        """The space as JSON."""
        return {"kind": type(self).__name__, **{f.name: _json(getattr(self, f.name)) for f in fields(self)}}

    def check(self, x: Tensor, name: str = "x") -> None:
        """Raise ValueError unless x is a batch of observations of this space."""
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}, but {self} needs (B, {', '.join(map(str, self.shape))})."
            )
        if x.is_floating_point() and not bool(torch.isfinite(x).all()):
            raise ValueError(f"{name} holds NaN or infinite values; {self} needs finite numbers.")
        self._check_support(x, name)

    def _check_support(self, x: Tensor, name: str) -> None:
        """Raise ValueError where x is off the support."""


def _json(value: Any) -> Any:
    if isinstance(value, Space):
        return value.spec()
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Binary(Space):
    """Entries 0 or 1; counting measure.

    Example:
        >>> Binary((1, 8, 8)).dims
        64
    """

    observations: ClassVar[tuple[str, ...]] = ("bernoulli",)

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """x in {0, 1}."""
        return x.to(dtype or torch.get_default_dtype())

    def _check_support(self, x: Tensor, name: str) -> None:
        if bool(((x != 0) & (x != 1)).any()):
            mend = "; load the data with binarize='dynamic', 'static' or 'threshold'" if self.shape else ""
            raise ValueError(f"{name} holds values other than 0 and 1, but the space is {self}{mend}.")


@dataclass(frozen=True)
class Levels(Space):
    """Entries 0..levels-1 in order, such as grey values; counting measure.

    Example:
        >>> Levels((1, 28, 28), 256).features(torch.tensor([[[[255]]]])).item()
        1.0
    """

    levels: int = 256
    observations: ClassVar[tuple[str, ...]] = ("logistic", "logistic-mixture", "categorical")

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """x / (levels - 1), in [0, 1]."""
        return x.to(dtype or torch.get_default_dtype()) / (self.levels - 1)

    def from_features(self, f: Tensor) -> Tensor:
        """f (levels - 1)."""
        return f * (self.levels - 1)

    def _check_support(self, x: Tensor, name: str) -> None:
        if len(x) and bool(((x < 0) | (x > self.levels - 1) | (x != x.round())).any()):
            raise ValueError(
                f"{name} holds values from {x.min().item():g} to {x.max().item():g}, "
                f"but {self} needs whole numbers from 0 to {self.levels - 1}."
            )


@dataclass(frozen=True)
class Real(Space):
    """Real entries; Lebesgue measure."""

    discrete: ClassVar[bool] = False
    observations: ClassVar[tuple[str, ...]] = ("gaussian",)

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """x itself."""
        return x.to(dtype or torch.get_default_dtype())


@dataclass(frozen=True)
class Positive(Space):
    """Positive real entries, such as prices or concentrations; Lebesgue measure.

    Example:
        >>> round(Positive().features(torch.tensor([100.0])).item(), 4)
        4.6052
    """

    discrete: ClassVar[bool] = False
    observations: ClassVar[tuple[str, ...]] = ("log-normal",)
    placeholder: ClassVar[float] = 1.0

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """log x."""
        return x.to(dtype or torch.get_default_dtype()).log()

    def from_features(self, f: Tensor) -> Tensor:
        """exp f."""
        return f.exp()

    def _check_support(self, x: Tensor, name: str) -> None:
        if len(x) and bool((x <= 0).any()):
            raise ValueError(f"{name} holds {x.min().item():g}, but {self} needs numbers above 0.")


@dataclass(frozen=True)
class Count(Space):
    """Entries 0, 1, 2, ... without an upper end; counting measure.

    Example:
        >>> Count().features(torch.tensor([0])).item()
        0.0
    """

    observations: ClassVar[tuple[str, ...]] = ("negative-binomial", "poisson")

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """log (1 + x)."""
        return x.to(dtype or torch.get_default_dtype()).log1p()

    def from_features(self, f: Tensor) -> Tensor:
        """exp f - 1."""
        return f.expm1()

    def _check_support(self, x: Tensor, name: str) -> None:
        if len(x) and bool(((x < 0) | (x != x.round())).any()):
            raise ValueError(
                f"{name} holds values from {x.min().item():g} to {x.max().item():g}, "
                f"but {self} needs whole numbers from 0."
            )
