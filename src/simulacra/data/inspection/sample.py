"""Few rows in place of many, so that describing data takes seconds: which ones, and how that is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from simulacra.data.dataset import Dataset, Split
from simulacra.data.images.headers import Head
from simulacra.data.sources.stream import StreamedSplit

PIXELS = 2**24  # of pages that are decoded
ENTRIES = 2**22  # of rows in memory that are looked at
LEAST = 2  # rows of a split that are looked at anyway


def sampled(data: Dataset, heads: Sequence[Head]) -> tuple[Dataset, str]:
    """The data set with few rows in memory, and how few: nothing where all rows are there.

    Args:
        data: with splits in memory or on disk.
        heads: of the pages of a folder of images: rows are decoded with their whole page.
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
    """Such as `24 of 2,000 rows`."""
    return f"{sum(counts.values()):,} of {sum(map(len, data.splits.values())):,} rows"


def _share(data: Dataset, heads: Sequence[Head]) -> float:
    """The share of the rows that is looked at."""
    rows = sum(map(len, data.splits.values()))
    if heads:
        pixels = sum(head.width * head.height for head in heads) * max(1, rows // len(heads)) ** 0.5
        return PIXELS / max(1, pixels)
    return ENTRIES / max(1, rows * data.preprocessing.raw.dims)


def _in_memory(split: Split) -> Split:
    if not isinstance(split, StreamedSplit):
        return split
    x = split.files.read_all()
    return Split(x, split.preprocessing, split.c, split.labels, source_rows=split.source_rows)
