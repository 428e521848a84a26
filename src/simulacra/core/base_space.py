"""The base of all spaces, and of those whose features go by the range that the data use.

Let b(x) be the entry itself, or its logarithm where the space says so, and l and h the ends of what the
training rows use, as b sees them. A network is shown

    u = (b(x) - l) / (h - l)                                                                      (1)
    f = u                  for -1 <= u <= 2                                                       (2)
    f = 2 + log (u - 1)    for u > 2,        f = -1 - log (-u)    for u < -1

so that a camera of 16 bits whose pictures hold 500 to 7,000 is seen as well as one of 8 bits that uses all of
them, and a dead or hot pixel far beyond the ends stays within a few units. Both pieces have the slope 1 where
they meet; f is strictly monotone, so nothing is lost. Likelihoods are on x and know no range.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
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
class Ranged(Space):
    """A space whose features go by the range that the data use: equations (1) and (2).

    The range is no part of what an observation is: spaces that differ in nothing else are equal.

    Args:
        low: lower end of what the training rows use, in units of x; None: features as the space defines them.
        high: upper end.

    Raises:
        ValueError: if one end is given without the other, or they are no interval of the support.
    """

    low: float | None = field(default=None, kw_only=True, repr=False, compare=False)
    high: float | None = field(default=None, kw_only=True, repr=False, compare=False)
    _ends: ClassVar[tuple[float, float]]  # of each instance that has a range

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low is None and self.high is None:
            return
        given = [math.nan if end is None else float(end) for end in (self.low, self.high)]
        # a number, not a tensor, is what an exported function holds
        bare = lambda end: float(self.bare(torch.tensor(end, dtype=torch.float64, device="cpu")))
        low, high = map(bare, given) if all(map(self._holds, given)) else (math.nan, math.nan)
        if not -math.inf < low < high < math.inf:
            raise ValueError(
                f"the range of {self} from {self.low} to {self.high} is no interval of its values."
            )
        object.__setattr__(self, "_ends", (low, high))

    @abstractmethod
    def bare(self, x: Tensor) -> Tensor:
        """b(x), before any range: the entry itself or its logarithm."""

    @abstractmethod
    def undone(self, b: Tensor) -> Tensor:
        """x from b(x), not rounded."""

    def _holds(self, end: float) -> bool:
        """Whether an end lies in the support."""
        return end >= 0

    @property
    def nominal(self) -> tuple[float, float]:
        """l and h where no range is given."""
        return 0.0, 1.0

    @property
    def ends(self) -> tuple[float, float]:
        """l and h, in units of b(x)."""
        return self.nominal if self.low is None else self._ends

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """b(x) by equations (1) and (2)."""
        low, high = self.ends
        # (1)
        u = (self.bare(x.to(dtype or torch.get_default_dtype())) - low) / (high - low)
        return u if self.low is None else _squeezed(u)

    def from_features(self, f: Tensor) -> Tensor:
        """Equations (1) and (2) undone."""
        low, high = self.ends
        u = f if self.low is None else _stretched(f)
        return self.undone(u * (high - low) + low)

    def spec(self) -> dict[str, Any]:
        """The space as JSON; a range only where there is one."""
        return {k: v for k, v in super().spec().items() if k not in ("low", "high") or v is not None}


REACH = 12.0  # of f beyond -1 and 2 in what is undone: e^12 ranges, more than any file holds


def _squeezed(u: Tensor) -> Tensor:
    """Equation (2)."""
    # clamped where the other piece holds: a gradient of what is not taken must be finite
    above, below = 2 + (u.clamp_min(2) - 1).log(), -1 - (-u.clamp_max(-1)).log()
    return torch.where(u > 2, above, torch.where(u < -1, below, u))


def _stretched(f: Tensor) -> Tensor:
    """u from f of equation (2)."""
    above, below = 1 + (f.clamp(2, 2 + REACH) - 2).exp(), -(-1 - f.clamp(-1 - REACH, -1)).exp()
    return torch.where(f > 2, above, torch.where(f < -1, below, f))
