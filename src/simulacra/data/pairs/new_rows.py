"""Conditions of new rows for a model of p(x|c): read or made as those of the run, or as the user says.

The run's own form of `condition=` stands for new files, too; `--condition FORM` names another one, such as
`folder:PATH` with the partners of the new files. A row without a condition has no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Refusal
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Space
from simulacra.data.arrays.options import ArrayOptions
from simulacra.data.audio.options import AudioOptions
from simulacra.data.audio.wav import read_wav
from simulacra.data.images.headers import read_heads
from simulacra.data.images.options import FolderOptions
from simulacra.data.listing import list_folder
from simulacra.data.pairs.folders import with_images, with_recordings
from simulacra.data.pairs.forms import Form, Half, Made, OtherFolder, Past, form_of
from simulacra.data.pairs.keys import groups_in, key_of, open_keys
from simulacra.data.pairs.made import made_of
from simulacra.data.pairs.past import stacked, windows_of
from simulacra.data.row_store import RowStore
from simulacra.data.sources.source import Part, Source
from simulacra.data.splits.options import SplitOptions

WHOLE = SplitOptions(validation=0, test=0)


@dataclass(frozen=True)
class NewPairs:
    """The conditions of new rows.

    Args:
        space: raw space of the model's condition.
        form: halves, another folder, frames before, or a corruption; None: an array of the file.
        key: name of that array without its part.
        seed: seed of what a corruption makes.
        before: places of the frames before each row, by part, for frames before.
    """

    space: Space
    form: Form | None = None
    key: str = ""
    seed: int = 0
    before: Mapping[str, Mapping[int, list[int]]] = field(default_factory=dict)

    def lacking(self, name: str, i: int) -> str:
        """Returns the reason why a row has no condition; empty if it has one.

        Args:
            name: name of its part.
            i: its place.
        """
        if not isinstance(self.form, Past) or i in self.before[name]:
            return ""
        return f"it has fewer than the {self.form.frames} frames before it that its condition takes"

    def conditions(self, name: str, part: Part, places: Sequence[int], x: Tensor, raw: Space) -> Tensor:
        """Returns the conditions of rows, shape (B, *).

        Args:
            name: name of their part.
            part: the part.
            places: places of the rows in it.
            x: the rows, shape (B, *).
            raw: their space.
        """
        if isinstance(self.form, Made):
            return made_of(x, self.form, raw, self.seed)
        if isinstance(self.form, Past):
            before = torch.tensor([self.before[name][i] for i in places]).reshape(-1, self.form.frames)
            return stacked(part.rows, before)
        assert part.c is not None
        index = torch.tensor([*places], dtype=torch.long)
        return part.c.read(index.tolist()) if isinstance(part.c, RowStore) else part.c[index]


def new_pairs(
    path: Path, own: Any, condition: Space | None, given: str | None, spec: Mapping[str, Any]
) -> NewPairs | None:
    """Returns how the conditions of new rows are found; None where they are labels or values.

    Args:
        path: the file or folder of new rows.
        own: options of its reader.
        condition: raw space of the model's condition, or None.
        given: condition as the user gave it, or None.
        spec: options of `load_data` that the run recorded.

    Raises:
        ValueError: as `form_of`.
    """
    if condition is None or isinstance(condition, (Categorical, Table)):
        return None
    text = given if given is not None else spec.get("condition")
    if not isinstance(text, str):
        return None
    seed = int(spec.get("seed") or 0)
    if isinstance(own, ArrayOptions) and path.is_file() and (name := key_of(groups_in(path, own), text)):
        return NewPairs(condition, key=name)
    form = form_of(text)
    return None if form is None else NewPairs(condition, form, seed=seed)


def has_form(condition: Space | None, given: str | None, spec: Mapping[str, Any]) -> bool:
    """Returns True if conditions of new rows are halves, other files, frames before, or made of them.

    Args:
        condition: raw space of the model's condition, or None.
        given: condition as the user gave it, or None.
        spec: options of `load_data` that the run recorded.
    """
    if condition is None or isinstance(condition, (Categorical, Table)):
        return False
    text = given if given is not None else spec.get("condition")
    return isinstance(text, str) and form_of(text) is not None


def paired(
    path: Path, source: Source, own: Any, pairs: NewPairs, refused: Mapping[str, str]
) -> tuple[Source, NewPairs]:
    """Returns new rows with their conditions, which may be made as rows are read.

    Args:
        path: the file or folder.
        source: the rows x; those of halves have conditions already.
        own: options with which they were read.
        pairs: how the conditions are found.
        refused: reasons of files that cannot be used, by name.

    Raises:
        ValueError: if there are no such conditions, or they are not those of the model.
    """
    form = pairs.form
    if isinstance(form, OtherFolder):
        source = _with_folder(path, source, own, form, refused)
    if isinstance(form, Past):
        before = {name: windows_of(part, form.frames) for name, part in source.parts.items()}
        pairs = NewPairs(pairs.space, form, before=before)
    if source.condition is not None:
        check_same(path, source.condition, pairs.space)
    elif isinstance(form, Half):
        raise ValueError(f"{path} holds no pictures with two halves: give a folder of them.")
    return source, pairs


def opened_keys(path: Path, own: ArrayOptions, pairs: NewPairs) -> Source:
    """Opens an array file with rows and conditions.

    Args:
        path: the file.
        own: options of array files.
        pairs: the name of the array of conditions.

    Raises:
        ValueError: as `open_keys`.
    """
    return open_keys(path, own, WHOLE, pairs.key)


def check_same(path: Path, found: Space, wanted: Space) -> None:
    """Raises ValueError if conditions are not of the space that a model takes.

    Args:
        path: the file or folder, for the error.
        found: their space.
        wanted: raw space of the model's condition.
    """
    if found != wanted:
        raise ValueError(
            f"{path} gives conditions of {found}, but the model takes {wanted}: convert them to that size "
            "and depth."
        )


def _with_folder(
    path: Path, source: Source, own: Any, form: OtherFolder, refused: Mapping[str, str]
) -> Source:
    """Returns new files with those of the same names in another folder."""
    if not path.is_dir():
        raise ValueError(f"{path} is one file, and its condition lies in a folder: give folders of both.")
    listing = list_folder(path)
    left_out = [listing.folder / name for name in refused]
    try:
        if isinstance(own, AudioOptions):
            lengths = {file: len(read_wav(file)) for file in listing.paths if file not in left_out}
            return with_recordings(source, listing, own, form, lengths, left_out)
        assert isinstance(own, FolderOptions)
        usable = [file for file in listing.paths if file not in left_out]
        return with_images(source, listing, own, dict(zip(usable, read_heads(usable))), form)
    except Refusal as error:
        # what it suggests are options of load_data
        reason = str(error).split(": load")[0]
        raise ValueError(
            f"{reason}: name the folder of their conditions by --condition folder:PATH."
        ) from error
