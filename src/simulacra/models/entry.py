"""Entries of the catalogue of models; imports no torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from simulacra.core.packages import Extension


@dataclass(frozen=True)
class Entry:
    """One model of the catalogue.

    Args:
        name: name on the command line, such as `vae`.
        family: name of the family's folder, such as `variational`.
        module: module of the class, relative to `simulacra.models`.
        cls: name of the class.
        paper: authors and year of the paper that proposed the model.
        rows: identifiers of the rows of the systems table that the model implements, such as `("F1",)`.
        summary: description in one line, as `simulacra models` prints it.
        made_for: kind of space that the model was made for, which `data inspect` then suggests first;
            `pairs`: data whose condition is an image or a wave; `pairs of Audio`: such pairs of recordings;
            `captions`: data whose condition is a text; `frames`: frames with those before them;
            `volumes`: voxels.
        baseline: True for a model that others are measured against; `data inspect` does not suggest it.
        extension: entry point of a model of another package, whose name is then the `family`; None: built in.
    """

    name: str
    family: str
    module: str
    cls: str
    paper: str
    rows: tuple[str, ...]
    summary: str
    made_for: str = ""
    baseline: bool = False
    extension: Extension | None = None

    @property
    def origin(self) -> str:
        """The family of a built-in model, or the package and version of another, in words."""
        if self.extension is None:
            return f"family {self.family}"
        return f"package {self.extension.package} {self.extension.version}"

    def load(self) -> Any:
        """Imports the model's module and returns its class."""
        if self.extension is not None:
            return self.extension.load()
        return getattr(importlib.import_module(f"simulacra.models.{self.module}"), self.cls)


def classes_of(package: str, entries: Sequence[Entry]) -> tuple[list[str], Callable[[str], Any]]:
    """Returns the class names of a family and a module `__getattr__` that imports each class on first use.

    Args:
        package: dotted name of the family's package, which the AttributeError names.
        entries: the family's part of the catalogue.

    Returns:
        The sorted class names for `__all__`, and a function from a name to its class, which raises
        AttributeError for other names.

    Example:
        >>> from simulacra.models.moments.catalog import ENTRIES
        >>> names, find = classes_of("simulacra.models.moments", ENTRIES)
        >>> names, find("GMMN").__name__
        (['ABC', 'GMMN', 'GMMNAutoencoder'], 'GMMN')
    """
    known = {entry.cls: entry for entry in entries}

    def find(name: str) -> Any:
        if name not in known:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return known[name].load()

    return sorted(known), find
