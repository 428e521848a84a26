"""Reads a table of captions, with a line for each caption: the file of a picture and a text.

    file,caption
    a.png,a red disc on the left
    a.png,on the left there is a red disc
    b.png,"a square, blue, at the top"

A file is named relative to the folder of the pictures or to that of the table. Its suffix and the folders
above it may be left out where no other picture has the name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulacra.data.listing import Listing
from simulacra.data.tables.files import Columns, read_table
from simulacra.data.tables.options import TableOptions

FILES = ("file", "filename", "file_name", "image", "picture", "path")
TEXTS = ("caption", "captions", "text", "description")
NAMED = 3  # most files and lines that a message names


@dataclass(frozen=True)
class Captions:
    """The captions of a folder of pictures.

    Args:
        texts: the captions of each picture, in the order of the table.
        where: the table.
    """

    texts: Mapping[Path, Sequence[str]]
    where: Path

    @property
    def most(self) -> int:
        """The largest number of captions of a picture."""
        return max(map(len, self.texts.values()))


def captions_of(path: Path, listing: Listing) -> Captions:
    """Reads the captions of all pictures of a folder.

    Args:
        path: the table, such as a .csv file.
        listing: the pictures.

    Raises:
        ValueError: if the table is not there or has no such columns, a caption is empty, a picture has no
            caption, or a caption no picture.
    """
    table = _read(path)
    file, text = (_column(table, known) for known in (FILES, TEXTS))
    _check_filled(table, text)
    texts: dict[Path, list[str]] = {picture: [] for picture in listing.paths}
    places, strange = _places(listing), []
    for cells in table.cells:
        name = cells[file].strip()
        picture = places.get(_plain(name)) or places.get((path.parent / name).resolve().as_posix())
        if picture is None:
            strange.append(name)
        else:
            texts[picture].append(cells[text].strip())
    without = [p.relative_to(listing.folder).as_posix() for p, found in texts.items() if not found]
    if strange or without:
        raise ValueError(_unpaired(path, listing, len(table.cells), strange, without))
    return Captions(texts, path)


def _read(path: Path) -> Columns:
    if not path.is_file():
        raise ValueError(
            f"condition='captions:{path}' names a table that is not there: give a .csv file with the columns "
            "file and caption."
        )
    # captions may begin with a mark of comments, and numbers in them are words
    options = TableOptions(header=True, comment="none", decimal=".", thousands="none")
    try:
        return read_table(path, options)
    except ValueError as error:
        # the reader advises options of tables, which do not apply here
        reason = str(error).split(": ")[0]
        raise ValueError(
            f"{reason}: captions are read from a .csv file with the columns file and caption, of which a "
            "caption with commas stands in quotation marks."
        ) from error


def _column(table: Columns, known: Sequence[str]) -> int:
    """Returns the number of the column that has one of the known names."""
    names = [name.strip().lower() for name in table.names]
    found = next((names.index(name) for name in known if name in names), None)
    if found is None:
        raise ValueError(
            f"{table.path} has the columns {', '.join(table.names[:NAMED])}"
            f"{', ...' if len(names) > NAMED else ''}, but none is called {known[0]}: captions need a first "
            "line `file,caption`."
        )
    return found


def _check_filled(table: Columns, text: int) -> None:
    empty = [line for line, cells in zip(table.lines, table.cells) if not cells[text].strip()]
    if empty:
        lines = ", ".join(map(str, empty[:NAMED])) + (", ..." if len(empty) > NAMED else "")
        raise ValueError(
            f"{len(empty):,} of {len(table.cells):,} captions of {table.path} "
            f"{'is' if len(empty) == 1 else 'are'} empty (line{'s' * (len(empty) > 1)} {lines}): write what "
            "the picture shows, or leave the line out where the picture has another caption."
        )


def _plain(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")


def _places(listing: Listing) -> dict[str, Path]:
    """Returns the picture of each name: its whole path, and what names it alone.

    A name may lack the suffix and the folders above, as long as no other picture has it.
    """
    named: dict[str, set[Path]] = {}
    for part, files in listing.files.items():
        for path in files:
            for above in (listing.folder, listing.below[part], path.parent):
                name = path.relative_to(above)
                for text in (name.as_posix(), name.with_suffix("").as_posix()):
                    named.setdefault(text, set()).add(path)
    found = {name: next(iter(paths)) for name, paths in named.items() if len(paths) == 1}
    for path in listing.paths:
        found |= {path.relative_to(listing.folder).as_posix(): path, path.resolve().as_posix(): path}
    return found


def _unpaired(path: Path, listing: Listing, lines: int, strange: list[str], without: list[str]) -> str:
    """Returns the sentence on captions without a picture and pictures without a caption."""
    said = []
    if strange:
        names = list(dict.fromkeys(strange))
        said.append(
            f"{len(names):,} of the pictures that {path} names {_is(names)} not in {listing.folder} "
            f"({_some(names)})"
        )
    if without:
        said.append(
            f"{len(without):,} of {len(listing.paths):,} pictures of {listing.folder} {_has(without)} no "
            f"caption in {path} ({_some(without)})"
        )
    mend = {
        (True, False): "correct the names, or leave these lines out",
        (False, True): "write a caption for each, or move them away",
        (True, True): "correct the names so that each picture has a caption",
    }[bool(strange), bool(without)]
    return f"{', and '.join(said)}: {mend}."


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _has(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
