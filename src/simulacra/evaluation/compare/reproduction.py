"""A published figure, our measurement of it, and the verdict of the comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal[
    "reproduced",
    "within tolerance",
    "budget too small",
    "different protocol",
    "not reproduced",
    "recorded",
]


@dataclass(frozen=True)
class Figure:
    """A number that a recipe measures.

    Args:
        name: name of the quantity, such as `squared error per test image`.
        published: published number; None if there is none.
        source: paper and table; empty if there is none.
        unit: such as `nats`, `%` or `modes`.
        protocol: protocol of the published number in words.
        tolerance: largest difference that rounding or the published spread explains.
        wide: largest difference that other seeds or details of training explain.
        better: direction in which any value beyond the published number counts as reproduced.

    Example:
        >>> pca = Figure("squared error", 13.87, "Hinton 2006", "", "MNIST", tolerance=0.01, wide=0.05)
        >>> pca.measured(13.866).verdict, pca.measured(13.9).verdict
        ('reproduced', 'within tolerance')
    """

    name: str
    published: float | None
    source: str
    unit: str
    protocol: str
    tolerance: float
    wide: float
    better: Literal["lower", "higher", "neither"] = "neither"

    def measured(
        self,
        value: float,
        error: float | None = None,
        *,
        protocol: str | None = None,
        share: float = 1.0,
        note: str = "",
    ) -> Measured:
        """Returns our measurement of this figure.

        Args:
            value: our value, in the figure's unit.
            error: its standard error; None: unknown.
            protocol: our protocol in words; None: that of the published number.
            share: part of the published schedule that was run, in (0, 1].
            note: remark for the reader.
        """
        return Measured(self, value, error, protocol, share, note)

    def unmeasured(self, note: str) -> Measured:
        """Returns this figure without a value, because the budget ended before the measurement.

        Args:
            note: remark for the reader.

        Example:
            >>> pca = Figure("squared error", 13.87, "Hinton 2006", "", "MNIST", tolerance=0.01, wide=0.05)
            >>> pca.unmeasured("stopped at the limit of 60 CPU minutes").verdict
            'budget too small'
        """
        return Measured(self, None, share=0.0, note=note)

    def differs(self, value: float) -> float:
        """Returns the distance of `value` from the published number; 0 beyond it on the better side."""
        assert self.published is not None, f"{self.name} has no published figure"
        apart = value - self.published
        beyond = {"lower": apart < 0, "higher": apart > 0, "neither": False}
        return 0.0 if beyond[self.better] else abs(apart)


@dataclass(frozen=True)
class Measured:
    """A figure with our value.

    Args:
        figure: the published figure.
        value: our value in its unit; None if the budget ended before the measurement.
        error: its standard error; None: unknown.
        protocol: our protocol in words; None: that of the published number.
        share: part of the published schedule that was run, in [0, 1].
        note: remark for the reader.
    """

    figure: Figure
    value: float | None
    error: float | None = None
    protocol: str | None = None
    share: float = 1.0
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """The result of comparing our value with the published one.

        Values of different protocols are not compared. A value that reaches the figure counts as reproduced,
        even after a part of the schedule; one that misses it is `not reproduced` only after all of it.
        """
        if self.value is None:
            return "budget too small"
        if self.figure.published is None:
            return "recorded"
        if self.protocol is not None:
            return "different protocol"
        # binary floating point: 13.88 - 13.87 > 0.01
        apart = round(self.figure.differs(self.value), 9)
        if apart <= self.figure.tolerance:
            return "reproduced"
        if apart <= self.figure.wide:
            return "within tolerance"
        return "budget too small" if self.share < 1 else "not reproduced"
