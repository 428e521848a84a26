"""Keyed randomness: every draw is a pure function of (seed, path, name, row).

A draw named `name` of the update `u` at step `t` has the key (seed, stage, t, u, name).
Row i of it is the same whatever the batch size, the number of processes or the order of draws,
so a resumed run and an uninterrupted one see the same numbers and no generator state is saved.

A row is keyed by its place or by its content. In training, samples and completions it is the place in the
global batch. In scores and codes it is what the row holds (`core.random.contents`): a row has the same noise
alone, in any batch and at any place, and equal rows have the same noise.

By place a generator of torch serves a block of rows. `torch.randn` is prefix-stable only when its element
count is a multiple of 16: rows are padded. By content each row has a stream of `core.random.counter`.
Numbers are drawn on the CPU and moved, so that every device sees the same ones.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from simulacra.core.numerics.precision import precise_device
from simulacra.core.random.contents import Contents, contents_of
from simulacra.core.random.counter import normals, uniforms

if TYPE_CHECKING:
    from simulacra.core.batch import Batch

PAD = 16
RowKeys = range | Contents  # places in the global batch, or what the rows hold
Draw = Callable[[tuple[int, int], torch.Generator, torch.dtype], Tensor]
Streams = Callable[[np.ndarray, int, torch.dtype], Tensor]
Source = Callable[[tuple[object, ...], str, Callable[[], Tensor]], Tensor]  # (key, kind, how to draw it)


def key_of(*path: object) -> int:
    """A 63-bit integer that depends on every element of `path`."""
    digest = hashlib.blake2b("\x1f".join(map(str, path)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class Rng:
    """Random numbers keyed by `(seed, *path)`, one row for each of `rows`.

    Args:
        seed: the seed of the run.
        path: what the numbers are for, such as `("train", 17, "D")`.
        rows: positions in the global batch that this process holds, or the contents of rows.
        block: rows by place that share one generator; 1 makes single rows of large draws cheap.
        shards: for each sharded buffer, the global positions that this process holds.
        device: where the numbers are wanted.
        source: is asked for every draw and may hand out numbers in its place, as `core.export.noise` does.

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
        """The same rows under a longer key."""
        return self._copy(self.path + path, self.rows, self.block)

    def on(self, batch: Batch | RowKeys) -> Rng:
        """The same key for the rows of another batch, such as a second stream."""
        rows = batch if isinstance(batch, (range, Contents)) else batch.rows
        return self._copy(self.path, rows, self.block)

    def by_content(self, x: Tensor, known: Tensor | None = None) -> Rng:
        """The same key for raw rows by what they hold, not by their places.

        Args:
            x: shape (B, *).
            known: True where x is observed, shape of x; None: everywhere.
        """
        return self._copy(self.path, contents_of(x, known), self.block)

    def per_row(self) -> Rng:
        """The same key with one generator a row by place: for draws of many numbers a row."""
        return self._copy(self.path, self.rows, 1)

    def normal(self, name: str, *shape: int, rows: RowKeys | None = None, dtype=None) -> Tensor:
        """Standard normal numbers of shape (len(rows), *shape)."""
        return self._draw(name, shape, rows, dtype, "normal")

    def uniform(self, name: str, *shape: int, rows: RowKeys | None = None, dtype=None) -> Tensor:
        """Uniform numbers in [0, 1) of shape (len(rows), *shape)."""
        return self._draw(name, shape, rows, dtype, "uniform")

    def bernoulli(self, name: str, p: Tensor, rows: RowKeys | None = None) -> Tensor:
        """0/1 numbers, one with probability `p` of shape (len(rows), *), or (1, *) for all rows."""
        u = self.uniform(name, *p.shape[1:], rows=rows, dtype=p.dtype)
        return (u < p).to(p.dtype)

    def shard(self, name: str, whole: Tensor) -> range:
        """Global positions of the rows of the sharded buffer `name` held by this process."""
        return self.shards.get(name, range(whole.shape[0]))

    def permutation(self, name: str, n: int) -> Tensor:
        """A permutation of 0..n-1, the same on every process."""
        return torch.randperm(n, generator=_generator(*self.path, name), device="cpu")

    def anonymous(self) -> str:
        """A name for the next draw of a layer that has none (dropout), counted in order."""
        self._anonymous += 1
        return f"layer-{self._anonymous}"

    def _draw(self, name, shape, rows, dtype, kind: str) -> Tensor:
        rows = self.rows if rows is None else rows
        draw = partial(self._numbers, name, shape, rows, dtype or torch.get_default_dtype(), kind)
        return draw() if self.source is None else self.source((*self.path, name), kind, draw)

    def _numbers(self, name, shape, rows: RowKeys, dtype, kind: str) -> Tensor:
        width = math.prod(shape)
        if isinstance(rows, Contents):
            whole = STREAMS[kind](rows.streams(key_of(*self.path, name)), width, dtype)
        else:
            whole = self._by_place(name, width, rows, dtype, DRAWS[kind])
        device = precise_device(self.device) if dtype == torch.float64 else self.device
        # a model that is built for its shapes alone has orders and masks of shapes alone
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
    """The seed that is given, or one drawn from torch's global generator.

    Example:
        >>> fresh(3), 0 <= fresh(None) < 2**31
        (3, True)
    """
    return int(torch.randint(2**31, (), device="cpu")) if seed is None else seed


def some_of(n: int, limit: int, rng: Rng) -> Tensor:
    """Numbers of `limit` of n rows in order, chosen by a key: the first rows of a file are no sample of it.

    A smaller choice is part of a larger one of the same key.

    Args:
        n: number of rows.
        limit: how many are chosen, at most n.
        rng: bound to a seed and to what the choice is for.

    Returns:
        int64, shape (min(limit, n),).

    Example:
        >>> some_of(10, 3, Rng(0, "rows")).tolist(), some_of(2, 3, Rng(0, "rows")).tolist()
        ([0, 2, 7], [0, 1])
    """
    if limit >= n:
        return torch.arange(n)
    return rng.permutation("subset", n)[:limit].sort().values


_building = 0  # constructors of models that are running, one within the other


@contextmanager
def initial_weights(seed: int | None) -> Iterator[None]:
    """Draws of torch's global generator follow `seed` within, and the generator is left as it was.

    Args:
        seed: as of `torch.manual_seed`; None: 0, or within the constructor of another model a part of
            that model's draws.

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
STREAMS: dict[str, Streams] = {"normal": normals, "uniform": uniforms}


_ambient: list[Rng] = []


@contextmanager
def ambient(rng: Rng) -> Iterator[None]:
    """Layers that need noise inside a forward pass (dropout) take it from `rng`, whose rows are places."""
    _ambient.append(rng)
    try:
        yield
    finally:
        _ambient.pop()


def current_rng() -> Rng | None:
    """The generator that `ambient` set, or None in a hand-written loop that set none."""
    return _ambient[-1] if _ambient else None
