"""Cuts a source into train, validation and test rows: at random, by group, stratum or time, or as assigned.

Every row is in exactly one split, published splits are kept, and the same seed gives the same splits.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.random.keyed import Rng, some_of
from simulacra.core.spaces.audio import Audio
from simulacra.data.row_store import RowStore
from simulacra.data.sources.source import Part, Source
from simulacra.data.splits.assigned import by_words
from simulacra.data.splits.grouping import by_group, by_stratum
from simulacra.data.splits.keys import check_present, side_of
from simulacra.data.splits.options import FirstRows, SplitOptions
from simulacra.data.splits.times import by_time

log = logging.getLogger("simulacra")


def cut(source: Source, options: SplitOptions) -> Source:
    """Returns the source with validation and test parts, taken from `train` where they are missing.

    Args:
        source: the source with its official parts.
        options: shares, keys and limits; pages, tiles and windows of one file always stay together.

    Raises:
        ValueError: if no training row is left, or an option names nothing in the source.
    """
    if options.limit is not None and options.limit < 1:
        raise ValueError(f"limit={options.limit} must be 1 or more.")
    groups, stratify, time, splits = options.groups, options.stratify, options.time, options.splits
    _check_together(groups, stratify, time, splits)
    source = replace(source, parts={k: replace(part, official=k) for k, part in source.parts.items()})
    groups = groups or (None if time else _files_of_many_rows(source))
    if splits is not None:
        pieces = by_words(source, splits)
    else:
        wish = _wanted_rows(source, options.validation, options.test)
        pieces = _pieces(source, wish, options.seed, groups, stratify, time)
    parts = dict(source.parts)
    # avoids a copy if the part stays whole
    if len(pieces) > 1:
        parts |= {k: source.parts["train"].take(rows.sort().values) for k, rows in pieces.items()}
    if groups is not None and len(parts) > 1:
        _warn_of_straddling(source, parts, groups)
    ordered = {k: parts[k] for k in ("train", "valid", "test") if k in parts}
    return replace(source, parts={k: limited(k, part, options) for k, part in ordered.items()})


def _check_together(groups: str | None, stratify: str | None, time: str | None, splits: str | None) -> None:
    given = {"groups": groups, "stratify": stratify, "time": time, "splits": splits}
    named = [f"{name}=" for name, value in given.items() if value is not None]
    if len(named) > 1 and (time is not None or (splits is not None and stratify is not None)):
        raise ValueError(
            f"{' and '.join(named)} exclude each other: rows are split by one of them, and only groups= goes "
            "with stratify= or splits=."
        )


def _files_of_many_rows(source: Source) -> str | None:
    """Returns `file` if a file holds several rows (pages, tiles, windows), which must stay together."""
    parts = source.parts.values()
    of_files = isinstance(source.space, Audio) or any(isinstance(p.rows, RowStore) for p in parts)
    many = of_files and any(len(set(p.sides["file"].tolist())) < len(p) for p in parts)
    return "file" if many else None


def _wanted_rows(source: Source, validation: float, test: float) -> dict[str, int]:
    """Returns the number of rows of `train` that each split should get, without empty splits."""
    rows = len(source.parts["train"])
    n_valid = 0 if "valid" in source.parts else _rows_of(validation, rows, "validation")
    n_test = 0 if "test" in source.parts else _rows_of(test, rows, "test")
    if n_valid + n_test >= rows:
        raise ValueError(
            f"validation={validation:g} and test={test:g} leave none of the {rows} rows of "
            f"{source.name} to train on: choose smaller shares."
        )
    wish = {"train": rows - n_valid - n_test, "valid": n_valid, "test": n_test}
    return {split: count for split, count in wish.items() if count}


def _rows_of(share: float, rows: int, option: str) -> int:
    if not 0 <= share < rows:
        raise ValueError(f"{option}={share:g} must be a share from 0 to 1, or fewer rows than {rows}.")
    return round(rows * share) if share < 1 else int(share)


def _pieces(
    source: Source,
    wish: Mapping[str, int],
    seed: int,
    groups: str | None,
    stratify: str | None,
    time: str | None,
) -> dict[str, Tensor]:
    """Returns the rows of `train` that each split gets."""
    train, rng = source.parts["train"], Rng(seed, "split")
    if time is not None:
        return by_time(side_of(source, train, "time", time), wish, time, train.source_rows.numbers)
    strata = np.zeros(len(train), np.int64)
    if stratify is not None:
        strata = _strata(side_of(source, train, "stratify", stratify), stratify)
    if groups is not None:
        values = side_of(source, train, "groups", groups)
        return by_group(_groups(values, groups, wish, train.source_rows.numbers), strata, wish, rng)
    if stratify is not None:
        return by_stratum(strata, wish, rng)
    order, pieces, begin = rng.permutation("rows", len(train)), {}, 0
    for split in [name for name in wish if name != "train"]:
        pieces[split] = order[begin : begin + wish[split]]
        begin += wish[split]
    return {"train": order[begin:]} | pieces


def _strata(values: np.ndarray, name: str) -> np.ndarray:
    """Returns the number of each row's stratum."""
    names, numbers = np.unique(values, return_inverse=True)
    if 2 * len(names) > len(values):
        raise ValueError(
            f"stratify={name!r} has {len(names):,} different values in {len(values):,} rows, which no split "
            "can share: choose a column of classes."
        )
    return numbers.reshape(-1)


def _groups(values: np.ndarray, name: str, wish: Mapping[str, int], rows: Tensor) -> np.ndarray:
    """Returns the number of each row's group; warns if a group is larger than the training share."""
    check_present(values, "groups", name, rows)
    names, numbers, sizes = np.unique(values, return_inverse=True, return_counts=True)
    if len(names) < len(wish):
        ways = load_with(validation=0), load_with(test=0)
        raise Refusal(
            f"groups={name!r} makes {len(names)} group{'s' * (len(names) > 1)} of {len(values)} rows, too "
            f"few for {' and '.join(wish)}: choose another grouping, or {ways[0]} or {ways[1]}.",
            *ways,
        )
    largest = int(sizes.argmax())
    if sizes[largest] > wish["train"]:
        log.warning(
            "groups=%r: group %s holds %s of %s rows, more than the training share",
            name, names[largest], f"{sizes[largest]:,}", f"{len(values):,}",
        )  # fmt: skip
    return numbers.reshape(-1)


def _warn_of_straddling(source: Source, parts: Mapping[str, Part], groups: str) -> None:
    """Warns of a group with rows in two splits, which published splits may have."""
    held = {k: set(side_of(source, part, "groups", groups).tolist()) for k, part in parts.items()}
    for (a, first), (b, second) in combinations(held.items(), 2):
        shared = sorted(first & second, key=str)
        if shared:
            log.warning(
                "%s: group %s stands in %s and in %s%s",
                source.name, shared[0], a, b, f", and so do {len(shared) - 1:,} more" if shared[1:] else "",
            )  # fmt: skip


def limited(name: str, part: Part, options: SplitOptions) -> Part:
    """Returns at most `limit` rows of a part at random, in their order, since a file may be sorted."""
    limit = options.limit
    if limit is None or limit >= len(part):
        return part
    if isinstance(limit, FirstRows):
        return part.take(torch.arange(limit))
    return part.take(some_of(len(part), limit, Rng(options.seed, "limit", name)))
