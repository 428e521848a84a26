"""Analogies: an observation in the style of another, of a class of choice, by a model of p(x given class).

    z = E[z | x, y],   x' = E[x | z, y']                                                               (1)

The code z holds what the class does not say, such as slant and width of a handwritten digit, so that x' is
the digit y' in the hand that wrote x. For y' = y it is the reconstruction of x.

Reference: Kingma, Rezende, Mohamed and Welling 2014, section 4.2. Row E18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from simulacra.core.capabilities.general import Translates
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space


class Analogies(Translates, mixin=True):
    """Leads observations to other classes by equation (1), where the condition is one class."""

    if TYPE_CHECKING:
        space: Space
        condition: Space | None

        def infer(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor: ...

        def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor: ...

    @property
    def source(self) -> Space:  # type: ignore[override]
        """The space of what is given, that of the model."""
        return self.space

    @property
    def targets(self) -> Categorical | None:  # type: ignore[override]
        """The classes of the condition; None if it is no single class."""
        return _class_of(self.condition)

    def carry(self, x: Tensor, rng: Rng, to: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """Returns x' of equation (1), shape (B, *).

        Args:
            x: observations, shape (B, *).
            rng: not used.
            to: class y' of each row, shape (B,); None: its own.
            c: class y of each row, shape (B,).
        """
        # (1)
        return self.emit(self.infer(x, c), c if to is None else to)


def only_for_classes(model: Model) -> None:
    """Removes `Translates` from a model that declares it and whose condition is no class.

    Args:
        model: a model in its constructor.
    """
    if model.supports(Translates) and _class_of(model.condition) is None:
        model.remove(Translates)


def _class_of(c: Space | None) -> Categorical | None:
    return c if isinstance(c, Categorical) and c.shape == () else None
