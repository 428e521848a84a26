"""The base class of capabilities."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar


class Capability(ABC):
    """Base class of the types that declare an ability of a model.

    `phrase` completes the sentence "this model ...".
    """

    phrase: ClassVar[str] = ""
