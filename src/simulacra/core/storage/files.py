"""Atomic writes (to a temporary file that is synced and renamed), and JSON with a format number."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from simulacra.core.storage import migration
from simulacra.core.storage.links import unlinked
from simulacra.core.storage.migration import current
from simulacra.core.storage.plain_json import load_json

LARGEST = 2**26  # bytes of a JSON file
ABANDONED = 3600.0  # seconds after which a file that is written aside has no writer any more
NAMED = 200  # bytes of an output's name that its name aside repeats
HEADER = "simulacra"  # entry of a safetensors header that holds our JSON
T = TypeVar("T")


def finite(content: Any) -> Any:
    """Returns content for JSON, with null in place of NaN and infinity, and lists in place of tuples.

    Example:
        >>> finite({"a": (1.5, float("nan"))})
        {'a': [1.5, None]}
    """
    if isinstance(content, dict):
        return {name: finite(entry) for name, entry in content.items()}
    if isinstance(content, list | tuple):
        return [finite(entry) for entry in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def aside_of(path: Path) -> Path:
    """Returns the path beside an output under which it is written, with a name that is never too long.

    Args:
        path: the output.

    Example:
        >>> len(aside_of(Path("a" * 255)).name) < 230
        True
    """
    name = os.fsencode(path.name)[:NAMED].decode("utf-8", "ignore")
    return path.with_name(f".{name}.{os.getpid()}.part")


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file under a temporary name and renames it, so that readers see the old or the new content.

    Args:
        path: file to write.
        write: function that writes the content to the path that it is given.

    Raises:
        ValueError: if the disk is full, or the folder is missing or not writable; the old file remains.
    """
    aside = unlinked(aside_of(path))
    try:
        write(aside)
        with open(aside, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(aside, path)
    # safetensors has its own exception for a full disk; an interrupt must leave no file either
    except BaseException as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        if not path.parent.is_dir():
            raise ValueError(
                f"the folder {path.parent} is gone, moved or removed, so that {path.name} could not be "
                "written: go on from where it is now."
            ) from error
        if isinstance(error, OSError) or "I/O error" in str(error) or "No space" in str(error):
            raise ValueError(
                f"{path} could not be written ({error}); what stood there is untouched."
            ) from error
        raise


def remove_unfinished(folder: Path, seconds: float = 0.0) -> None:
    """Removes files and folders that a killed process was writing aside.

    Args:
        folder: the folder in which it wrote.
        seconds: age of a file from which nobody is writing it any more; 0: nobody else writes here.
    """
    for part in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.lstat().st_mtime < seconds:
                continue
            if part.is_dir() and not part.is_symlink():
                shutil.rmtree(part)
            else:
                part.unlink()


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file with its format number.

    Args:
        path: file to write.
        content: entries of the file.
    """
    text = json.dumps({"format": migration.FORMAT, **content}, indent=2, default=str) + "\n"
    write_atomically(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def read_text(path: Path, most: int = LARGEST) -> str:
    """Returns the text of a small file, which is never a pipe or a device, since these may have no end.

    Args:
        path: the file.
        most: most bytes that are read.

    Raises:
        ValueError: if it is no file, or larger.
        OSError: if it is missing or cannot be read.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ValueError(f"{path} is a pipe, a socket or a device: give a file.")
    if path.is_file() and path.stat().st_size > most:
        raise ValueError(f"{path} is larger than {most >> 20} MiB: it was not written by simulacra.")
    return path.read_text(encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Returns the content of a JSON file of `write_json`, converted to the present format.

    Raises:
        ValueError: if it is missing, is not JSON, or comes from a newer version.
    """
    try:
        text = read_text(path)
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist.") from error
    except OSError as error:
        raise ValueError(f"{path} could not be read ({error}).") from error
    except UnicodeError as error:
        raise ValueError(f"{path} is not valid JSON ({error}).") from error
    try:
        content = load_json(text)
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON ({error}).") from error
    return current(content, path)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Writes tensors and a JSON header into one safetensors file.

    Args:
        path: file to write.
        tensors: tensors by name.
        header: entries of the header.
    """
    metadata = {HEADER: json.dumps({"format": migration.FORMAT, **header}, default=str)}
    ready = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    # safetensors refuses tensors that share memory
    unique: dict[int, str] = {}
    for name, t in ready.items():
        if t.numel() and unique.setdefault(t.data_ptr(), name) != name:
            ready[name] = t.clone()

    def write(aside: Path) -> None:
        # safetensors creates files that only their owner may read; restore the mode of the umask
        aside.touch()
        mode = aside.stat().st_mode
        save_file(ready, aside, metadata=metadata)
        aside.chmod(mode)

    write_atomically(path, write)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Returns the tensors and the header of a file of `write_tensors`.

    Raises:
        ValueError: if the file is missing, damaged or from a newer version.
    """
    return _read(path, lambda file, name: file.get_tensor(name))


@dataclass(frozen=True)
class Stored:
    """Shape and type of a tensor in a file.

    Args:
        shape: shape of the tensor.
        dtype: type as safetensors names it (`F32`).
    """

    shape: tuple[int, ...]
    dtype: str


def read_shapes(path: Path) -> tuple[dict[str, Stored], dict[str, Any]]:
    """Returns shapes and types of the tensors in a file, and its header, without reading the tensors.

    Raises:
        ValueError: as `read_tensors`.
    """
    return _read(path, lambda file, name: _stored(file.get_slice(name)))


def _stored(piece: Any) -> Stored:
    return Stored(tuple(piece.get_shape()), piece.get_dtype())


def _read(path: Path, get: Callable[[Any, str], T]) -> tuple[dict[str, T], dict[str, Any]]:
    if not path.is_file():
        raise ValueError(f"{path} does not exist.")
    try:
        # the header is checked against the file's size before anything is allocated
        with safe_open(path, framework="pt") as file:
            found = {name: get(file, name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
        header = load_json(metadata.get(HEADER, "null"))
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} is damaged or was not written by simulacra ({reason}).") from error
    return found, current(header, path)
