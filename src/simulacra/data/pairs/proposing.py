"""Finds what may be pairs in data: pictures twice as wide as high, two arrays of pictures, folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from simulacra.core.errors.suggestion import Suggestion, load_with
from simulacra.data.arrays.options import ArrayOptions
from simulacra.data.images.headers import Head
from simulacra.data.pairs.keys import groups_in, keys_alike
from simulacra.data.pairs.names import folders_beside
from simulacra.data.sources.reader import Reader


@dataclass(frozen=True)
class Proposal:
    """What may be pairs in data, and the options that load them so.

    Args:
        said: what was found, for the user.
        options: options of `load_data` that make pairs.
        needed: those of them without which the data cannot be loaded at all.
    """

    said: str
    options: Mapping[str, Any]
    needed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def suggestion(self) -> Suggestion:
        """The options as a suggestion."""
        return load_with(**self.options)

    @property
    def fact(self) -> str:
        """The sentence with what was found and the options."""
        return f"{self.said}: load them with {self.suggestion}"


def proposal(
    reader: Reader, given: Any, options: Mapping[str, Any], heads: Sequence[Head]
) -> Proposal | None:
    """Returns what may be pairs in data; None if nothing is, or the user gave a condition.

    Args:
        reader: the reader of the data.
        given: what it opens.
        options: options of the user.
        heads: the pages of a folder of images.
    """
    if options.get("condition") is not None or not isinstance(given, Path):
        return None
    if reader.options is ArrayOptions:
        return _arrays(reader, given, options)
    if not given.is_dir() or reader.holds not in ("images", "recordings"):
        return None
    if len(heads) > 1 and all(head.width == 2 * head.height for head in heads):
        said = "pictures twice as wide as high may hold pairs, whose right half is the condition of the left"
        return Proposal(said, {"condition": "right"})
    beside = folders_beside(given)
    if not beside:
        return None
    return Proposal(
        f"the folder {beside[0].name} beside has files of the same names, which may be conditions",
        {"condition": f"folder:{beside[0]}"},
    )


def _arrays(reader: Reader, path: Path, options: Mapping[str, Any]) -> Proposal | None:
    """Returns two arrays of equally many pictures as pairs."""
    taken = {name.name: options[name.name] for name in fields(reader.options) if name.name in options}
    try:
        groups = groups_in(path, ArrayOptions(**taken))
    except ValueError:
        return None
    alike = keys_alike(groups)
    if alike is None:
        return None
    key = options.get("key") or alike[0]
    if key not in alike or options.get("label") in alike:
        return None
    other = alike[1 - alike.index(key)]
    added = {} if options.get("key") else {"key": key}
    said = f"the arrays {key} and {other} hold equally many pictures, which may be pairs"
    return Proposal(said, {**added, "condition": other}, added)
