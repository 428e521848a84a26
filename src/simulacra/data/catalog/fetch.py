"""`simulacra data get NAME`: resumable downloads from the publishers.

Bytes go into a `.part` file beside the target; a later call asks the server for the rest. Only a file with
the registered digest is moved into place; one with another digest is removed. This file imports no torch.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import http.client
import os
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from simulacra.core.storage.links import unlinked
from simulacra.core.storage.nested import make_folder
from simulacra.data.catalog import names
from simulacra.data.catalog.registry import REMOTES, Remote

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

Progress = Callable[[str, int, int | None], None]
CHUNK = 2**18
ATTEMPTS = 5  # connections in a row without new bytes after which an address is given up
TIMEOUT = 30.0
OWN_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG}
PAUSE = 0.5  # seconds before a new connection, doubled each time


class Failed(Exception):
    """Raised if an address does not provide the file."""


def fetch(
    name: str,
    folder: str | Path | None = None,
    base_url: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Downloads the data set `name` and returns the folder that holds it.

    Args:
        name: name of a data set that is kept in files, such as `mnist`.
        folder: data folder; None: SIMULACRA_DATA, or the user's cache.
        base_url: address of a mirror with files of the same names, tried alone; None: the registered
            addresses.
        progress: called as `progress(file, bytes so far, bytes in all or None)`.

    Raises:
        ValueError: if the name is unknown, needs no download or must be obtained by hand, no address answers,
            the disk is full, or the downloaded file has another digest.

    Example:
        >>> fetch("digits")
        Traceback (most recent call last):
        ValueError: digits needs no download: load_data('digits') makes it.
    """
    entry = names.find(name)
    if entry.kind != "files":
        raise ValueError(f"{name} needs no download: load_data({name!r}) makes it.")
    if entry.by_hand:
        raise ValueError(f"{name} cannot be fetched from here: {entry.by_hand} below {names.homes()[0]}.")
    home = Path(folder).expanduser() if folder is not None else names.homes()[0]
    if base_url is not None and not base_url.startswith(("http://", "https://")):
        raise ValueError(f"base_url={base_url!r} must begin with http:// or https://.")
    show = progress or (lambda file, done, total: None)
    try:
        for remote in REMOTES[name]:
            _get(remote, home, base_url, show)
    except OSError as error:
        raise ValueError(
            f"{name} could not be written below {home} ({error}): make room or choose another folder; "
            "the same command goes on where this one stopped."
        ) from error
    return (home / REMOTES[name][0].path).parent


def _get(remote: Remote, home: Path, base_url: str | None, progress: Progress) -> None:
    """Downloads one file, unless it is there already."""
    target = home / remote.path
    if _there(remote, target):
        return
    make_folder(target.parent)
    if not target.is_file():
        urls = remote.urls if base_url is None else (f"{base_url.rstrip('/')}/{remote.name}",)
        part = target.with_name(f"{target.name}.part")
        with _alone(part):
            _download(remote, urls, part, progress)
            os.replace(part, target)
    if remote.members:
        _unpack(remote, target)
        target.unlink()


@contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Locks `part` against other processes, where the system can; removes it afterwards if it is empty."""
    unlinked(part).touch()
    if fcntl is None:
        yield
        return
    with open(part, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(f"another process is downloading {part}: wait until it has finished.") from error
        try:
            yield
        finally:
            if part.exists() and not _size(part):
                part.unlink()


def _there(remote: Remote, target: Path) -> bool:
    """Returns True if the file, or all that it unpacks to, is in place.

    Raises:
        ValueError: if another file is in its place, which is never overwritten.
    """
    members = [target.parent / member for member in remote.members]
    present = [path for path in members if path.is_file()]
    if members and len(present) == len(members):
        return True
    if not target.is_file():
        # without the archive, these members do not come from an interrupted unpacking of ours
        if present:
            raise ValueError(
                f"{present[0]} exists, but the set is not complete: move {present[0].parent} away, then run "
                "the command again."
            )
        return False
    if _digest(target, remote.unzip) != remote.sha256:
        raise ValueError(
            f"{target} exists but is not the published file (its SHA-256 differs): move it away, then "
            "run the command again."
        )
    return not members


def _digest(path: Path, unzip: bool) -> str | None:
    """Returns the SHA-256 of a file or of its unzipped content; None if it cannot be unzipped."""
    h = hashlib.sha256()
    try:
        with open(path, "rb") as raw, gzip.GzipFile(fileobj=raw) if unzip else raw as file:
            while chunk := file.read(CHUNK):
                h.update(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return None
    return h.hexdigest()


# ---- download


def _download(remote: Remote, urls: tuple[str, ...], part: Path, progress: Progress) -> None:
    """Downloads to `part` from the first address that provides the published file."""
    reasons = []
    for url in urls:
        # bytes of an earlier call may be wrong: then try once more from the start
        for _ in range(2 if _size(part) else 1):
            try:
                _from(url, remote, part, progress)
                return _verify(remote, part)
            except Failed as failure:
                reason = f"{url}: {failure}"
        reasons.append(reason)
    raise ValueError(
        f"{remote.name} could not be downloaded ({'; '.join(reasons)}): check the connection and run the "
        f"command again, or put the file into {part.parent} yourself."
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _verify(remote: Remote, part: Path) -> None:
    """Empties `part` and raises Failed unless it is the published file."""
    found = _digest(part, remote.unzip)
    if found != remote.sha256:
        os.truncate(part, 0)
        differs = f"SHA-256 {found[:16]} instead of {remote.sha256[:16]}" if found else "no valid gzip"
        raise Failed(f"what came is not the published file and was removed ({differs})")


def _from(url: str, remote: Remote, part: Path, progress: Progress) -> None:
    """Connects until the file is complete; gives up after `ATTEMPTS` connections without new bytes."""
    idle = 0
    while idle < ATTEMPTS:
        before = _size(part)
        try:
            if _connect(url, remote, part, progress):
                return
            reason = "the connection was cut"
        except HTTPError as error:
            if error.code == 416:
                # the server has nothing more to send; the digest is checked next
                return
            if error.code < 500:
                raise Failed(f"HTTP {error.code}") from error
            reason = f"HTTP {error.code}"
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) in OWN_DISK:
                raise
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        idle = 0 if _size(part) > before else idle + 1
        time.sleep(PAUSE * 2 ** max(0, idle - 1))
    raise Failed(reason)


def _connect(url: str, remote: Remote, part: Path, progress: Progress) -> bool:
    """Requests the missing bytes and appends them to `part`; returns True if the file is complete."""
    start = _size(part)
    headers = {"User-Agent": "simulacra", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with urlopen(Request(url, headers=headers), timeout=TIMEOUT) as response:
        if start and response.status != 206:
            # a server that ignores the range sends the whole file again
            start = 0
        elif start and not _starts_at(response.headers.get("Content-Range", ""), start):
            raise Failed("the server sent another range than was asked for")
        rest = response.headers.get("Content-Length") or ""
        total = start + int(rest) if rest.isdigit() else None
        os.truncate(part, start)
        with open(part, "ab") as file:
            done = _copy(response, file, start, remote, total, progress)
            file.flush()
            os.fsync(file.fileno())
    if _too_long(remote, done):
        os.truncate(part, 0)
        raise Failed(f"more came than the {remote.size} bytes that are published, and was removed")
    return total is None or done >= total


def _starts_at(content_range: str, start: int) -> bool:
    return content_range.replace("=", " ").startswith(f"bytes {start}-")


def _copy(
    response: IO[bytes], file: IO[bytes], done: int, remote: Remote, total: int | None, progress: Progress
) -> int:
    progress(remote.name, done, total or remote.size)
    while chunk := response.read(CHUNK):
        file.write(chunk)
        done += len(chunk)
        progress(remote.name, done, total or remote.size)
        if _too_long(remote, done):
            # stop before the disk is full: the file is refused anyway
            break
    return done


def _too_long(remote: Remote, done: int) -> bool:
    # gzipped copies of the same data differ slightly in size
    return remote.size is not None and done > 2 * remote.size


# ---- archives


def _unpack(remote: Remote, archive: Path) -> None:
    """Extracts the registered members, each moved into place when complete; writes no other path."""
    with tarfile.open(archive, "r:gz") as tar:
        for member in remote.members:
            target = archive.parent / member
            try:
                source = tar.extractfile(member)
            except KeyError:
                source = None
            if source is None:
                raise ValueError(f"{archive} has no member {member}: remove it and run the command again.")
            make_folder(target.parent)
            aside = unlinked(target.with_name(f"{target.name}.part"))
            with source, open(aside, "wb") as file:
                while chunk := source.read(CHUNK):
                    file.write(chunk)
                os.fsync(file.fileno())
            os.replace(aside, target)
