"""Rows from image files: pages, frames, tiles and central crops, decoded on demand."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.preprocessing.images import Geometry
from simulacra.core.preprocessing.transforms import Binarize
from simulacra.data.images.binarize import static_bits
from simulacra.data.images.decode import decode
from simulacra.data.images.depth import check_levels
from simulacra.data.images.frames import quietly
from simulacra.data.row_store import RowStore

# for each page, its rows as (place in the batch, row number, top, left)
Wanted = dict[int, list[tuple[int, int, int, int]]]
Decoder = Callable[[Path, int, Iterable[int], int], Iterator[np.ndarray]]

SAMPLED = 2**27  # most pixels that `sample` decodes
PIXELS = SAMPLED  # the current limit, which `reads_kept` changes
CACHED = 2**27  # bytes of decoded pages that a process keeps for their next tiles
KEPT = 2**29  # most bytes of rows that `reads_kept` caches
READ: dict[Any, Tensor] | None = None


@contextmanager
def reads_kept(pixels: int = SAMPLED) -> Iterator[None]:
    """Caches rows within the context, so that rows which are loaded again are decoded only once.

    Args:
        pixels: most pixels that samples of rows decode.
    """
    global READ, PIXELS
    before, READ, PIXELS = (READ, PIXELS), {} if READ is None else READ, pixels
    try:
        yield
    finally:
        READ, PIXELS = before


class PageCache:
    """The pages that this process decoded last; an entry is invalid once its file changes."""

    def __init__(self) -> None:
        self.pages: OrderedDict[tuple[Any, ...], np.ndarray] = OrderedDict()
        self.bytes = 0
        self.highest: dict[tuple[int, int], int] = {}  # (file, page) -> highest value before resizing

    def __getstate__(self) -> dict[str, Any]:
        """Pickles an empty cache: pages are not sent to other processes."""
        return {"pages": OrderedDict(), "bytes": 0, "highest": {}}

    def page(self, path: Path, channels: int, number: int, levels: int | None = None) -> np.ndarray:
        """Returns the pixels of one page, shape (C, H, W).

        Args:
            path: the image file.
            channels: 1 or 3.
            number: page number, from 0.
            levels: as for `decode`.
        """
        key = (path, number, *_stamp(path))
        if key in self.pages:
            self.pages.move_to_end(key)
            return self.pages[key]
        (pixels,) = map(np.ascontiguousarray, decode(path, channels, [number], levels))
        self.pages[key] = pixels
        self.bytes += pixels.nbytes
        while self.bytes > CACHED:
            self.bytes -= self.pages.popitem(last=False)[1].nbytes
        return pixels


@dataclass(frozen=True, eq=False)
class ImageFiles(RowStore):
    """Rows in image files, decoded on demand.

    Args:
        paths: the files, in order.
        shape: (C, H, W) of every row.
        geometry: how a row is cut or resized from a page.
        levels: number of levels of every entry.
        places: file, page, top and left of each row, shape (N, 4); None: the first page of each file.
        bits: static or threshold binarization of the rows, or None.
        part: name of the part of the data set, by which static bits are keyed.
        numbers: number of each row within its part, shape (N,), by which static bits are keyed; None: 0 to N
            - 1.
        cache: pages that were decoded for one tile, kept for the next.
        page_pixels: pixels of the largest page, which limits the rows that `some` chooses.
        half: `left` or `right` where rows are of this half of each page; empty: of the whole page.
    """

    paths: tuple[Path, ...]
    shape: tuple[int, int, int]
    geometry: Geometry = Geometry()
    levels: int = 256
    places: Tensor | None = None
    bits: Binarize | None = None
    part: str = "train"
    numbers: Tensor | None = None
    cache: PageCache = field(default_factory=PageCache, repr=False)
    page_pixels: int = 1
    half: str = ""

    @cached_property
    def _places(self) -> Tensor:
        if self.places is not None:
            return self.places
        return torch.tensor([[i, 0, 0, 0] for i in range(len(self.paths))])

    @cached_property
    def _numbers(self) -> Tensor:
        return torch.arange(len(self)) if self.numbers is None else self.numbers

    def __len__(self) -> int:
        return len(self.paths) if self.places is None else len(self.places)

    def __getitem__(self, index: Tensor) -> ImageFiles:
        return replace(self, places=self._places[index], numbers=self._numbers[index])

    @property
    def dtype(self) -> torch.dtype:
        """Bytes, or int32 for deep images, since torch cannot compare uint16."""
        return torch.uint8 if self.levels <= 256 or self.bits else torch.int32

    def origins(self) -> list[Path]:
        """Returns the file of each row; rows of one file stay in one split."""
        return [self.paths[i] for i in self._places[:, 0].tolist()]

    def read(self, index: list[int] | range) -> Tensor:
        """Reads the rows `index`, shape (B, C, H, W), bytes or int32.

        Raises:
            ValueError: if a file is damaged, or a value exceeds the levels.
        """
        x = torch.empty((len(index), *self.shape), dtype=self.dtype)
        with quietly():
            for file, wanted in self._by_file(index).items():
                self._put(x, file, wanted, self._cached if self.geometry.tile or self.half else decode)
        return x

    def read_all(self) -> Tensor:
        """Reads all rows with two threads; each page is decoded once."""
        key = None if READ is None else (self.bits, *self._key())
        if READ and key in READ:
            return READ[key].clone()
        x = torch.empty((len(self), *self.shape), dtype=self.dtype)
        files = self._by_file(range(len(self)))
        with quietly(), ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda file: self._put(x, file, files[file], decode), files))
        if READ is not None and sum(kept.nbytes for kept in READ.values()) + x.nbytes <= KEPT:
            READ[key] = x.clone()
        return x

    def _by_file(self, index: list[int] | range) -> dict[int, Wanted]:
        """Groups rows by file and page, in rising order of pages."""
        files: dict[int, Wanted] = {}
        places = self._places[torch.as_tensor(index, dtype=torch.long)].tolist()
        for to, (i, (file, page, top, left)) in enumerate(zip(index, places)):
            files.setdefault(file, {}).setdefault(page, []).append((to, i, top, left))
        return {file: dict(sorted(pages.items())) for file, pages in files.items()}

    def _cached(self, path: Path, channels: int, pages: Iterable[int], levels: int) -> Iterator[np.ndarray]:
        # only tiles and the other half need a page again that was decoded before
        return (self.cache.page(path, channels, page, levels) for page in pages)

    def _put(self, x: Tensor, file: int, wanted: Wanted, pages: Decoder) -> None:
        """Writes the wanted rows of one file to their places in x."""
        path = self.paths[file]
        for (page, rows), pixels in zip(
            wanted.items(), pages(path, self.shape[0], list(wanted), self.levels)
        ):
            if self.levels > 256:
                self.cache.highest[file, page] = int(pixels.max())
            check_levels(path, pixels, self.levels)
            for to, i, top, left in rows:
                row = self.geometry.cut(half_of(pixels, self.half), top, left, self.levels)
                if row.shape != self.shape:
                    raise ValueError(f"{path} changed while it was in use: it gives {row.shape} now.")
                # a copy, since torch does not accept the negative strides of turned images
                whole = np.array(row, np.uint8 if row.dtype == np.uint8 else np.int32, order="C")
                x[to] = self._binarized(torch.from_numpy(whole), i)

    def _binarized(self, row: Tensor, i: int) -> Tensor:
        if self.bits is None:
            return row
        number = int(self._numbers[i])
        return static_bits(row[None], self.bits, self.part, range(number, number + 1))[0]

    def binarized(self, step: Binarize) -> ImageFiles:
        """Returns the store of the images as 0 and 1; row i of a part always has the same bits."""
        return replace(self, bits=step)

    def some(self, n: int) -> Tensor:
        """Returns the numbers of at most n rows at equal distances, on pages of at most `PIXELS` pixels."""
        most = max(1, PIXELS // self.page_pixels)
        pages = self._places[:, :2].unique_consecutive(dim=0, return_inverse=True)[1]
        count = int(pages.max()) + 1
        if count > most:
            chosen = torch.tensor([i * count // most for i in range(most)])
            rows = torch.isin(pages, chosen).nonzero().flatten()
        else:
            rows = torch.arange(len(self))
        return torch.tensor(sorted({int(rows[i * len(rows) // n]) for i in range(n)}))

    def _key(self) -> tuple[Any, ...]:
        """Returns all that the values of the rows depend on, as a cache key."""
        used = sorted({place[0] for place in self._places.tolist()})
        files = tuple((self.paths[i], *_stamp(self.paths[i])) for i in used)
        numbers = self._numbers.numpy().tobytes() if self.bits else b""
        rows = (self._places.numpy().tobytes(), numbers, self.part if self.bits else "")
        return (files, rows, self.shape, self.geometry, self.levels, self.half)

    def digest(self) -> str:
        """Returns the SHA-256 over the files' bytes, the rows' places, and the processing of pixels.

        Files are hashed, not pixels, so that a large folder need not be decoded for it.
        """
        done: tuple[Any, ...] = (self.shape, str(self.geometry), self.levels, self.bits)
        done += (self.half,) if self.half else ()
        h = hashlib.sha256(str(done).encode())
        places, numbers = self._places.tolist(), self._numbers.tolist()
        used = sorted({place[0] for place in places})
        with ThreadPoolExecutor(2) as pool:
            digests = dict(zip(used, pool.map(_file_digest, [self.paths[i] for i in used])))
        for (file, page, top, left), number in zip(places, numbers):
            h.update(f"{number if self.bits else ''}:{page}:{top}:{left}:".encode() + digests[file])
        return h.hexdigest()


def half_of(pixels: np.ndarray, side: str) -> np.ndarray:
    """Returns the left or right half of a page, shape (C, H, W / 2); the page itself for an empty side.

    Args:
        pixels: shape (C, H, W).
        side: `left`, `right` or empty.

    Example:
        >>> half_of(np.arange(4).reshape(1, 1, 4), "right").flatten().tolist()
        [2, 3]
    """
    middle = pixels.shape[-1] // 2
    return pixels[..., :middle] if side == "left" else pixels[..., middle:] if side else pixels


def _stamp(path: Path) -> tuple[int, int]:
    """Returns the modification time and size of a file."""
    try:
        said = path.stat()
    except OSError:
        return 0, -1
    return said.st_mtime_ns, said.st_size


def _file_digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise ValueError(f"{path} could not be read ({error}).") from error
