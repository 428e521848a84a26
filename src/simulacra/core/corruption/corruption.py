"""The base class of corruptions: a random or fixed map from x to a damaged x~ of the same space.

    x~ ~ C(x~ | x)                                                                                  (1)

One list serves the training of denoising models, degraded conditions, Markov chains and scores. A corrupted
observation is an observation of the same space and shape: levels stay whole numbers within their range, as a
noisy photograph in a file does. All noise is keyed, so that x~ of a row does not depend on the batch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.abstract import Ranged, Space
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Binary, Levels, Positive, Real


@dataclass(frozen=True)
class Corruption(ABC):
    """A corruption C of equation (1).

    Args:
        level: its amount, such as the share of masked entries; None: the usual one.

    Raises:
        ValueError: if the level is outside its range.
    """

    level: float | None = None

    name: ClassVar[str]
    usual: ClassVar[float | None] = None  # None: the corruption has no level
    least: ClassVar[float] = 0.0
    most: ClassVar[float] = math.inf
    unit: ClassVar[str] = ""  # the level in words
    needs: ClassVar[str] = ""  # the spaces in words
    alone: ClassVar[bool] = True  # False: it needs more than a level
    power: ClassVar[int] = 1  # power of the level in which the damage grows: 2 for a standard deviation

    def __post_init__(self) -> None:
        if self.level is None or self.usual is None:
            if self.level is not None:
                other = build_with(corruption=self.name)
                raise Refusal(f"{self.name} has no level, but {self.level:g} was given: use {other}.", other)
            object.__setattr__(self, "level", self.usual)
            return
        object.__setattr__(self, "level", float(self.level))
        if not self.in_range(float(self.level)):
            usual = build_with(corruption=self.spelled(self.usual))
            raise Refusal(
                f"the level of {self.name!r} is {self.unit}, not {self.level:g}: use {usual}.", usual
            )

    def in_range(self, level: float) -> bool:
        """Returns True if `level` is possible.

        Args:
            level: amount of the corruption.
        """
        return self.least < level < self.most and math.isfinite(level)

    @abstractmethod
    def fits(self, space: Space) -> bool:
        """Returns True if observations of `space` can be corrupted.

        Args:
            space: space of x.
        """

    @abstractmethod
    def apply(self, x: Tensor, rng: Rng, space: Space, name: str = "corruption") -> Tensor:
        """Returns the corrupted x~ of equation (1), in the type of x, shape (B, *).

        Args:
            x: observations of `space`, shape (B, *).
            rng: generator of the noise.
            space: a space that fits.
            name: name of the draw, part of its key.
        """

    def space(self, space: Space) -> Space:
        """Returns the space of corrupted observations, which is the space of x itself.

        Args:
            space: space of x.

        Raises:
            ValueError: if observations of `space` cannot be corrupted in this way.
        """
        if self.fits(space):
            return space
        usual = (kind() for kind in Corruption.__subclasses__() if kind.alone)
        suggested = build_with(corruption=next((one.text for one in usual if one.fits(space)), "none"))
        raise Refusal(
            f"corruption {self.text!r} needs {self.needs}, but the space is {space}: use {suggested}.",
            suggested,
        )

    @property
    def text(self) -> str:
        """The corruption as it is typed, such as `mask:0.3`."""
        return self.name if self.level is None else self.spelled(self.level)

    def spelled(self, level: float) -> str:
        """Returns this corruption at a level as it is typed.

        Args:
            level: amount of the corruption.
        """
        return f"{self.name}:{level:g}"

    def cleaned(self, x: Tensor, estimate: Tensor, level: float | None = None) -> Tensor:
        """Returns an estimate of the clean x at another level than that of the estimate, shape (B, *).

            x~ + min(1, (level / s)^power) (r(x~) - x~)                                               (2)

        For Gaussian noise of standard deviation s, r(x~) - x~ is s^2 times the gradient of the log-density of
        x~, so the square of the level scales it; shares of entries scale it in proportion. At larger levels
        it is the estimate itself, and at level 0 x~.

        Args:
            x: corrupted observations x~, shape (B, *).
            estimate: r(x~), the estimate at this corruption's own level s, shape (B, *).
            level: amount of the corruption in x~; None: its own.

        Raises:
            ValueError: if the level is negative or not finite.

        Reference: Alain and Bengio 2014, theorem 2.
        """
        share = 1.0 if level is None else self.share(level)
        if share == 1:
            return estimate
        y = x.to(estimate.dtype)
        # (2)
        return y + share * (estimate - y)

    def share(self, level: float) -> float:
        """Returns min(1, (level / s)^power) of equation (2).

        Args:
            level: amount of the corruption.

        Raises:
            ValueError: if the level is negative or not finite.
        """
        if not 0 <= level < math.inf:
            raise ValueError(f"level is {level:g}, but it must be a finite number from 0: give 0.1.")
        return 1.0 if self.level is None else min(1.0, level / self.level) ** self.power

    def times(self, factor: float) -> float:
        """Returns the level at which the damage is `factor` times as large.

        Args:
            factor: a number above 0.
        """
        return factor * float(self.level or 0.0)


def numeric(space: Space) -> bool:
    """Returns True if entries of the space are 0/1, levels or real numbers.

    Args:
        space: space of x.
    """
    return isinstance(space, Binary | Levels | Real | Positive)


def picture(space: Space) -> bool:
    """Returns True if observations are images of 0/1, levels or real numbers.

    Args:
        space: space of x.
    """
    return space.image and isinstance(space, Binary | Levels | Real)


def spread_of(space: Space) -> float:
    """Returns the change of b(x) for one unit of features, b(x) = x but for positive numbers.

    Args:
        space: a numeric space.
    """
    return space.place[1] if isinstance(space, Ranged) else 1.0


def limits(space: Space) -> tuple[float, float] | None:
    """Returns the least and largest value of an entry; None if there is none.

    Args:
        space: a numeric space.
    """
    if isinstance(space, Levels):
        return 0.0, space.levels - 1.0
    if isinstance(space, Binary):
        return 0.0, 1.0
    return (-1.0, 1.0) if isinstance(space, Audio) else None


def within(y: Tensor, space: Space, like: Tensor) -> Tensor:
    """Returns numbers as observations of the space in the type of `like`: rounded, and within its limits.

    Args:
        y: floating-point numbers, shape (B, *).
        space: a numeric space.
        like: tensor of the wanted type.
    """
    ends = limits(space)
    y = y if ends is None else y.clamp(*ends)
    return (y.round() if space.discrete else y).to(like.dtype)


def kept(x: Tensor, keep: Tensor, other: float) -> Tensor:
    """Returns x where `keep` is True, and `other` elsewhere, in the type of x.

    For random masks the product takes a fraction of the time of `torch.where`; finite numbers stay exact.

    Args:
        x: finite numbers, shape (B, *).
        keep: booleans, shape of x.
        other: a value of the type of x.

    Example:
        >>> kept(torch.tensor([-1.5, 2.0]), torch.tensor([True, False]), 0.0).tolist()
        [-1.5, 0.0]
    """
    y = x * keep
    if other:
        return y + (~keep).to(x.dtype) * torch.tensor(other, dtype=x.dtype)
    # a negative zero becomes zero
    return y + 0.0 if y.is_floating_point() else y


def floating(x: Tensor) -> Tensor:
    """Returns x in a floating-point type.

    Args:
        x: any tensor.
    """
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())
