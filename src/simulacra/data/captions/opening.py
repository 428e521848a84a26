"""Opens pictures with captions as pairs (x, c), c the tokens of a caption; a row for each caption.

The vocabulary is that of the captions of training rows. All captions of a picture stay in one split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.spaces.tokenizers import Unit, split
from simulacra.data.captions.shapes import CAPTIONED, captioned_shapes
from simulacra.data.captions.table import captions_of
from simulacra.data.images.files import ImageFiles
from simulacra.data.images.folders import images_of
from simulacra.data.images.headers import read_heads
from simulacra.data.images.options import FolderOptions
from simulacra.data.listing import check_two_files, list_folder
from simulacra.data.sources.reader import Reader
from simulacra.data.sources.source import Source
from simulacra.data.splits.options import SplitOptions
from simulacra.data.text.vocabulary import Numbered, numbered, padded

UNIT: Unit = "words"


def open_captioned(
    reader: Reader, wanted: Any, own: Any, options: SplitOptions, table: Path | None
) -> Source:
    """Opens pictures with the captions of a table, or a toy with its own.

    Args:
        reader: the reader of the pictures.
        wanted: the folder, or the name of the toy.
        own: options of the reader.
        options: options of the splits.
        table: the table; None: the data have captions of their own.

    Raises:
        ValueError: if the data are no folder of pictures, or have no captions.
    """
    if table is None:
        if not isinstance(wanted, str) or wanted not in CAPTIONED:
            raise _no_table(wanted, reader)
        drawn = captioned_shapes(wanted, options.seed)
        return with_captions(drawn.source, {"train": drawn.texts}, "its captions")
    if not isinstance(wanted, Path) or not wanted.is_dir() or not isinstance(own, FolderOptions):
        raise _no_pictures(reader)
    listing = list_folder(wanted)
    found = captions_of(table, listing)
    source = images_of(listing, own, dict(zip(listing.paths, read_heads(listing.paths))))
    rows, texts = {}, {}
    for name, part in source.parts.items():
        assert isinstance(part.rows, ImageFiles)
        each = [found.texts[path] for path in part.rows.origins()]
        index = torch.repeat_interleave(torch.tensor([len(captions) for captions in each]))
        # a row is a pair, which is counted anew
        rows[name] = replace(part.take(index), numbers=None, total=None)
        texts[name] = [text for captions in each for text in captions]
    source = replace(source, parts=rows, name=wanted.resolve().name)
    check_two_files(wanted, source.parts, options, "image")
    many = f", up to {found.most} a picture" if found.most > 1 else ""
    return with_captions(source, texts, f"the captions of {table.name}{many}")


def with_captions(source: Source, texts: Mapping[str, Sequence[str]], how: str) -> Source:
    """Returns pictures as pairs with their captions, in words.

    Args:
        source: the pictures.
        texts: the caption of each row of each part.
        how: where they are from, for the protocol.
    """
    cut = {name: [split(text, UNIT) for text in each] for name, each in texts.items()}
    rows, names = numbered([tokens for each in cut.values() for tokens in each])
    steps, tokens = max(map(len, rows)), Numbered(UNIT, names, least=1)
    c, first = {}, 0
    for name, each in cut.items():
        c[name] = padded(rows[first : first + len(each)], steps)
        first += len(each)
    found = source.given(tokens.space(steps), c, how)
    return replace(found, settle=partial(settled, tokens=tokens))


def settled(source: Source, tokens: Numbered) -> Source:
    """Returns the source with captions in the classes of the vocabulary of its training rows.

    Args:
        source: the source after its splits were cut.
        tokens: the numbers of the tokens.
    """
    assert source.condition is not None
    texts = replace(
        source,
        parts={name: replace(part, rows=_captions(part.c)) for name, part in source.parts.items()},
        space=source.condition,
    )
    found = tokens.settled(texts)
    parts = {name: replace(part, c=found.parts[name].rows) for name, part in source.parts.items()}
    return replace(source, parts=parts, condition=found.space, notes=found.notes)


def _captions(c: Any) -> Tensor:
    assert isinstance(c, Tensor)
    return c


def _no_table(wanted: Any, reader: Reader) -> Refusal:
    one = load_with(condition="captions:captions.csv")
    if isinstance(wanted, Path) and wanted.is_dir():
        inside = [path.name for path in sorted(wanted.glob("*.csv"))]
        beside = [*inside, *sorted(wanted.resolve().parent.glob("*.csv"))]
        one = load_with(condition=f"captions:{beside[0]}") if beside else one
    what = (
        wanted.name if isinstance(wanted, Path) else wanted if isinstance(wanted, str) else "what was given"
    )
    return Refusal(
        f"condition='captions' stands for captions that the data hold themselves, as captioned-shapes does, "
        f"but {what} is {reader.kind}: load a folder of pictures with {one}, a table of the columns file and "
        "caption.",
        one,
    )


def _no_pictures(reader: Reader) -> ValueError:
    return ValueError(
        f"captions belong to the pictures of a folder, but the data are {reader.kind}: give a folder of "
        "pictures."
    )
