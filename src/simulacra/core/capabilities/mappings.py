"""Capabilities of models that map an observation to another one, or to what belongs to it.

`Completes` and `Continues` draw the unknown entries of an observation given the others.
`Denoises` gives the clean observation behind a noisy one, `Translates` one in another domain or class,
`Predicts` the condition that belongs to it, such as an angle or a property, `PredictsFromCode` by its code.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor

from simulacra.core.capabilities.marker import Capability
from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.corruption.corruption import Corruption
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space

WEIGHED = 10  # weighted candidates in place of a draw: with unequal weights their effective number is smaller


class Completes(Capability):
    """Draws missing entries given known ones.

    Models that complete in several ways name them as `completions`, the default first; `fill` then takes
    `method=`. Models whose completions have options of drawing name their class as `filling`; `fill` then
    takes an instance as `how`, where one is given. Models with `any_gaps = True` never
    end a text in a gap that has a known token behind it.
    """

    phrase = "completes"
    completions: ClassVar[tuple[str, ...]] = ()
    any_gaps: ClassVar[bool] = False
    filling: ClassVar[type[Sampling]] = Sampling

    @abstractmethod
    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Draws the entries of x where `known` is False given the others, and returns all of x, shape (B, *).

        Args:
            x: observations in the model's space, shape (B, *); values at unknown entries are ignored.
            known: True where x is known, shape of x.
            rng: generator of the draws.
            c: condition of each, shape (B, *); None: no condition.
        """

    def weighted_fills(
        self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None, k: int, method: str | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns weighted draws of the unknown entries given the others, which point estimates summarize.

        By default, and with options of drawing, they are k results of `fill` with equal weights.
        Models that weigh candidates return
        `WEIGHED` k of them with their weights, in one pass.

        Args:
            x: observations in the model's space, shape (B, *); values at unknown entries are ignored.
            known: True where x is known, shape of x.
            rng: generator of the draws.
            c: condition of each, shape (B, *); None: no condition.
            k: number of draws, at least.
            method: way of completing; None: the first.

        Returns:
            Draws, shape (B, k, *), and their log-weights in nats, shape (B, k).
        """
        return repeated_fills(self, x, known, rng, c, k, method)


class Continues(Capability):
    """Continues sequences whose first steps are known."""

    phrase = "continues sequences"

    @abstractmethod
    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Draws the last steps of sequences given the first, and returns all of x, shape (B, *).

        Args:
            x: sequences in the model's space, shape (B, *); values at unknown steps are ignored.
            known: False in the steps to draw, shape of x.
            rng: generator of the draws.
            c: condition of each, shape (B, *); None: no condition.
        """


def repeated_fills(
    model: Completes | Continues,
    x: Tensor,
    known: Tensor,
    rng: Rng,
    c: Tensor | None,
    k: int,
    method: str | None = None,
    **more: Any,
) -> tuple[Tensor, Tensor]:
    """Returns k results of `fill` with equal weights, shapes (B, k, *) and (B, k).

    Args:
        model: the model.
        x: observations in the model's space, shape (B, *); values at unknown entries are ignored.
        known: True where x is known, shape of x.
        rng: generator of the draws.
        c: condition of each, shape (B, *); None: no condition.
        k: number of draws.
        method: way of completing; None: the first.
        more: further arguments of `fill`, such as options of drawing.
    """
    more |= {} if method is None else {"method": method}
    drawn = torch.stack([model.fill(x, known, rng.at("fill", j), c, **more) for j in range(k)], 1)
    return drawn, torch.zeros(drawn.shape[:2], device=drawn.device)


FILLS: tuple[type[Capability], ...] = (Completes, Continues)


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


class PredictsFromCode(Predicts):
    """Predicts from the latent code by f(z), whose gradient guides a search for codes of a high property."""

    phrase = "predicts from its code"

    @abstractmethod
    def response_at(self, z: Tensor) -> Tensor:
        """Returns the expected condition of latent codes, in the condition's space, shape (B, *).

        Args:
            z: latent codes, shape (B, latent).
        """
