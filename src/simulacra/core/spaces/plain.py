"""Spaces of numbers: shape and support of an observation, and so the base measure of a likelihood.

A space turns x into features for a network and lists the distributions that fit it; a model works on
any space by asking it for these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Phrase, Refusal, load_with
from simulacra.core.spaces.abstract import Ranged
from simulacra.core.spaces.abstract import Space as Space


@dataclass(frozen=True)
class Binary(Space):
    """Entries 0 or 1; counting measure.

    Args:
        shape: shape of one observation.
        truth: the entries are False and True in the columns of a table. Spaces that differ only in this
            are equal.

    Example:
        >>> Binary((1, 8, 8)).dims
        64
    """

    truth: bool = field(default=False, kw_only=True, repr=False, compare=False)
    likelihoods: ClassVar[tuple[str, ...]] = ("bernoulli",)

    def spec(self) -> dict[str, Any]:
        """Returns the space as JSON; `truth` only if it is True, so that older versions read the others."""
        return {k: v for k, v in super().spec().items() if k != "truth" or v}

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns x in {0, 1} as a floating-point tensor.

        Args:
            x: observations, shape (B, *shape).
            dtype: floating-point type; None: torch's default.
        """
        return x.to(dtype or torch.get_default_dtype())

    def _check_support(self, x: Tensor, name: str) -> None:
        if bool(((x != 0) & (x != 1)).any()):
            drawn = load_with(binarize="dynamic")
            mend = Phrase(f"; load the data with {drawn}", drawn) if self.shape else ""
            raise Refusal(f"{name} holds values other than 0 and 1, but the space is {self}{mend}.", mend)


@dataclass(frozen=True)
class Levels(Ranged):
    """Entries 0..levels-1 in order, such as grey values; counting measure.

    Args:
        shape: shape of one observation.
        levels: number of levels.
        centre: level whose feature is 0; None: features run from 0 (first level) to 1 (last level).
        spread: number of levels for one unit of features; None: as `centre`.

    Example:
        >>> Levels((1, 28, 28), 256).features(torch.tensor([[[[255]]]])).item()
        1.0
        >>> Levels((1, 28, 28), 2**16, centre=500, spread=6400).features(torch.tensor([[[[3700]]]])).item()
        0.5
    """

    levels: int = 256
    likelihoods: ClassVar[tuple[str, ...]] = ("logistic", "logistic-mixture", "categorical")

    @property
    def nominal(self) -> tuple[float, float]:
        """Default centre and spread: the first level, and the number of steps to the last."""
        return 0, self.levels - 1

    def bare(self, x: Tensor) -> Tensor:
        """Returns x itself."""
        return x

    def undone(self, b: Tensor) -> Tensor:
        """Returns b itself, clamped to the levels if there is a range."""
        return b.clamp(0, self.levels - 1) if self.ranged else b

    def _check_support(self, x: Tensor, name: str) -> None:
        if len(x) and bool(((x < 0) | (x > self.levels - 1) | (x != x.round())).any()):
            raise ValueError(
                f"{name} holds values from {x.min().item():g} to {x.max().item():g}, "
                f"but {self} needs whole numbers from 0 to {self.levels - 1}."
            )


@dataclass(frozen=True)
class Real(Space):
    """Real entries; Lebesgue measure.

    Args:
        decimals: most decimals that a value of a table's column has, with which drawn values come back; None:
            they are not rounded. It is no part of what an observation is.

    Example:
        >>> Real((3,)).dims
        3
    """

    decimals: int | None = field(default=None, kw_only=True, repr=False, compare=False)
    discrete: ClassVar[bool] = False
    likelihoods: ClassVar[tuple[str, ...]] = ("gaussian",)

    def spec(self) -> dict[str, Any]:
        """The space as JSON; `decimals` only where it is given, so that older versions read the others."""
        return {k: v for k, v in super().spec().items() if k != "decimals" or v is not None}

    def features(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Returns x itself as a floating-point tensor.

        Args:
            x: observations, shape (B, *shape).
            dtype: floating-point type; None: torch's default.
        """
        return x.to(dtype or torch.get_default_dtype())


@dataclass(frozen=True)
class Positive(Ranged):
    """Positive real entries, such as prices or concentrations; Lebesgue measure. Features are logarithms.

    Args:
        shape: shape of one observation.
        centre: log x whose feature is 0; None: features are log x.
        spread: change of log x for one unit of features; None: as `centre`.

    Example:
        >>> round(Positive().features(torch.tensor([100.0])).item(), 4)
        4.6052
    """

    discrete: ClassVar[bool] = False
    likelihoods: ClassVar[tuple[str, ...]] = ("log-normal",)
    placeholder: ClassVar[float] = 1.0

    def bare(self, x: Tensor) -> Tensor:
        """Returns log x."""
        return x.log()

    def undone(self, b: Tensor) -> Tensor:
        """Returns exp b."""
        return b.exp()

    def _check_support(self, x: Tensor, name: str) -> None:
        if len(x) and bool((x <= 0).any()):
            raise ValueError(f"{name} holds {x.min().item():g}, but {self} needs numbers above 0.")


@dataclass(frozen=True)
class Count(Ranged):
    """Entries 0, 1, 2, ... without an upper bound; counting measure. Features are log (1 + x).

    Args:
        shape: shape of one observation.
        centre: log (1 + x) whose feature is 0; None: features are log (1 + x).
        spread: change of log (1 + x) for one unit of features; None: as `centre`.

    Example:
        >>> Count().features(torch.tensor([0])).item()
        0.0
    """

    likelihoods: ClassVar[tuple[str, ...]] = ("negative-binomial", "poisson")

    def bare(self, x: Tensor) -> Tensor:
        """Returns log (1 + x)."""
        return x.log1p()

    def undone(self, b: Tensor) -> Tensor:
        """Returns exp b - 1."""
        return b.expm1()

    def _check_support(self, x: Tensor, name: str) -> None:
        if len(x) and bool(((x < 0) | (x != x.round())).any()):
            raise ValueError(
                f"{name} holds values from {x.min().item():g} to {x.max().item():g}, "
                f"but {self} needs whole numbers from 0."
            )
