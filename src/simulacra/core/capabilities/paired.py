"""Translation by drawing: a model of p(x|c) whose condition is an observation leads c to x.

    x ~ p(x|c)                                                       (1)

It is a capability of every model that samples and takes a condition, if the condition is an image, a wave or
another observation (`core.spaces.paired.observed`). No model declares it. Models that have one best answer to
c beside their draws, `AnswersPairs`, give it instead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor

from simulacra.core.capabilities.mappings import Translates
from simulacra.core.capabilities.sampling import chosen, names_of
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space


class AnswersPairs(ABC):
    """A model of pairs that translates c by one answer, such as the means of p(x|c), and not by a draw."""

    @abstractmethod
    def answer(self, c: Tensor, rng: Rng) -> Tensor:
        """Returns the answer to each condition in the model's space, shape (B, *).

        Args:
            c: conditions after their preprocessing, shape (B, *).
            rng: generator of the draws, if the model draws.
        """


class DrawsPairs(Translates, mixin=True):
    """Translates by equation (1), or by the model's answer: the source is the condition, the target is one.

    Args:
        model: a model that samples given its condition.
    """

    targets = None

    def __init__(self, model: Any):
        self.model = model

    @property
    def source(self) -> Space:  # type: ignore[override]
        """Space of the condition after its preprocessing."""
        space: Space = self.model.condition
        return space

    def carry(self, x: Tensor, rng: Rng, to: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """Draws an x for each condition by the model's present options, or answers it, shape (B, *).

        Args:
            x: conditions after their preprocessing, shape (B, *).
            rng: generator of the draws.
            to: None, since there is one target.
            c: None, since x is the condition.
        """
        if isinstance(self.model, AnswersPairs):
            return self.model.answer(x, rng)
        options = chosen(self.model, {})
        more: dict[str, Any] = {"how": options} if names_of(type(options)) else {}
        drawn: Tensor = self.model.draw(rng.on(rng.rows), x, **more)
        return drawn


def draws_pairs(model: Any) -> bool:
    """Returns True if a model translates by drawing x given its condition, and not in a way of its own.

    Args:
        model: any model.

    Example:
        >>> from simulacra import GAN, VAE, Categorical, Levels
        >>> draws_pairs(GAN(Levels((1, 3, 3)), Levels((1, 3, 3)), latent=2))
        True
        >>> draws_pairs(VAE(Levels((1, 3, 3)), Categorical((), 3), latent=2))  # led to a class instead
        False
    """
    return Translates not in model.own_capabilities() and model.supports(Translates)
