"""Capabilities of models that map an observation to another one, or to what belongs to it.

`Denoises` gives the clean observation behind a noisy one, `Translates` one in another domain or class,
`Predicts` the condition that belongs to it, such as an angle or a property.
"""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from simulacra.core.capabilities.marker import Capability
from simulacra.core.corruption.corruption import Corruption
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space


class Denoises(Capability):
    """Maps a noisy observation to a clean one.

    `corruption` is the noise that the model learned to undo, with which it is measured; None: no certain one.
    """

    phrase = "denoises"
    corruption: Corruption | None = None

    @abstractmethod
    def clean(self, x: Tensor, rng: Rng, c: Tensor | None = None, level: float | None = None) -> Tensor:
        """Returns the clean observation behind x, in the model's space, shape (B, *).

        Args:
            x: noisy observations in the model's space, shape (B, *).
            rng: generator of the draws, if the model draws.
            c: condition of each, shape (B, *); None: no condition.
            level: amount of noise in the model's own units; None: the model's default.
        """


class Translates(Capability):
    """Maps an observation of a source to one in the model's space.

    `source` is the space of what is given: the model's own space, or another one, such as that of sketches.
    `targets` are the classes that it can be led to; None: there is one target.
    """

    phrase = "translates"
    source: Space
    targets: Categorical | None = None

    @abstractmethod
    def carry(self, x: Tensor, rng: Rng, to: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """Returns the translation of x in the model's space, shape (B, *).

        Args:
            x: observations in `source`, shape (B, *).
            rng: generator of the draws, if the model draws.
            to: class of `targets` of each row, shape (B,); None: the model has one target.
            c: condition of each, shape (B, *); None: no condition.
        """


class Predicts(Capability):
    """Maps an observation to the condition that belongs to it; `Classifies` is the case of classes."""

    phrase = "predicts"

    @abstractmethod
    def response(self, x: Tensor) -> Tensor:
        """Returns the expected condition given x, in the condition's space, shape (B, *).

        Args:
            x: observations in the model's space, shape (B, *).
        """
