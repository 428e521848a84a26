"""The classes that a model translates its own observations to."""

from __future__ import annotations

from typing import Any

from simulacra.core.capabilities.mappings import Translates
from simulacra.core.capabilities.narrowing import able
from simulacra.core.spaces.classes import Categorical


def targets_of(model: Any) -> Categorical | None:
    """Returns the classes that a model leads its own observations to; None if it does not.

    Args:
        model: any model.

    Example:
        >>> from simulacra import VAE, Categorical, Levels
        >>> targets_of(VAE(Levels((1, 3, 3)), Categorical((), 3), latent=2)).classes
        3
    """
    if not model.supports(Translates):
        return None
    translates = able(model, Translates)
    return translates.targets if translates.source == model.space else None
