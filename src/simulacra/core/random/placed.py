"""Noise of the tiles of one observation: neighbors have the same noise where they overlap.

Tiles begin at the entries s of the observation and have the sides T. Noise with sides S, such as that of an
image, of a map of features or of a whole wave, is a window of one field without end. The window of a tile
begins at

    o = floor(s S / T)                                               (1)

so that an entry has the same noise in every tile that holds it. The field consists of blocks of the sides S;
block b is keyed by the observation's content and by b, and block 0 is the noise of an observation that is one
tile. Noise without sides, such as a latent code, is the same in all tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor

from simulacra.core.random.contents import Contents, Stream, contents_of


class Placed(Contents):
    """The contents of tiles of one observation, with their places.

    Args:
        digest: digest of the whole observation.
        starts: first entry of each tile along each side, shape (B, d).
        tile: the d sides T of a tile.
        maps: shapes of noise that belongs to places, in any arrangement of the same entries: those of an
            observation and of its answer.

    Example:
        >>> from simulacra.core.random.keyed import Rng
        >>> tiles = Placed(np.uint64(7), np.array([[0], [2]]), (4,), [(4,)])
        >>> a, b = Rng(0, rows=tiles).normal("e", 4)
        >>> bool((a[2:] == b[:2]).all())
        True
    """

    def __init__(
        self, digest: np.uint64, starts: np.ndarray, tile: Sequence[int], maps: Sequence[Sequence[int]] = ()
    ):
        super().__init__(len(starts), lambda rows: np.full(len(starts[rows]), digest, np.uint64))
        self.digest, self.starts, self.tile, self.maps = digest, starts, tuple(tile), maps

    def __getitem__(self, rows: slice) -> Placed:
        return Placed(self.digest, self.starts[rows], self.tile, self.maps)

    def numbers(self, stream: Stream, key: int, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Returns numbers of shape (B, width): windows of one field, or the same for all tiles."""
        placed = self._as_map(shape)
        if placed is None:
            one = stream(self[:1].streams(key), math.prod(shape), dtype)
            return one.expand(len(self), -1).clone()
        lead, sides = placed
        # (1)
        first = self.starts * np.array(sides) // np.array(self.tile)
        cut = _windows(first, sides, lambda blocks: self._blocks(blocks, stream, key, lead, sides, dtype))
        return cut.reshape(len(self), -1)

    def _as_map(self, shape: Sequence[int]) -> tuple[int, tuple[int, ...]] | None:
        """Returns channels and sides of noise that belongs to places; None for other noise."""
        d, width = len(self.tile), math.prod(shape)
        known = next((m for m in self.maps if math.prod(m) == width), None)
        if known is None and len(shape) > d:
            known = shape
        if known is None:
            known = next((m[-d:] for m in self.maps if tuple(m[-d:]) == tuple(shape)), None)
        if known is None or min(known[-d:]) == 1 < max(self.tile):
            # maps of one entry have no places
            return None
        return math.prod(known[:-d]), tuple(known[-d:])

    def _blocks(
        self,
        blocks: np.ndarray,
        stream: Stream,
        key: int,
        lead: int,
        sides: tuple[int, ...],
        dtype: torch.dtype,
    ) -> Tensor:
        """Returns blocks of the field by their numbers, shape (blocks, lead, *sides)."""
        found = contents_of(torch.from_numpy(blocks)).after(Contents.having(np.array([self.digest])))
        digests = np.where((blocks == 0).all(1), self.digest, found.digests)
        numbers = stream(Contents.having(digests).streams(key), lead * math.prod(sides), dtype)
        return numbers.reshape(len(blocks), lead, *sides)


def _windows(first: np.ndarray, sides: tuple[int, ...], field: Callable[[np.ndarray], Tensor]) -> Tensor:
    """Returns windows of a field, shape (B, lead, *sides).

    Args:
        first: first entry of each window along each side, shape (B, d).
        sides: sides of a window, and of a block.
        field: the blocks of given numbers, shape (blocks, d), as a tensor (blocks, lead, *sides).
    """
    whole, rest = np.divmod(first, np.array(sides))
    corners = np.array(list(product((0, 1), repeat=len(sides))))
    # a window that begins with a block ends with it
    asked = [(i, e) for e in corners for i in range(len(first)) if ((e == 0) | (rest[i] > 0)).all()]
    numbers = np.array([whole[i] + e for i, e in asked])
    distinct, which = np.unique(numbers, axis=0, return_inverse=True)
    blocks = field(distinct)
    cut = blocks.new_empty((len(first), *blocks.shape[1:]))
    for (i, e), block in zip(asked, which.reshape(-1)):
        ends = [(slice(0, n - r), slice(r, n)) for n, r in zip(sides, rest[i])]
        far = [(slice(n - r, n), slice(0, r)) for n, r in zip(sides, rest[i])]
        to, source = zip(*(far[k] if e[k] else ends[k] for k in range(len(sides))))
        cut[(i, slice(None), *to)] = blocks[(block, slice(None), *source)]
    return cut
