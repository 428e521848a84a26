"""Parts of an evaluation on disk, so that one that was killed takes up what it had.

A part is the result of one call: the log-weights of one direction of annealing, the scores of one block of
rows, the samples of one call, the features of one block. It is stored under a digest of all that decides it
(weights, rows, seed, lengths, versions, threads), and so a part is used only where computing it again
gives the same bits. Only parts that took long are stored.

Parts of a run lie in its folder `partial/` until its report is written. Features of rows serve every model
that is scored on them, and stay in the user's cache, where the oldest are removed.
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
from simulacra.version import __version__

log = logging.getLogger("simulacra")

PARTIAL = "partial"  # folder of a run
RECIPE = 1  # goes up when the numbers that a part holds change
WORTH = 0.2  # seconds: what is made faster is made again
LARGEST, MOST = 2**28, 2**30  # bytes of one part, and of a folder
T = TypeVar("T")
Packed = tuple[dict[str, Tensor], dict[str, Any]]


@dataclass(frozen=True)
class Form(Generic[T]):
    """How a result is written.

    Args:
        pack: tensors by name, and facts that JSON can hold.
        unpack: the result from both.
    """

    pack: Callable[[T], Packed]
    unpack: Callable[[dict[str, Tensor], dict[str, Any]], T]


TENSOR: Form[Tensor] = Form(lambda t: ({"t": t}, {}), lambda tensors, facts: tensors["t"])
PLAIN: Form[Any] = Form(lambda value: ({}, {"value": value}), lambda tensors, facts: facts["value"])


@dataclass
class Store:
    """A folder of parts.

    Args:
        folder: made when the first part is stored.
        most: bytes of all parts; beyond it the oldest are removed.

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
        """The stored part, or what `make` gives, which is stored if it took long.

        Args:
            name: of the kind of part.
            of: all that decides it: modules, tensors, contents of rows, and plain values.
            make: computes it.
            form: how it is written.
            least: seconds from which it is worth storing; None: `WORTH`.
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
        """SHA-256 of all that decides a part, and of the machinery that computes it."""
        h = hashlib.sha256()
        machinery = (RECIPE, __version__, torch.__version__, torch.get_num_threads(), name)
        for value in (*machinery, *of):
            h.update(f"{self._told(value)};".encode())
        return h.hexdigest()

    def _told(self, value: Any) -> str:
        if isinstance(value, nn.Module):
            # weights do not change while they are scored
            if value not in self._weights:
                self._weights[value] = _of_module(value)
            return self._weights[value]
        if isinstance(value, Tensor):
            return digest({str(value.device): value})
        if isinstance(value, Contents):
            return hashlib.sha256(value.digests.tobytes()).hexdigest()
        return repr(value)

    def _read(self, path: Path, key: str, form: Form[T]) -> T | None:
        """The part, or None where there is none, or it is damaged or too large."""
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
            self.folder.mkdir(parents=True, exist_ok=True)
            write_tensors(path, tensors, {"key": key, "devices": devices, "facts": facts})
            self._bound()
        except (OSError, ValueError) as error:
            # the result is in memory, and only a later evaluation would have used the part
            log.debug("%s was not stored: %s", path, error)

    def _bound(self) -> None:
        """Remove the oldest parts beyond `most` bytes, and what a killed process left half written."""
        found = [(path, path.stat()) for path in self.folder.iterdir() if path.is_file()]
        parts = [(stat.st_mtime_ns, stat.st_size, path) for path, stat in found if path.suffix != ".part"]
        total = sum(size for _, size, _ in parts)
        for _, size, path in sorted(parts):
            if total <= self.most:
                break
            path.unlink(missing_ok=True)
            total -= size
        remove_unfinished(self.folder, ABANDONED)


def _of_module(module: nn.Module) -> str:
    """A digest of weights, class and constructor's arguments."""
    built = describe(module) if isinstance(module, Model) else {}
    said = {name: built.get(name) for name in ("arguments", "passed", "preprocessing")}
    place = next((t.device for t in module.state_dict().values()), "cpu")
    return f"{type(module).__qualname__} {place} {said} {digest(module.state_dict())}"


_OPEN: ContextVar[Store | None] = ContextVar("partial", default=None)


@contextlib.contextmanager
def keeping(run: Path | None) -> Iterator[None]:
    """Within, parts are stored in the folder of a run.

    Args:
        run: its folder; None: nothing is stored.

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
    """Remove the parts of a run, whose report is written."""
    if not (run / PARTIAL).is_symlink():
        shutil.rmtree(run / PARTIAL, ignore_errors=True)


def once(
    name: str, of: tuple[Any, ...], make: Callable[[], T], form: Form[T], least: float | None = None
) -> T:
    """`Store.once` of the run that is evaluated; without one the result of `make`.

    Example:
        >>> once("two", (), lambda: 2, PLAIN)
        2
    """
    store = _OPEN.get()
    return make() if store is None else store.once(name, of, make, form, least)


def fields_of(kind: Callable[..., T]) -> Form[T]:
    """The form of a dataclass whose fields are tensors, None, or plain values.

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
