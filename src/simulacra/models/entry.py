"""Entries of the catalogue of models; imports no torch."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """A model of the catalogue.

    Args:
        name: on the command line.
        family: folder of the family.
        module: where the class is.
        cls: name of the class.
        paper: who proposed it.
        rows: rows of the systems table that it implements.
        summary: one line.
    """

    name: str
    family: str
    module: str
    cls: str
    paper: str
    rows: tuple[str, ...]
    summary: str

    def load(self) -> Any:
        """The class."""
        return getattr(importlib.import_module(f"simulacra.models.{self.module}"), self.cls)
