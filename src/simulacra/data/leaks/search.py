"""Finds duplicates and near-duplicates across splits, which make scores on test rows too good."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.composite import Sequence
from simulacra.data.dataset import Dataset, Split
from simulacra.data.leaks.nearness import (
    Columns,
    Near,
    Pictures,
    copies_by_chance,
    has_distances,
    is_pictured,
    thumbnails,
)
from simulacra.data.sources.stream import StreamedSplit

log = logging.getLogger("simulacra")

CHUNK, BYTES = 1000, 2**26  # most rows, and most bytes, that are compared together
NAMED = 3  # pairs that a warning lists
MOST_ROWS, MOST_BYTES = 200_000, 2**30  # larger data are not searched at loading


@dataclass(frozen=True)
class Pair:
    """A row of one split and its duplicate in another.

    Args:
        splits: the names of the two splits.
        rows: number of the row in each of them, from 0.
        names: what the source calls the two rows: files, or row numbers.
        distance: 0 for exact copies; otherwise see `data.leaks.nearness` for its units.
    """

    splits: tuple[str, str]
    rows: tuple[int, int]
    names: tuple[str, str]
    distance: float

    def __str__(self) -> str:
        (a, b), (first, second) = self.splits, self.names
        return f"{second} ({b}) and {first} ({a})"


@dataclass(frozen=True)
class Leaks:
    """The duplicates across the splits of a data set.

    Args:
        pairs: exact copies first, then by distance; a row of the later split is in at most one pair with each
            earlier split.
        by_chance: True if as many exact copies are expected of unrelated rows, as in tables of a few classes;
            they are then no evidence of a leak.
    """

    pairs: tuple[Pair, ...]
    by_chance: bool = False

    @property
    def exact(self) -> tuple[Pair, ...]:
        """The pairs that are exact copies."""
        return tuple(pair for pair in self.pairs if pair.distance == 0)

    def __str__(self) -> str:
        if not self.pairs:
            return "no duplicates or near-duplicates across splits"
        many = "pair" if len(self.pairs) == 1 else "pairs"
        said = (
            f"{len(self.pairs):,} {many} across splits ({len(self.exact):,} exact), such as {self.pairs[0]}"
        )
        return said + (", as chance makes them in rows of so few values" if self.by_chance else "")


def find_leaks(data: Dataset, near: bool = True) -> Leaks:
    """Finds duplicates and near-duplicates across splits.

    Exact copies are found in any data. Near-duplicates are images that differ in brightness or contrast or
    were compressed again, and table rows whose entries differ in the last digits (`data.leaks.nearness`).
    Images and waves of a single value are left out.

    Args:
        data: the data set, whose raw rows are compared; 70,000 images of 28x28 take one to four seconds.
        near: if False, only exact copies are found.

    Example:
        >>> from simulacra.data import load_data
        >>> print(find_leaks(load_data("digits")))
        no duplicates or near-duplicates across splits
    """
    space, names = data.preprocessing.raw, list(data.splits)
    pictured = near and is_pictured(space)
    seen = {name: _look(split, pictured) for name, split in data.splits.items()}
    hashes = {name: found for name, (found, _) in seen.items()}
    exact = {(a, b): _equal(hashes[a], hashes[b]) for a, b in combinations(names, 2)}
    close: dict[tuple[str, str], Near] = {}
    by_chance = False
    if pictured:
        pictures = Pictures(seen["train"][1])
        close = {(a, b): pictures.near(seen[a][1], seen[b][1]) for a, b in exact}
    elif not any(isinstance(split, StreamedSplit) for split in data.splits.values()):
        x = {name: split.x.cpu() for name, split in data.splits.items()}
        told = any(len(first) for first, _ in exact.values()) and not isinstance(space, Sequence)
        by_chance = told and copies_by_chance(space, x)
        if near and has_distances(space):
            columns = Columns(space, x)
            close = {(a, b): columns.near(a, b) for a, b in exact}
    pairs = [pair for key in exact for pair in _pairs(data, key, exact[key], close.get(key))]
    return Leaks(tuple(sorted(pairs, key=lambda pair: pair.distance)), by_chance)


def warn_of_copies(data: Dataset) -> None:
    """Logs a warning if there are exact duplicates across splits, unless the search would take long."""
    kept = [split for split in data.splits.values() if not isinstance(split, StreamedSplit)]
    small = sum(split.x.nbytes for split in kept) <= MOST_BYTES and sum(map(len, kept)) <= MOST_ROWS
    if len(kept) < max(2, len(data.splits)) or not small or data.truth is not None:
        return
    hashes = {name: _look(split, False)[0] for name, split in data.splits.items()}
    exact = {(a, b): _equal(hashes[a], hashes[b]) for a, b in combinations(hashes, 2)}
    pairs = [pair for key, found in exact.items() for pair in _pairs(data, key, found, None)]
    raw = data.preprocessing.raw
    # sequences and images are too rich for duplicates by chance
    rich = is_pictured(raw) or isinstance(raw, Sequence)
    if not pairs or (
        not rich and copies_by_chance(raw, {k: split.x.cpu() for k, split in data.splits.items()})
    ):
        return
    log.warning(
        "%s: %s stand%s in two splits, such as %s: drop copies with duplicates='drop' "
        "(--data.duplicates drop), or keep them in one split with groups=",
        data.name,
        f"{len(pairs):,} row{'s' * (len(pairs) > 1)}",
        "s" * (len(pairs) == 1),
        "; ".join(map(str, pairs[:NAMED])),
    )


def copies_within(split: Split) -> int:
    """Returns the number of rows of a split that equal an earlier row of it."""
    hashes = _look(split, False)[0]
    told = hashes[hashes != 0]
    return len(told) - len(np.unique(told))


def _chunks(split: Split) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yields raw rows and their masks, a few at a time."""
    row = split.preprocessing.raw.dims * 8
    chunk = max(1, min(CHUNK, BYTES // max(1, row)))
    for begin in range(0, len(split), chunk):
        rows = split.rows(torch.arange(begin, min(begin + chunk, len(split))))
        yield rows.x.cpu(), None if rows.known is None else rows.known.cpu()


def _look(split: Split, pictured: bool) -> tuple[np.ndarray, Tensor]:
    """Returns a hash of each row, 0 for images and waves of a single value, and thumbnails if `pictured`."""
    hashes: list[int] = []
    small = []
    for x, known in _chunks(split):
        content = x.flatten(1).numpy()
        # 64 keyed bits: a collision in a million rows occurs once in 10^7 data sets
        found = [hash(row.tobytes()) for row in content]
        if known is not None:
            found = [hash((h, row.tobytes())) for h, row in zip(found, known.flatten(1).numpy())]
        if split.preprocessing.raw.image or isinstance(split.preprocessing.raw, Audio):
            blank = (content.min(1) == content.max(1)).tolist()
            found = [0 if is_blank else h for h, is_blank in zip(found, blank)]
        hashes += found
        small += [thumbnails(x)] if pictured else []
    return np.array(hashes, np.int64), torch.cat(small) if small else torch.empty(0)


def _equal(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the first equal row of `a` for each row of `b` that has one."""
    values, first = np.unique(a, return_index=True)
    at = np.searchsorted(values, b).clip(max=len(values) - 1)
    second = np.flatnonzero((values[at] == b) & (b != 0))
    return first[at[second]], second


def _pairs(
    data: Dataset, names: tuple[str, str], exact: tuple[np.ndarray, np.ndarray], near: Near | None
) -> Iterator[Pair]:
    """Yields the pairs of two splits; a row with an exact copy has no near one."""
    for i, j in zip(*(rows.tolist() for rows in exact)):
        yield _pair(data, names, i, j, 0.0)
    copied = set(exact[1].tolist())
    for i, j, distance in zip(*(values.tolist() for values in near)) if near is not None else ():
        if j not in copied:
            # the distance of a near-duplicate may round to 0, which is kept for exact copies
            yield _pair(data, names, i, j, max(distance, np.finfo(np.float32).tiny))


def _pair(data: Dataset, names: tuple[str, str], i: int, j: int, distance: float) -> Pair:
    called = [
        f"row {row}" if (known := data[name].source_rows) is None else known.name(row)
        for name, row in zip(names, (i, j))
    ]
    return Pair(names, (i, j), (called[0], called[1]), float(distance))
