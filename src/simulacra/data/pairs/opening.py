"""Opens data as pairs: finds what `condition=` names, and gives it to the reader of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from simulacra.core.corruption.corruption import numeric
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.preprocessing.images import Geometry
from simulacra.data.arrays.options import ArrayOptions
from simulacra.data.audio.options import AudioOptions
from simulacra.data.audio.recordings import open_waves
from simulacra.data.audio.wav import read_wav
from simulacra.data.captions.opening import open_captioned
from simulacra.data.domains.folders import open_domains
from simulacra.data.domains.form import Domain
from simulacra.data.images.folders import images_of
from simulacra.data.images.headers import read_heads
from simulacra.data.images.options import FolderOptions
from simulacra.data.listing import check_two_files, list_folder, list_path
from simulacra.data.pairs.folders import with_images, with_recordings
from simulacra.data.pairs.forms import (
    WORDS,
    Captions,
    Form,
    Half,
    Made,
    OtherFolder,
    Past,
    form_of,
    near_word,
)
from simulacra.data.pairs.halves import halved, halves_of
from simulacra.data.pairs.keys import groups_in, key_of, one_value_a_row, open_keys, unknown_key
from simulacra.data.sources.reader import Reader
from simulacra.data.sources.source import Source
from simulacra.data.splits.options import SplitOptions

COLUMNS = ("table", "texts", "music", "motion")  # rows whose conditions are columns or classes


@dataclass(frozen=True)
class Asked:
    """A condition as one reader understands it for its data.

    Args:
        text: the condition as it is recorded.
        form: halves, a folder, captions, frames before, a corruption; None: an array, a column or the label.
        key: name of the array of the conditions, without its part; empty: none.
        column: True if the array has one value a row, so that it is a column of labels.
    """

    text: str | None
    form: Form | None = None
    key: str = ""
    column: bool = False

    @property
    def opens(self) -> bool:
        """True if the reader has to read more than x."""
        folders = isinstance(self.form, Domain) and isinstance(self.form.other, Path)
        more = folders or isinstance(self.form, Half | OtherFolder | Captions)
        return more or bool(self.key and not self.column)


def asked_of(reader: Reader, wanted: Any, own: Any, condition: str | None) -> Asked:
    """Returns what a condition names.

    Args:
        reader: the reader of the data.
        wanted: what it opens.
        own: its options.
        condition: the option `condition` of `load_data`.

    Raises:
        ValueError: if it names nothing that these data have.
    """
    if condition is None or reader.holds in COLUMNS or reader.tables:
        return Asked(condition)
    groups = _groups(reader, wanted, own)
    if groups and not (condition == "label" and getattr(own, "label", None)):
        name = key_of(groups, condition)
        if name is not None:
            return Asked(condition, key=name, column=one_value_a_row(groups[name]))
    form = form_of(condition)
    if isinstance(form, Captions):
        form = form.within(wanted)
    if form is not None:
        return Asked(form.text, form)
    if condition != "label":
        raise (
            unknown_key(wanted, groups, condition, near_word(condition))
            if groups
            else _unknown(reader, wanted, condition)
        )
    return Asked(condition)


def derived_form(source: Source, condition: str | None) -> Past | Made | None:
    """Returns the form of conditions that are made of the rows that were read; None for any other.

    Args:
        source: the rows, with conditions if these were read.
        condition: the option `condition`, as it is recorded.
    """
    if source.condition is not None or source.beside or not numeric(source.space):
        return None
    form = form_of(condition)
    return form if isinstance(form, Past | Made) else None


def open_pairs(reader: Reader, wanted: Any, own: Any, split: SplitOptions, asked: Asked) -> Source:
    """Opens x and c together.

    Args:
        reader: the reader of the data.
        wanted: what it opens.
        own: its options.
        split: options of the splits.
        asked: what the condition names.

    Raises:
        ValueError: if the data have no such pairs.
    """
    if asked.key:
        return open_keys(wanted, own, split, asked.key)
    if isinstance(asked.form, Half):
        return _halves(reader, wanted, own, split, asked.form)
    if isinstance(asked.form, Captions):
        return open_captioned(reader, wanted, own, split, asked.form.path)
    if isinstance(asked.form, Domain):
        return open_domains(reader, wanted, own, asked.form)
    assert isinstance(asked.form, OtherFolder)
    return _folders(reader, wanted, own, split, asked.form)


def _halves(reader: Reader, wanted: Any, own: Any, split: SplitOptions, form: Half) -> Source:
    if isinstance(own, FolderOptions):
        listing = list_path(wanted)
        heads = dict(zip(listing.paths, read_heads(listing.paths)))
        source = halves_of(listing, own, heads, form)
        check_two_files(wanted, source.parts, split, "image")
        return replace(source, name=wanted.resolve().name if wanted.is_dir() else source.name)
    taken = asdict(own) if hasattr(own, "size") else {}
    plain = replace(own, size=None, crop=None, grey=False) if taken else own
    geometry = Geometry(taken.get("size"), taken.get("crop"))
    return halved(reader.open(wanted, plain, split), form, geometry, bool(taken.get("grey")))


def _folders(reader: Reader, wanted: Any, own: Any, split: SplitOptions, form: OtherFolder) -> Source:
    if not isinstance(wanted, Path) or not wanted.is_dir():
        raise _no_folder(reader, form)
    listing = list_folder(wanted)
    if isinstance(own, AudioOptions):
        source = open_waves(wanted, own, split)
        lengths = {path: len(read_wav(path)) for path in listing.paths}
        return with_recordings(source, listing, own, form, lengths)
    heads = dict(zip(listing.paths, read_heads(listing.paths)))
    source = images_of(listing, own, heads)
    check_two_files(wanted, source.parts, split, "image")
    return replace(with_images(source, listing, own, heads, form), name=wanted.resolve().name)


def _groups(reader: Reader, wanted: Any, own: Any) -> Mapping[str, Any]:
    """Returns the arrays of an array file; {} for other data."""
    if not isinstance(own, ArrayOptions) or not isinstance(wanted, Path):
        return {}
    return groups_in(wanted, own)


def _no_folder(reader: Reader, form: OtherFolder) -> Refusal:
    one = load_with(condition="noise")
    return Refusal(
        f"condition={form.text!r} pairs the files of two folders, but the data are {reader.kind}: give a "
        f"folder, or load the data with {one}.",
        one,
    )


def _unknown(reader: Reader, wanted: Any, condition: str) -> ValueError:
    """Returns the error for a condition that is no form."""
    if not condition.strip():
        return ValueError(
            f"condition is {condition!r}: leave it out for x alone, or take one of {', '.join(WORDS)}."
        )
    what = (
        wanted if isinstance(wanted, str) else wanted.name if isinstance(wanted, Path) else "what was given"
    )
    near = near_word(condition)
    one = load_with(condition=near or "noise")
    known = "" if near else f" (possible are {', '.join(WORDS)})"
    return Refusal(
        f"condition is {condition!r}, which would be a column of a table, but {what} is {reader.kind}: load "
        f"the data with {one}{known}, or give conditions of any kind to from_tensors.",
        one,
    )
