"""`StreamedSplit`: rows that stay on disk and are read by worker processes while a model trains."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from simulacra.core.batch import Batch
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.data.dataset import Split
from simulacra.data.row_store import RowStore
from simulacra.data.sources.content import add_to_hash
from simulacra.data.sources.source_rows import SourceRows

BLOCK = 256  # rows that are decoded together for hashing
# arguments that a changed split takes over
KEPT = ("files", "preprocessing", "c", "labels", "workers", "device", "source_rows", "conditioning")
STREAM_ABOVE = 2**30  # rows that take more bytes are streamed by default


class StreamedSplit(Split):
    """A split whose rows are read from their files; it has all attributes of a `Split` except `x`.

    Args:
        files: the store of the rows, such as image files.
        preprocessing: maps the raw space to the model's space.
        c: conditions, shape (N, *), a store of them, or None.
        labels: class numbers, shape (N,), or None.
        workers: number of processes that read ahead; None: two, or the number of cores if fewer.
        device: device of the batches.
        source_rows: the numbers of these rows in their source, or None.
        conditioning: maps raw conditions to the model's condition space, or None.

    Example:
        >>> import tempfile, pathlib
        >>> from PIL import Image
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for i in range(10):
        ...     Image.new("L", (4, 4), i).save(folder / f"{i}.png")
        >>> import simulacra
        >>> train = simulacra.load_data(folder, stream=True).train
        >>> train.rows(torch.tensor([0])).x.shape
        torch.Size([1, 1, 4, 4])
    """

    def __init__(
        self,
        files: RowStore,
        preprocessing: Preprocessing,
        c: Tensor | RowStore | None = None,
        labels: Tensor | None = None,
        workers: int | None = None,
        device: torch.device | str = "cpu",
        source_rows: SourceRows | None = None,
        conditioning: Preprocessing | None = None,
    ):
        self.files, self.preprocessing, self.labels = files, preprocessing, labels
        # conditions in files are read with the rows
        self.c = c  # type: ignore[assignment]
        self.source_rows, self.conditioning = source_rows, conditioning
        self.known = self.c_known = self.lengths = None
        self.workers = min(2, os.cpu_count() or 1) if workers is None else workers
        self.device = torch.device(device)
        self._stamp, self._digest, self._content = files.digest, None, None
        self._c_stamp = c.digest if isinstance(c, RowStore) else None

    # Split has a field x; here the rows are not in memory
    @property
    def x(self) -> Tensor:  # type: ignore[override]
        """Not available, since the rows are not in memory.

        Raises:
            ValueError: always; the message says what to use instead.
        """
        whole = load_with(stream=False)
        raise Refusal(
            "the rows of this split are streamed from disk and have no x: use rows(index) or "
            f"read(orders), or load the data with {whole}.",
            whole,
        )

    def __len__(self) -> int:
        return len(self.files)

    def __repr__(self) -> str:
        return f"StreamedSplit({len(self)} rows on disk, shape={self.files.shape})"

    def __eq__(self, other: object) -> bool:
        return self is other

    def _changed(self, **parts: Any) -> StreamedSplit:
        kept = {name: getattr(self, name) for name in KEPT}
        return type(self)(**{**kept, **parts})

    def _batch(self, x: Tensor, c: Tensor | None, index: Tensor) -> Batch:
        if c is None and self.c is not None:
            c = self.c[index]
        c = self.held_conditions(c, self.device)
        at = index.to(self.device)
        return Batch(x.to(self.device, non_blocking=True), c, rows=range(len(index)), index=at)

    def rows(self, index: Tensor) -> Batch:
        """Reads the raw rows `index` in this process."""
        index = index.cpu()
        return self._batch(*self._reader(index.tolist()), index)

    @property
    def _reader(self) -> _Reading:
        return _Reading(self.files, self.c if isinstance(self.c, RowStore) else None)

    def read(self, orders: Iterable[Tensor]) -> Iterator[Batch]:
        """Yields raw batches, one for each index tensor of `orders`, read ahead by the workers.

        Raises:
            ValueError: if a file is damaged.
        """
        asked: deque[Tensor] = deque()
        loader: Any = DataLoader(
            _Decoder(self._reader),  # type: ignore[arg-type]
            batch_sampler=_recorded(orders, asked),
            num_workers=self.workers,
            collate_fn=_uncollated,
            # so that the loader does not draw its workers' seed from the global generator
            generator=torch.Generator(),
        )
        for read in loader:
            if isinstance(read, str):
                raise ValueError(read)
            yield self._batch(*read, asked.popleft())

    def select(self, index: Tensor) -> StreamedSplit:
        """Returns a split with only the rows `index`."""
        index = index.cpu()
        take = lambda t: None if t is None else t[index]
        return self._changed(
            files=self.files[index],
            c=take(self.c),
            labels=take(self.labels),
            source_rows=take(self.source_rows),
        )

    def to(self, device: torch.device | str) -> StreamedSplit:
        """Returns the split whose batches are moved to `device`."""
        moved = self._changed(device=torch.device(device))
        moved._digest, moved._content = self._digest, self._content
        return moved

    def under(self, chain: Preprocessing, conditioning: Preprocessing | None = None) -> StreamedSplit:
        """Returns the same rows with another preprocessing, also of the conditions if it is given."""
        other = self._changed(preprocessing=chain, conditioning=conditioning or self.conditioning)
        other._digest, other._content = self._digest, self._content
        return other

    def _blocks(self) -> Iterator[Tensor]:
        for start in range(0, len(self), BLOCK):
            yield self.files.read(range(start, min(start + BLOCK, len(self))))

    def _hashed_x(self) -> None:
        return None

    def _hash_conditions(self, h: Any) -> None:
        c = self.c
        if not isinstance(c, RowStore):
            super()._hash_conditions(h)
            return
        starts = range(0, len(c), BLOCK)
        blocks = (c.read(range(start, min(start + BLOCK, len(c)))) for start in starts)
        add_to_hash(h, torch.empty((len(c), *c.shape), dtype=c.dtype, device="meta"), blocks)


def _recorded(orders: Iterable[Tensor], asked: deque[Tensor]) -> Iterator[list[int]]:
    for index in orders:
        index = index.cpu()
        asked.append(index)
        yield index.tolist()


@dataclass(frozen=True)
class _Reading:
    """Reads rows and the conditions that lie in files, too."""

    x: RowStore
    c: RowStore | None

    def __call__(self, index: list[int]) -> tuple[Tensor, Tensor | None]:
        return self.x.read(index), None if self.c is None else self.c.read(index)


class _Decoder:
    """The data set of a worker: reads a whole batch, or returns the error message of a damaged file."""

    def __init__(self, reading: _Reading):
        self.reading = reading

    def __len__(self) -> int:
        return len(self.reading.x)

    def __getitems__(self, index: list[int]) -> tuple[Tensor, Tensor | None] | str:
        try:
            return self.reading(index)
        except ValueError as error:
            # if it were raised here, the worker's traceback would be wrapped around it
            return str(error)


def _uncollated(batch: Any) -> Any:
    return batch
