"""Image files as rows: pages, frames, tiles and central parts, decoded when they are asked for."""

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

# for each page its rows: where it goes, its number here, top and left
Wanted = dict[int, list[tuple[int, int, int, int]]]
Decoder = Callable[[Path, int, Iterable[int], int], Iterator[np.ndarray]]

SAMPLED = 2**27  # pixels that `sample` decodes at most
PIXELS = SAMPLED  # likewise, while `reads_kept` lasts
CACHED = 2**27  # bytes of decoded pages that a process keeps for their next tiles
KEPT = 2**29  # bytes of rows that `reads_kept` holds
READ: dict[Any, Tensor] | None = None


@contextmanager
def reads_kept(pixels: int = SAMPLED) -> Iterator[None]:
    """Rows that are read here are read once, however often they are loaded while this lasts.

    Args:
        pixels: that samples of rows decode at most.
    """
    global READ, PIXELS
    before, READ, PIXELS = (READ, PIXELS), {} if READ is None else READ, pixels
    try:
        yield
    finally:
        READ, PIXELS = before


class PageCache:
    """The pages that this process decoded last, as long as their files do not change."""

    def __init__(self) -> None:
        self.pages: OrderedDict[tuple[Any, ...], np.ndarray] = OrderedDict()
        self.bytes = 0
        self.highest: dict[tuple[int, int], int] = {}  # value of each deep page, before it is resized

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: pages do not travel to other processes."""
        return {"pages": OrderedDict(), "bytes": 0, "highest": {}}

    def page(self, path: Path, channels: int, number: int, levels: int | None = None) -> np.ndarray:
        """The pixels of one page, shape (C, H, W)."""
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
    """Image files as rows, decoded when they are asked for.

    Args:
        paths: the files, in order.
        shape: (C, H, W) of every row.
        geometry: how a row is taken from a page.
        levels: number of levels of every entry.
        places: file, page, top and left of each row, shape (N, 4); None: the first page of each file.
        bits: a static or threshold binarization of each row, or None.
        part: which part of the data set this is: static bits are keyed by it.
        numbers: number of each row within its part, shape (N,): static bits are keyed by it.
        cache: pages that were decoded for a tile, for the next one.
        page_pixels: of the largest page, which bounds what `sample` decodes.
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
        """Bytes, or int32: uint16 has no comparisons in torch."""
        return torch.uint8 if self.levels <= 256 or self.bits else torch.int32

    def origins(self) -> list[Path]:
        """The file that each row is of: rows of one file belong into one split."""
        return [self.paths[i] for i in self._places[:, 0].tolist()]

    def read(self, index: list[int] | range) -> Tensor:
        """The rows `index`, shape (B, C, H, W), bytes or int32.

        Raises:
            ValueError: if a file is damaged, or holds more than the levels.
        """
        x = torch.empty((len(index), *self.shape), dtype=self.dtype)
        with quietly():
            for file, wanted in self._by_file(index).items():
                self._put(x, file, wanted, self._cached if self.geometry.tile else decode)
        return x

    def read_all(self) -> Tensor:
        """Every row; each page is decoded once, by a few threads."""
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
        """For each file and page, in rising order, the rows that are wanted of it."""
        files: dict[int, Wanted] = {}
        places = self._places[torch.as_tensor(index, dtype=torch.long)].tolist()
        for to, (i, (file, page, top, left)) in enumerate(zip(index, places)):
            files.setdefault(file, {}).setdefault(page, []).append((to, i, top, left))
        return {file: dict(sorted(pages.items())) for file, pages in files.items()}

    def _cached(self, path: Path, channels: int, pages: Iterable[int], levels: int) -> Iterator[np.ndarray]:
        # only tiles come back to a page that was decoded before
        return (self.cache.page(path, channels, page, levels) for page in pages)

    def _put(self, x: Tensor, file: int, wanted: Wanted, pages: Decoder) -> None:
        """The wanted rows of one file at their places in x."""
        path = self.paths[file]
        for (page, rows), pixels in zip(
            wanted.items(), pages(path, self.shape[0], list(wanted), self.levels)
        ):
            if self.levels > 256:
                self.cache.highest[file, page] = int(pixels.max())
            check_levels(path, pixels, self.levels)
            for to, i, top, left in rows:
                row = self.geometry.cut(pixels, top, left, self.levels)
                if row.shape != self.shape:
                    raise ValueError(f"{path} changed while it was in use: it gives {row.shape} now.")
                # a copy: turned images run backwards, which torch does not take
                whole = np.array(row, np.uint8 if row.dtype == np.uint8 else np.int32, order="C")
                x[to] = self._binarized(torch.from_numpy(whole), i)

    def _binarized(self, row: Tensor, i: int) -> Tensor:
        if self.bits is None:
            return row
        number = int(self._numbers[i])
        return static_bits(row[None], self.bits, self.part, range(number, number + 1))[0]

    def binarized(self, step: Binarize) -> ImageFiles:
        """The images as 0 and 1: row i of a part has the same bits for ever."""
        return replace(self, bits=step)

    def some(self, n: int) -> Tensor:
        """Numbers of at most n rows at equal distances, of as few pages as `SAMPLED` pixels make."""
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
        """What the values of all rows depend on."""
        used = sorted({place[0] for place in self._places.tolist()})
        files = tuple((self.paths[i], *_stamp(self.paths[i])) for i in used)
        numbers = self._numbers.numpy().tobytes() if self.bits else b""
        rows = (self._places.numpy().tobytes(), numbers, self.part if self.bits else "")
        return (files, rows, self.shape, self.geometry, self.levels)

    def digest(self) -> str:
        """SHA-256 over the files' bytes, the places in them and what is done to their pixels.

        Files are hashed, not pixels, so that a large folder need not be decoded for it.
        """
        done = (self.shape, str(self.geometry), self.levels, self.bits)
        h = hashlib.sha256(str(done).encode())
        places, numbers = self._places.tolist(), self._numbers.tolist()
        used = sorted({place[0] for place in places})
        with ThreadPoolExecutor(2) as pool:
            digests = dict(zip(used, pool.map(_file_digest, [self.paths[i] for i in used])))
        for (file, page, top, left), number in zip(places, numbers):
            h.update(f"{number if self.bits else ''}:{page}:{top}:{left}:".encode() + digests[file])
        return h.hexdigest()


def _stamp(path: Path) -> tuple[int, int]:
    """When a file was changed last, and its length."""
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
