"""Opens a file of new rows for a trained model, in the way that its own data were read."""

from __future__ import annotations

import difflib
from pathlib import Path

from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.catalog.names import near_name
from simulacra.data.new_rows.chunk import NewRows
from simulacra.data.new_rows.frames import open_frame
from simulacra.data.new_rows.lines import STDIN
from simulacra.data.new_rows.pieces import open_pieces
from simulacra.data.new_rows.text import open_text
from simulacra.data.new_rows.wanted import Wanted
from simulacra.data.new_rows.whole import answers_whole, open_whole
from simulacra.data.pairs.new_rows import has_form
from simulacra.data.readers import check_texts, find_reader, reader_of_texts
from simulacra.data.text.new_lines import open_lines


def open_rows(file: str, wanted: Wanted) -> NewRows:
    """Opens rows of a file, folder or named data set.

    Args:
        file: path or name; `-` for a text table on standard input.
        wanted: what the model takes.

    Raises:
        ValueError: if there is no such file, it is of another kind than the model's data, or damaged.
    """
    if file == str(STDIN):
        if not isinstance(wanted.raw, Table):
            raise ValueError(
                f"standard input holds a table, but the model was trained on {wanted.raw}: give a file."
            )
        return open_text(STDIN, wanted)
    if isinstance(wanted.raw, Tokens) and Path(file).is_file():
        formatted = reader_of_texts(Path(file))
        if formatted is None:
            check_texts(Path(file))
        return open_lines(Path(file), wanted, formatted)
    _check_there(file)
    reader, given = find_reader(file)
    if reader.tables != isinstance(wanted.raw, Table):
        what = "a table, such as a .csv file" if isinstance(wanted.raw, Table) else "a file of that kind"
        raise ValueError(f"{file} is {reader.kind}, but the model was trained on {wanted.raw}: give {what}.")
    if reader.tables:
        return open_frame(given, reader, wanted) if reader.frame else open_text(given, wanted)
    if wanted.whole and answers_whole(reader, wanted) and not _are_pairs(wanted):
        return open_whole(Path(given), wanted)
    return open_pieces(Path(given), reader, wanted)


def _check_there(file: str) -> None:
    """Raises ValueError if a path leads nowhere and is no name of data either."""
    path = Path(file)
    if path.exists() or near_name(file) is not None:
        return
    beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, 1, 0.6)
    hint = f"did you mean {str(path.parent / near[0])!r}?" if near else "give the path of a file or folder."
    raise ValueError(f"there is no file or folder {file!r}; {hint}")


def _are_pairs(wanted: Wanted) -> bool:
    return has_form(wanted.condition, wanted.given, wanted.spec)
