"""Samples a few rows of large data, so that describing them takes seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from simulacra.data.dataset import Dataset, Split
from simulacra.data.images.headers import Head
from simulacra.data.row_store import RowStore
from simulacra.data.sources.stream import StreamedSplit

PIXELS = 2**24  # most pixels of pages that are decoded
ENTRIES = 2**22  # most entries of rows that are examined
LEAST = 2  # fewest rows of a split that are examined


def sampled(data: Dataset, heads: Sequence[Head]) -> tuple[Dataset, str]:
    """Returns the data set with a few rows in memory, and a description of the sample.

    Args:
        data: a data set with splits in memory or on disk.
        heads: the pages of a folder of images; a row is decoded with its whole page.

    Returns:
        The data set, and a description of the sample, empty if it holds all rows.
    """
    share = min(1.0, _share(data, heads))
    if share == 1.0:
        return replace(data, splits={name: _in_memory(split) for name, split in data.splits.items()}), ""
    splits: dict[str, Split] = {}
    for name, split in data.splits.items():
        n = min(len(split), max(LEAST, round(share * len(split))))
        index = torch.tensor(sorted({i * len(split) // n for i in range(n)}))
        splits[name] = _in_memory(split.select(index))
    return replace(data, splits=splits), said({k: len(s) for k, s in splits.items()}, data)


def said(counts: Mapping[str, int], data: Dataset) -> str:
    """Describes a sample, such as `24 of 2,000 rows`.

    Args:
        counts: number of sampled rows of each split.
        data: the whole data set.
    """
    return f"{sum(counts.values()):,} of {sum(map(len, data.splits.values())):,} rows"


def _share(data: Dataset, heads: Sequence[Head]) -> float:
    """Returns the share of the rows that is examined."""
    rows = sum(map(len, data.splits.values()))
    if heads:
        pixels = sum(head.width * head.height for head in heads) * max(1, rows // len(heads)) ** 0.5
        return PIXELS / max(1, pixels)
    return ENTRIES / max(1, rows * data.preprocessing.raw.dims)


def _in_memory(split: Split) -> Split:
    if not isinstance(split, StreamedSplit):
        return split
    x = split.files.read_all()
    return Split(
        x,
        split.preprocessing,
        split.c.read_all() if isinstance(split.c, RowStore) else split.c,
        split.labels,
        source_rows=split.source_rows,
        conditioning=split.conditioning,
    )
