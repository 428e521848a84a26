"""Entries of the catalogue of models; imports no torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from simulacra.core.packages import Extension


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
        made_for: kind of space that it was made for, where it is more than one of those that it takes.
        extension: the entry point, for a model of another package; then `family` is its name.
    """

    name: str
    family: str
    module: str
    cls: str
    paper: str
    rows: tuple[str, ...]
    summary: str
    made_for: str = ""
    extension: Extension | None = None

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        if self.extension is None:
            return f"family {self.family}"
        return f"package {self.extension.package} {self.extension.version}"

    def load(self) -> Any:
        """The class."""
        if self.extension is not None:
            return self.extension.load()
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
