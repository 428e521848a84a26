"""Stores parts of an evaluation on disk, so that one that was killed continues from them.

A part is the result of one call: the log-weights of one direction of annealing, the scores of one block of
rows, the samples of one call, the features of one block. Its name contains a digest of everything that
determines it (weights, rows, seed, lengths, versions, threads), so that a part is reused only if computing it
again would give the same bits. Only parts that took long are stored.

Parts of a run are in its folder `partial/` until its report is written. Features of rows serve all models
that are scored on these rows; they are in the user's cache, from which the oldest are removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from simulacra.core.artifact.save import describe
from simulacra.core.artifact.weights import digest
from simulacra.core.model import Model
from simulacra.core.random.contents import Contents
from simulacra.core.storage.files import ABANDONED, read_tensors, remove_unfinished, write_tensors
from simulacra.core.storage.links import check_links
from simulacra.core.storage.nested import make_folder
from simulacra.version import __version__

log = logging.getLogger("simulacra")

PARTIAL = "partial"  # folder of a run
RECIPE = 1  # version, increased when the numbers in a part change
WORTH = 0.2  # seconds; parts that are computed faster are not stored
LARGEST, MOST = 2**28, 2**30  # largest sizes of a part and of a folder, in bytes
T = TypeVar("T")
Packed = tuple[dict[str, Tensor], dict[str, Any]]


@dataclass(frozen=True)
class Form(Generic[T]):
    """Serialization of a result.

    Args:
        pack: returns tensors by name, and values for JSON.
        unpack: returns the result from both.
    """

    pack: Callable[[T], Packed]
    unpack: Callable[[dict[str, Tensor], dict[str, Any]], T]


TENSOR: Form[Tensor] = Form(lambda t: ({"t": t}, {}), lambda tensors, facts: tensors["t"])
PLAIN: Form[Any] = Form(lambda value: ({}, {"value": value}), lambda tensors, facts: facts["value"])


@dataclass
class Store:
    """A folder of parts.

    Args:
        folder: folder, created with the first part.
        most: largest total size in bytes, beyond which the oldest parts are removed.

    Example:
        >>> import tempfile
        >>> store, calls = Store(Path(tempfile.mkdtemp())), []
        >>> make = lambda: calls.append(1) or torch.ones(2)
        >>> [store.once("ones", (2,), make, TENSOR, least=0).sum().item() for _ in range(3)], len(calls)
        ([2.0, 2.0, 2.0], 1)
    """

    folder: Path
    most: int = MOST
    _weights: WeakKeyDictionary[nn.Module, str] = field(default_factory=WeakKeyDictionary)

    def once(
        self, name: str, of: tuple[Any, ...], make: Callable[[], T], form: Form[T], least: float | None = None
    ) -> T:
        """Returns the stored part; otherwise computes it, and stores it if that took long.

        Args:
            name: kind of part.
            of: everything that determines it: modules, tensors, contents of rows, and plain values.
            make: computes it.
            form: its serialization.
            least: seconds of computation from which it is stored; None: `WORTH`.
        """
        key = self._key(name, of)
        path = self.folder / f"{name}-{key[:32]}.safetensors"
        found = self._read(path, key, form)
        if found is not None:
            return found
        began = time.perf_counter()
        made = make()
        if time.perf_counter() - began >= (WORTH if least is None else least):
            self._write(path, key, form.pack(made))
        return made

    def _key(self, name: str, of: tuple[Any, ...]) -> str:
        """Returns the SHA-256 of everything that determines a part, including versions and threads."""
        h = hashlib.sha256()
        machinery = (RECIPE, __version__, torch.__version__, torch.get_num_threads(), name)
        for value in (*machinery, *of):
            h.update(f"{self._identifier(value)};".encode())
        return h.hexdigest()

    def _identifier(self, value: Any) -> str:
        """Returns a text that identifies a value."""
        if isinstance(value, nn.Module):
            # weights are constant during an evaluation, so their digest is cached
            if value not in self._weights:
                self._weights[value] = _module_digest(value)
            return self._weights[value]
        if isinstance(value, Tensor):
            return digest({str(value.device): value})
        if isinstance(value, Contents):
            return hashlib.sha256(value.digests.tobytes()).hexdigest()
        return repr(value)

    def _read(self, path: Path, key: str, form: Form[T]) -> T | None:
        """Returns the part; None if there is none, or it is damaged or too large."""
        try:
            if not path.is_file() or path.stat().st_size > 2 * LARGEST:
                return None
            tensors, header = read_tensors(path)
            if header["key"] != key:
                return None
            placed = {name: t.to(header["devices"][name]) for name, t in tensors.items()}
            found = form.unpack(placed, header["facts"])
            os.utime(path)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            log.debug("%s is made again: %s", path, error)
            return None
        return found

    def _write(self, path: Path, key: str, packed: Packed) -> None:
        tensors, facts = packed
        if sum(t.nbytes for t in tensors.values()) > min(LARGEST, self.most):
            return
        devices = {name: str(t.device) for name, t in tensors.items()}
        try:
            make_folder(self.folder)
            write_tensors(path, tensors, {"key": key, "devices": devices, "facts": facts})
            self._bound()
        except (OSError, ValueError) as error:
            # not fatal: the result is in memory, and only a resumed evaluation needs the part
            log.debug("%s was not stored: %s", path, error)

    def _bound(self) -> None:
        """Removes the oldest parts beyond `most` bytes, and unfinished files of killed processes."""
        found = [(path, path.stat()) for path in self.folder.iterdir() if path.is_file()]
        parts = [(stat.st_mtime_ns, stat.st_size, path) for path, stat in found if path.suffix != ".part"]
        total = sum(size for _, size, _ in parts)
        for _, size, path in sorted(parts):
            if total <= self.most:
                break
            path.unlink(missing_ok=True)
            total -= size
        remove_unfinished(self.folder, ABANDONED)


def _module_digest(module: nn.Module) -> str:
    """Returns a digest of weights, class and constructor arguments."""
    built = describe(module) if isinstance(module, Model) else {}
    said = {name: built.get(name) for name in ("arguments", "passed", "preprocessing")}
    said |= {name: built[name] for name in ("conditioning",) if name in built}
    place = next((t.device for t in module.state_dict().values()), "cpu")
    return f"{type(module).__qualname__} {place} {said} {digest(module.state_dict())}"


_OPEN: ContextVar[Store | None] = ContextVar("partial", default=None)


@contextlib.contextmanager
def keeping(run: Path | None) -> Iterator[None]:
    """Context in which parts are stored in the folder of a run.

    Args:
        run: run folder; None: nothing is stored.

    Raises:
        ValueError: if a link leads out of the run.
    """
    if run is not None:
        check_links(run, PARTIAL)
    token = _OPEN.set(None if run is None else Store(run / PARTIAL))
    try:
        yield
    finally:
        _OPEN.reset(token)


def forget(run: Path) -> None:
    """Removes the parts of a run, once its report is written."""
    if not (run / PARTIAL).is_symlink():
        shutil.rmtree(run / PARTIAL, ignore_errors=True)


def once(
    name: str, of: tuple[Any, ...], make: Callable[[], T], form: Form[T], least: float | None = None
) -> T:
    """Calls `Store.once` for the run that is being evaluated; without one, returns the result of `make`.

    Args:
        name: kind of part.
        of: everything that determines it: modules, tensors, contents of rows, and plain values.
        make: computes it.
        form: its serialization.
        least: seconds of computation from which it is stored; None: `WORTH`.

    Example:
        >>> once("two", (), lambda: 2, PLAIN)
        2
    """
    store = _OPEN.get()
    return make() if store is None else store.once(name, of, make, form, least)


def fields_of(kind: Callable[..., T]) -> Form[T]:
    """Returns the serialization of a dataclass whose fields are tensors, None, or plain values.

    Args:
        kind: the dataclass.

    Example:
        >>> from simulacra.core.scores.likelihood import Score
        >>> form = fields_of(Score)
        >>> form.unpack(*form.pack(Score(torch.ones(2), "exact", "sum"))).method
        'sum'
    """

    def pack(value: T) -> Packed:
        entries = {name: entry for name, entry in vars(value).items() if entry is not None}
        tensors = {name: entry for name, entry in entries.items() if isinstance(entry, Tensor)}
        return tensors, {name: entry for name, entry in entries.items() if name not in tensors}

    return Form(pack, lambda tensors, facts: cast(Any, kind)(**tensors, **facts))
