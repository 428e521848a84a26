"""The base class of capabilities."""

from __future__ import annotations

from abc import ABC
from typing import Any, ClassVar


class Capability(ABC):
    """Base of the declared types: a model has the capabilities that are among its bases.

    `phrase` completes the sentence "this model ..."; without one, a capability is named by its class. A class
    that only implements capabilities is none itself: it says so by `class Mine(Samples, mixin=True)`.

    Example:
        >>> class Sings(Capability):
        ...     phrase = "sings"
        >>> class Dances(Capability):
        ...     "Moves to music."
        >>> Sings.phrase, Dances.phrase
        ('sings', 'is declared as Dances')
    """

    phrase: ClassVar[str] = ""
    mixin: ClassVar[bool] = False

    def __init_subclass__(cls, mixin: bool = False, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.mixin = mixin
        if not cls.phrase:
            cls.phrase = f"is declared as {cls.__name__}"
