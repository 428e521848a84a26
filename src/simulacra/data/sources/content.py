"""Digests of rows that do not depend on the integer type in which the rows are stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Levels, Space


def hash_of_values(blocks: Iterable[Tensor], n: int, raw: Space) -> Any:
    """Returns the SHA-256 state over type, shape and values; small levels are hashed as bytes, else int32.

    Args:
        blocks: n raw rows, in order, in blocks of shape (B, *).
        n: number of all rows.
        raw: the space of a row.

    Example:
        >>> rows = torch.tensor([[3, 200]], dtype=torch.int32)
        >>> one, other = (hash_of_values([x], 1, Levels((2,), 2**16)) for x in (rows, rows.to(torch.uint8)))
        >>> one.digest() == other.digest()
        True
    """
    step = raw.of if isinstance(raw, Sequence) else raw
    kinds = (torch.uint8, torch.int32) if isinstance(step, Levels | Binary) else ()
    hashes: dict[torch.dtype, Any] = {kind: _begun(kind, n, raw) for kind in kinds}
    for block in blocks:
        if not kinds and not hashes:
            hashes[block.dtype] = _begun(block.dtype, n, raw)
        if torch.uint8 in hashes and kinds and block.numel() and int(block.max()) > 255:
            del hashes[torch.uint8]
        for kind, h in hashes.items():
            h.update(block.detach().cpu().to(kind).contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return next(iter(hashes.values())) if hashes else hashlib.sha256()


def _begun(kind: torch.dtype, n: int, raw: Space) -> Any:
    return hashlib.sha256(f"{kind}{(n, *raw.shape)}".encode())


def add_to_hash(h: Any, t: Tensor | None, blocks: Iterable[Tensor] | None = None) -> None:
    """Hashes type, shape and bytes of a tensor; None adds nothing.

    Args:
        h: the state.
        t: the tensor, or one of its type and shape if `blocks` is given.
        blocks: its rows in order, in blocks; None: those of t.
    """
    if t is None:
        return
    h.update(f"{t.dtype}{tuple(t.shape)}".encode())
    for block in (t,) if blocks is None else blocks:
        h.update(block.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
