"""The base of all spaces, and of those whose features go by the range that the data use.

Let b(x) be an entry itself, or its logarithm where the space says so, and m and s a centre and the
deviation of b(x) over training rows (`core.spaces.own_range`). A network is shown

    u = (b(x) - m) / s                                                                            (1)
    f = u    for |u| <= 5,    sign(u) (5 + log (|u| - 4))    beyond                                (2)

so that a camera of 16 bits whose pictures hold 500 to 7,000 is seen as well as one of 8 bits that uses all of
them, and a hot or dead pixel far beyond the others stays within a few units. The pieces meet with slope 1,
and f is strictly monotone, so that nothing is lost. Likelihoods are on x and know no range.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import torch
from torch import Tensor

from simulacra.core.errors.calls import WrongCall, check_kind, kinds_of
from simulacra.core.errors.kinds import brief


@dataclass(frozen=True)
class Space(ABC):
    """Shape and support of one observation.

    Args:
        shape: shape of one observation, without the batch dimension; images are (C, H, W).
    """

    shape: tuple[int, ...] = ()

    discrete: ClassVar[bool] = True
    likelihoods: ClassVar[tuple[str, ...]] = ()
    placeholder: ClassVar[float] = 0.0  # what stands where an entry is missing: any value of the support

    def __post_init__(self) -> None:
        shape = (self.shape,) if isinstance(self.shape, int) else self.shape
        try:
            object.__setattr__(self, "shape", tuple(int(n) for n in shape))
        except (TypeError, ValueError) as error:
            raise WrongCall(
                f"shape is {brief(shape)}, but it must be whole numbers such as (1, 28, 28)."
            ) from error
        kinds = {name: kind for base in type(self).__mro__[::-1] for name, kind in kinds_of(base).items()}
        for entry in fields(self):
            check_kind(entry.name, getattr(self, entry.name), kinds.get(entry.name, Any), type(self).__name__)

    def __deepcopy__(self, memo: Any) -> Space:
        """The space itself, which never changes: the values of a column are many."""
        return self

    @property
    def dims(self) -> int:
        """Number of entries of one observation: the d of bits per dimension."""
        return math.prod(self.shape)

    @property
    def image(self) -> bool:
        """Returns True if observations are images (C, H, W) with 1 or 3 channels."""
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

    def measured(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Features as squared errors are measured on, shape (B, *features_shape)."""
        return self.features(x, dtype)

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
            one = f": give {name}[None] for one observation" if tuple(x.shape) == self.shape else ""
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}, but {self} needs "
                f"(B, {', '.join(map(str, self.shape))}){one}."
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
        centre: m, in units of b(x); None: features as the space defines them.
        spread: s, above 0.

    Raises:
        ValueError: if one is given without the other, or they are no such numbers.
    """

    centre: float | None = field(default=None, kw_only=True, repr=False, compare=False)
    spread: float | None = field(default=None, kw_only=True, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.centre is None and self.spread is None:
            return
        given = [math.nan if number is None else float(number) for number in (self.centre, self.spread)]
        if not (all(map(math.isfinite, given)) and given[1] > 0):
            raise ValueError(
                f"{self} needs a finite centre and a spread above 0, not {self.centre} and {self.spread}."
            )

    @abstractmethod
    def bare(self, x: Tensor) -> Tensor:
        """b(x), before any range: the entry itself or its logarithm."""

    @abstractmethod
    def undone(self, b: Tensor) -> Tensor:
        """x from b(x), not rounded."""

    @property
    def nominal(self) -> tuple[float, float]:
        """m and s where no range is given."""
        return 0.0, 1.0

    @property
    def ranged(self) -> bool:
        """Returns True if features go by a range of the data."""
        return self.centre is not None

    @property
    def place(self) -> tuple[float, float]:
        """m and s."""
        return self.nominal if self.centre is None or self.spread is None else (self.centre, self.spread)

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """b(x) by equations (1) and (2)."""
        u = self.measured(x, dtype)
        return _squeezed(u) if self.ranged else u

    def measured(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """u of equation (1), linear in b(x) everywhere."""
        m, s = self.place
        # (1)
        return (self.bare(x.to(dtype or torch.get_default_dtype())) - m) / s

    def from_features(self, f: Tensor) -> Tensor:
        """Equations (1) and (2) undone."""
        m, s = self.place
        u = _stretched(f) if self.ranged else f
        return self.undone(u * s + m)

    def spec(self) -> dict[str, Any]:
        """The space as JSON; a range only where there is one."""
        return {k: v for k, v in super().spec().items() if k not in ("centre", "spread") or v is not None}


LINEAR = 5.0  # deviations within which features are linear
REACH = 30.0  # of f beyond them in what is undone: e^30 deviations, more than any file holds


def _squeezed(u: Tensor) -> Tensor:
    """Equation (2)."""
    # clamped where the other piece holds: a gradient of what is not taken must be finite
    beyond = LINEAR + (u.abs().clamp_min(LINEAR) - (LINEAR - 1)).log()
    return torch.where(u.abs() > LINEAR, u.sign() * beyond, u)


def _stretched(f: Tensor) -> Tensor:
    """u from f of equation (2)."""
    beyond = LINEAR - 1 + (f.abs().clamp(LINEAR, LINEAR + REACH) - LINEAR).exp()
    return torch.where(f.abs() > LINEAR, f.sign() * beyond, f)
