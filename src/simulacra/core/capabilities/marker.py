"""The base of what a model can do."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar


class Capability(ABC):
    """Base of the declared types.

    `phrase` completes the sentence "this model ...".
    """

    phrase: ClassVar[str] = ""
