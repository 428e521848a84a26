"""Keyed randomness: every draw is a pure function of (seed, path, name, row).

A draw `name` of update u at step t has the key (seed, stage, t, u, name). Row i of a draw does not
depend on the batch size, the number of processes or the order of draws, so a resumed run and an
uninterrupted one see the same numbers, and no generator state is saved.

A row is keyed by its place or by its content. In training, samples and completions it is keyed by its
place in the global batch. In scores and codes it is keyed by its values (`core.random.contents`): a row
then has the same noise alone and in any batch, and equal rows have the same noise.

By place, one torch generator serves a block of rows. The first values of `torch.randn` are independent of
the total count only if that is a multiple of 16, so rows are padded. By content, each row has a stream of
`core.random.counter`. Numbers are drawn on the CPU and moved, so that every device sees the same ones.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from simulacra.core.numerics.precision import precise_device
from simulacra.core.random.contents import Contents, Stream, contents_of
from simulacra.core.random.counter import normals, uniforms

if TYPE_CHECKING:
    from simulacra.core.batch import Batch

PAD = 16
RowKeys = range | Contents  # places in the global batch, or the values of the rows
Draw = Callable[[tuple[int, int], torch.Generator, torch.dtype], Tensor]
Source = Callable[[tuple[object, ...], str, Callable[[], Tensor]], Tensor]  # (key, kind, how to draw it)


def key_of(*path: object) -> int:
    """Returns a 63-bit integer that depends on every element of `path`."""
    digest = hashlib.blake2b("\x1f".join(map(str, path)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class Rng:
    """Random numbers keyed by `(seed, *path)`, with one row of numbers for each of `rows`.

    Args:
        seed: seed of the run.
        path: purpose of the numbers, such as `("train", 17, "D")`.
        rows: positions in the global batch that this process holds, or the contents of rows.
        block: number of rows (by place) that share one generator; 1 makes single rows of large draws cheap.
        shards: for each sharded buffer, the global positions that this process holds; None: no shards.
        device: device of the returned tensors.
        source: called for every draw; it may return other numbers, as `core.export.noise` does. None: draw.

    Example:
        >>> a = Rng(0, rows=range(5)).normal("z", 3)
        >>> b = Rng(0, rows=range(2, 4)).normal("z", 3)
        >>> bool((a[2:4] == b).all())
        True
        >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> both, alone = (Rng(0).by_content(rows).normal("z", 3) for rows in (x, x[1:]))
        >>> bool((both[1:] == alone).all())
        True
    """

    def __init__(
        self,
        seed: int,
        *path: object,
        rows: RowKeys = range(1),
        block: int = 128,
        shards: Mapping[str, range] | None = None,
        device: torch.device | str = "cpu",
        source: Source | None = None,
    ):
        self.path = (seed, *path)
        self.rows = rows
        self.block = block
        self.shards = dict(shards or {})
        self.device = device
        self.source = source
        self._anonymous = 0

    def _copy(self, path: tuple[object, ...], rows: RowKeys, block: int) -> Rng:
        return Rng(
            path[0],  # type: ignore[arg-type]
            *path[1:],
            rows=rows,
            block=block,
            shards=self.shards,
            device=self.device,
            source=self.source,
        )

    def at(self, *path: object) -> Rng:
        """Returns a generator for the same rows with `path` appended to the key."""
        return self._copy(self.path + path, self.rows, self.block)

    def on(self, batch: Batch | RowKeys) -> Rng:
        """Returns a generator with the same key for the rows of another batch, such as a second stream.

        Args:
            batch: a batch, positions in the global batch, or contents.
        """
        rows = batch if isinstance(batch, (range, Contents)) else batch.rows
        return self._copy(self.path, rows, self.block)

    def by_content(self, x: Tensor, known: Tensor | None = None) -> Rng:
        """Returns a generator with the same key that keys raw rows by their values instead of their places.

        Args:
            x: raw rows, shape (B, *).
            known: True where x is observed, shape of x; None: everywhere.
        """
        return self._copy(self.path, contents_of(x, known), self.block)

    def per_row(self) -> Rng:
        """Returns a generator that uses one torch generator a row, for draws of many numbers a row."""
        return self._copy(self.path, self.rows, 1)

    def normal(self, name: str, *shape: int, rows: RowKeys | None = None, dtype=None) -> Tensor:
        """Draws standard normal numbers of shape (B, *shape), with B the number of rows.

        Args:
            name: name of the draw, part of its key; two draws of one name are equal.
            shape: shape of one row.
            rows: other rows; None: those of the generator.
            dtype: floating-point type; None: torch's default.
        """
        return self._draw(name, shape, rows, dtype, "normal")

    def uniform(self, name: str, *shape: int, rows: RowKeys | None = None, dtype=None) -> Tensor:
        """Draws uniform numbers in [0, 1) of shape (B, *shape), with B the number of rows.

        Args:
            name: name of the draw, part of its key; two draws of one name are equal.
            shape: shape of one row.
            rows: other rows; None: those of the generator.
            dtype: floating-point type; None: torch's default.
        """
        return self._draw(name, shape, rows, dtype, "uniform")

    def bernoulli(self, name: str, p: Tensor, rows: RowKeys | None = None) -> Tensor:
        """Draws zeros and ones in the type of p, shape (B, *).

        Args:
            name: name of the draw, part of its key.
            p: probability of a one, shape (B, *), or (1, *) for all rows.
            rows: other rows; None: those of the generator.
        """
        u = self.uniform(name, *p.shape[1:], rows=rows, dtype=p.dtype)
        return (u < p).to(p.dtype)

    def shard(self, name: str, whole: Tensor) -> range:
        """Returns the global positions of the rows of a sharded buffer that this process holds.

        Args:
            name: name of the buffer.
            whole: the buffer; without an entry in `shards`, all of its rows are held.
        """
        return self.shards.get(name, range(whole.shape[0]))

    def permutation(self, name: str, n: int) -> Tensor:
        """Draws a permutation of 0..n-1, the same on every process.

        Args:
            name: name of the draw, part of its key.
            n: number of elements.
        """
        return torch.randperm(n, generator=_generator(*self.path, name), device="cpu")

    def anonymous(self) -> str:
        """Returns a name for the next draw of a layer without a name (dropout), numbered by call."""
        self._anonymous += 1
        return f"layer-{self._anonymous}"

    def _draw(self, name, shape, rows, dtype, kind: str) -> Tensor:
        rows = self.rows if rows is None else rows
        draw = partial(self._numbers, name, shape, rows, dtype or torch.get_default_dtype(), kind)
        return draw() if self.source is None else self.source((*self.path, name), kind, draw)

    def _numbers(self, name, shape, rows: RowKeys, dtype, kind: str) -> Tensor:
        if isinstance(rows, Contents):
            whole = rows.numbers(STREAMS[kind], key_of(*self.path, name), shape, dtype)
        else:
            whole = self._by_place(name, math.prod(shape), rows, dtype, DRAWS[kind])
        device = precise_device(self.device) if dtype == torch.float64 else self.device
        # a model built on the meta device has no data, so its random orders and masks have none either
        device = torch.device("meta") if torch.get_default_device().type == "meta" else device
        return whole.reshape(len(rows), *shape).to(device)

    def _by_place(self, name, width: int, rows: range, dtype, draw: Draw) -> Tensor:
        padded = -(-width // PAD) * PAD
        parts = []
        for block in range(rows.start // self.block, -(-rows.stop // self.block)):
            first = block * self.block
            start, stop = max(rows.start - first, 0), min(rows.stop - first, self.block)
            generator = _generator(*self.path, name, block)
            parts.append(draw((stop, padded), generator, dtype)[start:stop, :width])
        if not parts:
            parts.append(torch.empty((0, width), dtype=dtype, device="cpu"))
        return parts[0] if len(parts) == 1 else torch.cat(parts)


def fresh(seed: int | None) -> int:
    """Returns `seed`, or a seed drawn from torch's global generator if it is None.

    Example:
        >>> fresh(3), 0 <= fresh(None) < 2**31
        (3, True)
    """
    return int(torch.randint(2**31, (), device="cpu")) if seed is None else seed


def some_of(n: int, limit: int, rng: Rng) -> Tensor:
    """Chooses `limit` of n row numbers at random and returns them in ascending order.

    The first rows of a file may be sorted, so they are no random sample. With the same key, a smaller
    choice is a subset of a larger one.

    Args:
        n: number of rows.
        limit: number of rows to choose, at most n.
        rng: generator whose key names the purpose of the choice.

    Returns:
        int64, shape (min(limit, n),).

    Example:
        >>> some_of(10, 3, Rng(0, "rows")).tolist(), some_of(2, 3, Rng(0, "rows")).tolist()
        ([0, 2, 7], [0, 1])
    """
    if limit >= n:
        return torch.arange(n)
    return rng.permutation("subset", n)[:limit].sort().values


_building = 0  # depth of nested model constructors that are running


@contextmanager
def initial_weights(seed: int | None) -> Iterator[None]:
    """Context in which torch's global generator is seeded with `seed`; its state is restored at the end.

    Args:
        seed: as for `torch.manual_seed`; None: 0, or, within the constructor of another model, no change, so
            that the draws are part of that model's.

    Example:
        >>> with initial_weights(3):
        ...     a = torch.nn.Linear(2, 2).weight
        >>> with initial_weights(3):
        ...     b = torch.nn.Linear(2, 2).weight
        >>> bool((a == b).all())
        True
    """
    global _building
    if seed is None and _building:
        yield
        return
    on_gpu = torch.get_default_device().type == "cuda"
    with torch.random.fork_rng([torch.cuda.current_device()] if on_gpu else []):
        # the seed itself, so that models begin as they did after `torch.manual_seed(seed)`
        torch.default_generator.manual_seed(seed or 0)
        if on_gpu:
            torch.cuda.manual_seed(seed or 0)
        _building += 1
        try:
            yield
        finally:
            _building -= 1


def _generator(*path: object) -> torch.Generator:
    return torch.Generator().manual_seed(key_of(*path))


def _normal(size, generator, dtype):
    return torch.randn(size, generator=generator, dtype=dtype, device="cpu")


def _uniform(size, generator, dtype):
    return torch.rand(size, generator=generator, dtype=dtype, device="cpu")


DRAWS: dict[str, Draw] = {"normal": _normal, "uniform": _uniform}
STREAMS: dict[str, Stream] = {"normal": normals, "uniform": uniforms}


_ambient: list[Rng] = []


@contextmanager
def ambient(rng: Rng) -> Iterator[None]:
    """Context in which layers that need noise (dropout) draw it from `rng`, keyed by place."""
    _ambient.append(rng)
    try:
        yield
    finally:
        _ambient.pop()


def current_rng() -> Rng | None:
    """Returns the generator that `ambient` set, or None outside of it, as in a hand-written loop."""
    return _ambient[-1] if _ambient else None
