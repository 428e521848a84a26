"""Entries of the catalogue of models; imports no torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
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


def classes_of(package: str, entries: Sequence[Entry]) -> tuple[list[str], Callable[[str], Any]]:
    """The names of a family's classes, and a `__getattr__` that imports each when it is first used.

    Args:
        package: of the family.
        entries: of its catalogue.

    Example:
        >>> from simulacra.models.variational.catalog import ENTRIES
        >>> names, find = classes_of("simulacra.models.variational", ENTRIES)
        >>> names, find("VAE").__name__
        (['HierarchicalVAE', 'IWAE', 'VAE'], 'VAE')
    """
    known = {entry.cls: entry for entry in entries}

    def find(name: str) -> Any:
        if name not in known:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return known[name].load()

    return sorted(known), find
