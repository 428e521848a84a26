"""Removes duplicate rows."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from simulacra.data.row_store import RowStore
from simulacra.data.sources.source import Part, Source

log = logging.getLogger("simulacra")

CHUNK = 256  # rows that are hashed together
FIRST = ("test", "valid", "train")  # a row of several parts stays in the first of these


def without_duplicates(source: Source) -> Source:
    """Drops duplicate rows: the first of equal rows stays, or the one in test or valid.

    Rows are equal where all entries, what is known of them, their lengths and their labels are.

    Raises:
        ValueError: if no training row is left.
    """
    seen: set[bytes] = set()
    parts, dropped = dict(source.parts), {}
    for name in (name for name in FIRST if name in parts):
        part = parts[name]
        kept = []
        for i, row in enumerate(_hashes(part)):
            if row not in seen:
                kept.append(i)
                seen.add(row)
        dropped[name] = len(part) - len(kept)
        parts[name] = part if not dropped[name] else part.take(torch.tensor(kept, dtype=torch.long))
    if not len(parts["train"]):
        raise ValueError(f"every training row of {source.name} stands in test or valid: keep duplicates.")
    told = f"{sum(dropped.values()):,} of {sum(map(len, source.parts.values())):,} rows dropped"
    each = ", ".join(f"{count:,} of {name}" for name, count in dropped.items() if count)
    told += f" ({each})" if len(parts) > 1 and each else ""
    return replace(source, parts=parts).noted("duplicates", told)


def _hashes(part: Part) -> Iterator[bytes]:
    """Yields a hash of each row with its label, mask and length."""
    for begin in range(0, len(part), CHUNK):
        index = range(begin, min(begin + CHUNK, len(part)))
        x = part.rows.read(index) if isinstance(part.rows, RowStore) else part.rows[begin : index.stop]
        beside = [t[begin : index.stop] for t in (part.labels, part.known, part.lengths) if t is not None]
        for row in zip(x, *beside):
            yield hashlib.blake2b(b"".join(map(_bytes, row)), digest_size=16).digest()


def _bytes(x: Tensor) -> bytes:
    # turns -0.0 into 0.0, which is equal to it
    x = x + 0 if x.is_floating_point() else x
    return x.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
