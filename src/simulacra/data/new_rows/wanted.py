"""The needs of a model: its raw space, how its own data were read, and where the condition stands."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulacra.core.preprocessing.images import Geometry
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space

LISTED = 10  # most columns that a message names


@dataclass(frozen=True)
class Wanted:
    """The needs of a model, by which a file is read.

    Args:
        raw: raw space of its rows.
        spec: options of `load_data` that its run recorded; {} for a model that was saved alone.
        lenient: True if rows with gaps can be used.
        condition: raw space of the condition that rows need, or None.
        given: condition as the user gave it: the name of a column or key, a class or a number; None: the
            column of labels that the run recorded.
        parse: turns the text of a condition into one for all rows or one for each, shape (n, *).
        geometry: cropping and resizing of the model's images, or None.
        whole: True if images and recordings are read at their own size and answered by tiles.
        source: True if rows are a source that has its own channels and any size, such as a grey image that
            becomes a colored one; False: answers have the form of the rows.
        half: `left` or `right`: that half is the source where all pictures are pairs, twice as wide as a
            source; empty: pictures are sources.
    """

    raw: Space
    spec: Mapping[str, Any] = field(default_factory=dict)
    lenient: bool = False
    condition: Space | None = None
    given: str | None = None
    parse: Callable[[str], Any] = str
    geometry: Geometry | None = None
    whole: bool = False
    source: bool = False
    half: str = ""

    def columns_of_condition(self, path: Path, names: Sequence[str]) -> tuple[list[int], Any]:
        """Returns the numbers of the columns that hold the condition, or [] and the values that were given.

        Args:
            path: the file, for errors.
            names: names of its columns.

        Raises:
            ValueError: if the rows need a condition and there is neither a column nor a value.
        """
        if self.given is not None:
            return ([names.index(self.given)], None) if self.given in names else ([], self.parse(self.given))
        if self.condition is None:
            return [], None
        label = self.spec.get("label")
        recorded = self.condition.names if isinstance(self.condition, Table) else (str(label),)
        if all(name in names for name in recorded):
            return [names.index(name) for name in recorded], None
        lacking = [repr(name) for name in recorded if name not in names]
        unnamed = label is None and not isinstance(self.condition, Table)
        named = " of conditions" if unnamed else f" {', '.join(lacking[:LISTED])}"
        raise ValueError(
            f"{path} has no column{named}, and the model needs the condition of each row: name the column "
            "with --condition COLUMN, or give one class or number for all rows with --condition VALUE."
        )


def absent(path: Path, wanted: Sequence[str], names: Sequence[str]) -> ValueError:
    """Returns the error for a table without some columns of the model.

    Args:
        path: the file.
        wanted: names of the model's columns.
        names: names of the file's columns.
    """
    lacking = [name for name in wanted if name not in names]
    named = ", ".join(map(repr, lacking[:LISTED])) + (" and others" if len(lacking) > LISTED else "")
    folded = {name.lower(): name for name in names if name not in wanted}
    near = {name: difflib.get_close_matches(name.lower(), folded, 1, 0.6) for name in lacking[:LISTED]}
    meant = [f"{folded[found[0]]!r} into {name!r}" for name, found in near.items() if found]
    has = ", ".join(map(repr, names[:LISTED])) + (", ..." if len(names) > LISTED else "")
    how = f"rename {', '.join(meant)}" if meant else "add the columns, empty where they are not known"
    return ValueError(
        f"{path} has no column{'s' * (len(lacking) > 1)} {named} of the model's data: {how}; it has {has}."
    )
