"""`Reader`: one kind of data that `load_data` reads, and what other parts of the library ask about it."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from simulacra.data.sources.source import Source
from simulacra.data.splits.options import SplitOptions
from simulacra.data.tables.options import FrameOptions, TableOptions

Holds = Literal["numbers", "table", "images", "recordings", "motion", "music", "texts"]
Place = Literal["memory", "name", "folder", "file"]


@dataclass(frozen=True)
class Reader:
    """One kind of data that `load_data` reads.

    Other files ask the fields `holds` and `place`; none compares the words of `kind`.

    Args:
        kind: its name in sentences, such as `a table`.
        options: the dataclass of its own options.
        opener: the function that opens it, as `package.module:name`; imported when it is called with the
            given object, the reader's options and the split options.
        suffixes: suffixes of its files, in lower case.
        takes: returns True for data of this kind; None: the suffix decides.
        holds: what a row is, or part of it: `numbers`, `table`, `images`, `recordings`, `motion`, `music` or
            `texts`.
        place: where the data are: in `memory`, under a `name` of the catalogue, in a `folder` or a `file`.
        frame: the function that reads a file with a table as a data frame, called with the path and the
            options; new rows for a trained model come from it. Empty for text, which is read row by row.
        lines: the function that reads a file with texts as `data.text.reader.Lines`, called with the path and
            the options; new rows for a trained model come from it. Empty for plain text.
    """

    kind: str
    options: type
    opener: str
    suffixes: tuple[str, ...] = ()
    takes: Callable[[Any], bool] | None = None
    holds: Holds = "numbers"
    place: Place = "file"
    frame: str = ""
    lines: str = ""

    def __post_init__(self) -> None:
        text = issubclass(self.options, TableOptions)
        if self.tables and self.place == "file":
            assert bool(self.frame) is not text, f"{self.kind}: a table that is no text needs frame="
        if self.holds == "texts" and self.suffixes:
            assert self.lines, f"{self.kind}: texts in files of their own format need lines="
        assert self.tables is issubclass(self.options, FrameOptions), f"{self.kind}: say holds='table'"

    @property
    def tables(self) -> bool:
        """True if rows have columns with names and kinds."""
        return self.holds == "table"

    @property
    def whole(self) -> bool:
        """True if a row may be less than a file: images and recordings in files of the user."""
        return self.holds in ("images", "recordings") and self.place in ("folder", "file")

    def reads(self, given: Any) -> bool:
        """Returns True if this reader reads the given object, name or path."""
        if self.takes is not None:
            return self.takes(given)
        return isinstance(given, Path) and suffix_of(given) in self.suffixes

    def open(self, given: Any, own: Any, split: SplitOptions) -> Source:
        """Reads the data into a source.

        Args:
            given: an object, a name or a path.
            own: an instance of `options`.
            split: options of the splits.

        Raises:
            ValueError: if the data are damaged, or the options do not apply to them.
        """
        source: Source = _function(self.opener)(given, own, split)
        return source

    def read_frame(self, path: Path, recorded: Mapping[str, Any]) -> Any:
        """Reads a file with a table as a data frame.

        Args:
            path: the file.
            recorded: options of `load_data` with which a run read its data, also those of other readers.

        Raises:
            ValueError: if the file is damaged or empty.
        """
        return _function(self.frame)(path, self._recorded(recorded))

    def read_lines(self, path: Path, recorded: Mapping[str, Any]) -> Any:
        """Reads the texts of a file as `data.text.reader.Lines`.

        Args:
            path: the file.
            recorded: options of `load_data` with which a run read its data, also those of other readers.

        Raises:
            ValueError: if the file is damaged or holds no text.
        """
        return _function(self.lines)(path, self._recorded(recorded))

    def _recorded(self, recorded: Mapping[str, Any]) -> Any:
        names = (f.name for f in dataclasses.fields(self.options))
        return self.options(**{name: recorded[name] for name in names if name in recorded})


def _function(where: str) -> Callable[..., Any]:
    """Returns the function that `package.module:name` names, below `simulacra.data`."""
    module, name = where.split(":")
    function: Callable[..., Any] = getattr(importlib.import_module(f"simulacra.data.{module}"), name)
    return function


def suffix_of(path: Path) -> str:
    """Returns the suffix of a file in lower case, with `.gz` if it is compressed."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return "".join(suffixes[-2:]) if suffixes[-1:] == [".gz"] else "".join(suffixes[-1:])
