"""Readers of the named collections of texts, from their publishers' files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from simulacra.core.spaces.tokenizers import Unit
from simulacra.data.catalog import names
from simulacra.data.sources.source import Source
from simulacra.data.splits.options import SplitOptions
from simulacra.data.text.columns import texts_of_column
from simulacra.data.text.options import CollectionOptions, TextOptions
from simulacra.data.text.reader import Lines, lines_of, read_lines, text_source

Files = dict[str, Path]


@dataclass(frozen=True)
class Collection:
    """A named collection of texts.

    Args:
        tokens: usual tokens.
        parts: file of each published part, or of all rows as `train`.
        read: reads the texts of a file.
        window: usual tokens of a window; None: a row is a line.
    """

    tokens: Unit
    parts: dict[str, str]
    read: Callable[[Path], Lines] = read_lines
    window: int | None = None


def _whole(path: Path) -> Lines:
    return read_lines(path, whole=True)


def _smiles(path: Path) -> Lines:
    return lines_of(texts_of_column(path, TextOptions("smiles", column="smiles")))


COLLECTIONS = {
    "shakespeare": Collection("characters", {"train": "input.txt"}, _whole, 64),
    "multi30k": Collection("words", {"train": "train.en", "valid": "val.en", "test": "test_2016_flickr.en"}),
    "expressions": Collection("spaces", {"train": "equation2_15_dataset.txt"}),
    "zinc": Collection(
        "smiles", {"train": "zinc250k_train_24k.csv", "test": "zinc250k_test_5k.csv"}, _smiles
    ),
}


def open_collection(name: str, own: CollectionOptions, split: SplitOptions) -> Source:
    """Reads the texts called `name`, with their published parts.

    Args:
        name: a name of the catalogue.
        own: options of collections; what they leave open is as usual for the collection.
        split: options of the splits.

    Raises:
        ValueError: if its files are missing or damaged.
    """
    found, files = COLLECTIONS[name], names.locate(names.find(name))
    parts = {part: found.read(files[file]) for part, file in found.parts.items()}
    where = str(next(iter(files.values())))
    tokens, window = own.tokens or found.tokens, own.window or found.window
    options = TextOptions(tokens, window, own.vocabulary, own.least)
    source = text_source(name, where, parts, options, split)
    return replace(source, resolved={"tokens": tokens, "window": window})
