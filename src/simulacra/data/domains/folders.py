"""Two folders of images or of recordings as two domains: rows are labelled by the name of their folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.data.audio.options import AudioOptions
from simulacra.data.audio.recordings import waves_of
from simulacra.data.domains.form import DOMAIN, Domain
from simulacra.data.images.folders import images_of
from simulacra.data.images.headers import read_heads
from simulacra.data.listing import Listing, list_folder
from simulacra.data.sources.reader import Reader
from simulacra.data.sources.source import Source


def open_domains(reader: Reader, wanted: Any, own: Any, form: Domain) -> Source:
    """Opens two folders as one source, with the folder of each row as its label.

    Args:
        reader: the reader of the data.
        wanted: what it opens, a folder.
        own: its options, which act on both folders.
        form: the other folder.

    Raises:
        ValueError: if one is no folder or is empty, or they hold different kinds or sizes.
    """
    assert isinstance(form.other, Path)
    if not form.other.is_dir():
        raise ValueError(
            f"condition names {str(form.other)!r} as the second domain, which is no folder, no corruption "
            "and no two classes: give a folder, or two names, as in 'domain:cat,dog'."
        )
    if not isinstance(wanted, Path) or not wanted.is_dir():
        way = load_with(condition=f"{DOMAIN}:edges")
        raise Refusal(
            f"condition={form.text!r} joins the files of two folders, but the data are {reader.kind}: give a "
            f"folder, or load the data with {way}.",
            way,
        )
    listing = joined(list_folder(wanted), list_folder(form.other))
    source = _reading(own)(listing)
    return replace(source, name=f"{listing.label_names[0]} and {listing.label_names[1]}")


def _reading(own: Any) -> Callable[[Listing], Source]:
    if isinstance(own, AudioOptions):
        return lambda listing: waves_of(listing, own)
    return lambda listing: images_of(listing, own, dict(zip(listing.paths, read_heads(listing.paths))))


def joined(a: Listing, b: Listing) -> Listing:
    """Returns the files of two folders, those of the first before those of the second in each part.

    Args:
        a: files of the first domain.
        b: files of the second.

    Raises:
        ValueError: if the folders are one, hold different kinds, or have other parts.
    """
    first, second = a.folder.resolve(), b.folder.resolve()
    if first == second or first.is_relative_to(second) or second.is_relative_to(first):
        raise ValueError(
            f"{a.folder} and {b.folder} share files, but two domains are two folders beside each other: give "
            "another folder."
        )
    if a.waves != b.waves:
        held = ["recordings" if listing.waves else "images" for listing in (a, b)]
        raise ValueError(
            f"{a.folder} holds {held[0]} and {b.folder} {held[1]}: give two folders of one kind."
        )
    if set(a.files) != set(b.files):
        raise ValueError(
            f"{a.folder} has the parts {', '.join(a.files)} and {b.folder} {', '.join(b.files)}: give both "
            "folders the same parts, or none."
        )
    common = Path(os.path.commonpath([first, second]))
    names = (first.name, second.name)
    if names[0] == names[1]:
        names = (first.relative_to(common).as_posix(), second.relative_to(common).as_posix())
    files = {part: tuple(path.resolve() for path in (*a.files[part], *b.files[part])) for part in a.files}
    labels = {part: torch.tensor([0] * len(a.files[part]) + [1] * len(b.files[part])) for part in a.files}
    left_out = {**a.left_out, **b.left_out}
    return Listing(common, dict.fromkeys(files, common), files, labels, names, left_out)
