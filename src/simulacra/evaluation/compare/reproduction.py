"""A published figure, what was measured of it here, and in one or two words how they compare."""

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
        name: what is measured, such as `squared error per test image`.
        published: the number in print; None where there is none.
        source: paper and table; empty where there is none.
        unit: such as `nats`, `%` or `modes`.
        protocol: what the published number was measured on, in words.
        tolerance: a difference that is that of rounding or of the published spread.
        wide: a difference that other seeds or details of training explain.
        better: beyond the published number on this side counts as reproduced.

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
        """This figure as measured here.

        Args:
            value: in the figure's unit.
            error: its standard error.
            protocol: in words, where it differs from the published one.
            share: of the published schedule that was run, in (0, 1].
            note: what a reader must know beside the number.
        """
        return Measured(self, value, error, protocol, share, note)

    def unmeasured(self, note: str) -> Measured:
        """This figure, not measured as the budget ended before.

        Example:
            >>> pca = Figure("squared error", 13.87, "Hinton 2006", "", "MNIST", tolerance=0.01, wide=0.05)
            >>> pca.unmeasured("stopped at the limit of 60 CPU minutes").verdict
            'budget too small'
        """
        return Measured(self, None, share=0.0, note=note)

    def differs(self, value: float) -> float:
        """How far `value` is from the published number, 0 where it lies beyond it on the better side."""
        assert self.published is not None, f"{self.name} has no published figure"
        apart = value - self.published
        beyond = {"lower": apart < 0, "higher": apart > 0, "neither": False}
        return 0.0 if beyond[self.better] else abs(apart)


@dataclass(frozen=True)
class Measured:
    """A figure with our value, None where the budget ended before; see `Figure.measured`."""

    figure: Figure
    value: float | None
    error: float | None = None
    protocol: str | None = None
    share: float = 1.0
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """How the value compares with the published one.

        Numbers of different protocols are not compared; a part of the schedule that already reaches the
        figure has reproduced it; the whole schedule that does not has failed to.
        """
        if self.value is None:
            return "budget too small"
        if self.figure.published is None:
            return "recorded"
        if self.protocol is not None:
            return "different protocol"
        # differences of decimal numbers are a little off: 13.88 - 13.87 > 0.01
        apart = round(self.figure.differs(self.value), 9)
        if apart <= self.figure.tolerance:
            return "reproduced"
        if apart <= self.figure.wide:
            return "within tolerance"
        return "budget too small" if self.share < 1 else "not reproduced"
