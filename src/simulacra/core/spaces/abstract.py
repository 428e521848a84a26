"""The base class of spaces, and of spaces whose features are scaled to the range of the data.

Let b(x) be an entry itself, or its logarithm if the space says so, and let m and s be a centre and the
standard deviation of b(x) over training rows (`core.spaces.own_range`). The network's input is

    u = (b(x) - m) / s                                                                            (1)
    f = u    for |u| <= 5,    sign(u) (5 + log (|u| - 4))    beyond                                (2)

so that 16-bit images with levels between 500 and 7,000 train as well as 8-bit images that use all levels,
and a hot or dead pixel far beyond the others stays within a few units. The pieces meet with slope 1, and f
is strictly monotone, so that no information is lost. Likelihoods are on x and do not depend on the range.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import torch
from torch import Tensor

from simulacra.core.errors.argument_types import brief
from simulacra.core.errors.calls import WrongCall, check_kind, kinds_of


@dataclass(frozen=True)
class Space(ABC):
    """Shape and support of one observation, and thereby the base measure of likelihoods.

    Args:
        shape: shape of one observation, without the batch dimension; images are (C, H, W).

    Raises:
        ValueError: if the shape is not whole numbers.
    """

    shape: tuple[int, ...] = ()

    discrete: ClassVar[bool] = True
    likelihoods: ClassVar[tuple[str, ...]] = ()
    per: ClassVar[str] = "dim"  # name of an entry in scores: bits/dim, nats/token
    placeholder: ClassVar[float] = 0.0  # value at missing entries: any value of the support

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
        """Returns the space itself, since it is immutable and may hold many values of a column."""
        return self

    @property
    def dims(self) -> int:
        """Number of entries of one observation: the d of bits per dimension."""
        return math.prod(self.shape)

    @property
    def image(self) -> bool:
        """True if observations are images (C, H, W) with 1 or 3 channels."""
        return len(self.shape) == 3 and self.shape[0] in (1, 3)

    @property
    def features_shape(self) -> tuple[int, ...]:
        """Shape of `features(x)` without the batch dimension."""
        return self.shape

    @abstractmethod
    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns x as floating-point input for a network, shape (B, *features_shape).

        Args:
            x: observations, shape (B, *).
            dtype: floating-point type; None: torch's default.
        """

    def vectors(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns the features of each observation as one vector, shape (B, n), also of single numbers.

        Args:
            x: observations, shape (B, *).
            dtype: floating-point type; None: torch's default.
        """
        return self.features(x, dtype).unsqueeze(1).flatten(1)

    def from_features(self, f: Tensor) -> Tensor:
        """Maps features to the units of x without rounding, for displaying means.

        Args:
            f: features, shape (B, *features_shape).
        """
        return f

    def measured(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns features on a linear scale, for squared errors, shape (B, *features_shape).

        Args:
            x: observations, shape (B, *).
            dtype: floating-point type; None: torch's default.
        """
        return self.features(x, dtype)

    def features_known(self, known: Tensor) -> Tensor:
        """Returns a mask of the features that come from known entries.

        Args:
            known: booleans, shape (B, *shape).

        Returns:
            booleans, shape (B, *features_shape).
        """
        front = len(self.features_shape) - len(self.shape)
        return known.unsqueeze(1).expand(-1, *self.features_shape) if front else known

    def filled(self, x: Tensor, known: Tensor) -> Tensor:
        """Returns x with the placeholder at entries where `known` is False.

        Args:
            x: observations, shape (B, *).
            known: booleans, shape of x.
        """
        return torch.where(known, x, torch.full_like(x, self.placeholder))

    def counted(self, x: Tensor) -> Tensor | None:
        """Returns True for the entries that a score counts, shape of x; None: all.

        Args:
            x: observations, shape (B, *shape).
        """
        return None

    def closed(self, x: Tensor) -> Tensor:
        """Returns x with what follows from its other entries put right, such as the padding behind an end.

        Args:
            x: entries, each of the support, shape (B, *shape).
        """
        return x

    def compact(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns what distances between observations look at, shape (B, n): their features.

        Args:
            x: observations, shape (B, *shape).
            dtype: floating-point type; None: torch's default.
        """
        return self.vectors(x, dtype)

    def spec(self) -> dict[str, Any]:
        """Returns the space as JSON."""
        return {"kind": type(self).__name__, **{f.name: _json(getattr(self, f.name)) for f in fields(self)}}

    def check(self, x: Tensor, name: str = "x") -> None:
        """Checks that x is a batch of observations of this space.

        Args:
            x: tensor to check.
            name: name of x in messages.

        Raises:
            ValueError: if its shape or a value does not fit.
        """
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
        """Raises ValueError if a value of x is outside the support."""


def _json(value: Any) -> Any:
    if isinstance(value, Space):
        return value.spec()
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Ranged(Space):
    """A space whose features are scaled to the range of the data by equations (1) and (2).

    The range is not part of an observation: spaces that differ only in it are equal.

    Args:
        centre: m, in units of b(x); None: the default features of the space.
        spread: s, above 0; None: as `centre`.

    Raises:
        ValueError: if only one of the two is given, or they are not finite, or s is not positive.
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
        """Returns b(x): the entry itself or its logarithm.

        Args:
            x: entries, any shape.
        """

    @abstractmethod
    def undone(self, b: Tensor) -> Tensor:
        """Returns x from b(x), not rounded.

        Args:
            b: values of b, any shape.
        """

    @property
    def nominal(self) -> tuple[float, float]:
        """Default m and s."""
        return 0.0, 1.0

    @property
    def ranged(self) -> bool:
        """True if features are scaled to a range of the data."""
        return self.centre is not None

    @property
    def place(self) -> tuple[float, float]:
        """The present m and s."""
        return self.nominal if self.centre is None or self.spread is None else (self.centre, self.spread)

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns the features of equations (1) and (2), shape (B, *shape).

        Args:
            x: observations, shape (B, *).
            dtype: floating-point type; None: torch's default.
        """
        u = self.measured(x, dtype)
        return _squeezed(u) if self.ranged else u

    def measured(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns u of equation (1), which is linear in b(x), shape (B, *shape).

        Args:
            x: observations, shape (B, *).
            dtype: floating-point type; None: torch's default.
        """
        m, s = self.place
        # (1)
        return (self.bare(x.to(dtype or torch.get_default_dtype())) - m) / s

    def from_features(self, f: Tensor) -> Tensor:
        """Inverts equations (1) and (2).

        Args:
            f: features, shape (B, *shape).
        """
        m, s = self.place
        u = _stretched(f) if self.ranged else f
        return self.undone(u * s + m)

    def spec(self) -> dict[str, Any]:
        """Returns the space as JSON, with a range only if there is one."""
        return {k: v for k, v in super().spec().items() if k not in ("centre", "spread") or v is not None}


LINEAR = 5.0  # in standard deviations; features are linear up to there
REACH = 30.0  # largest f - 5 that is inverted; e^30 standard deviations exceed any file


def _squeezed(u: Tensor) -> Tensor:
    """Computes equation (2)."""
    # clamped, so that the gradient of the branch not taken is finite
    beyond = LINEAR + (u.abs().clamp_min(LINEAR) - (LINEAR - 1)).log()
    return torch.where(u.abs() > LINEAR, u.sign() * beyond, u)


def _stretched(f: Tensor) -> Tensor:
    """Inverts equation (2)."""
    beyond = LINEAR - 1 + (f.abs().clamp(LINEAR, LINEAR + REACH) - LINEAR).exp()
    return torch.where(f.abs() > LINEAR, f.sign() * beyond, f)
