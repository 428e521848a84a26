"""Folders made level by level, however deep; this file imports no torch."""

from __future__ import annotations

import contextlib
from pathlib import Path


def make_folder(folder: Path) -> list[Path]:
    """Makes a folder and those above it, however deep; returns those that were not there, deepest first.

    Args:
        folder: the folder.

    Raises:
        OSError: if one of them cannot be made; then none is left.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> [path.name for path in make_folder(root / "a" / "b")], make_folder(root / "a" / "b")
        (['b', 'a'], [])
    """
    # Path.mkdir and os.makedirs call themselves for each level
    missing = []
    for path in (folder, *folder.parents):
        if path.is_dir():
            break
        missing.append(path)
    made: list[Path] = []
    try:
        for path in reversed(missing):
            # of several processes that start at once, each goes on with what another has made
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                made.insert(0, path)
        if not folder.is_dir():
            folder.mkdir()
    except OSError:
        remove_empty(made)
        raise
    return made


def remove_empty(folders: list[Path]) -> None:
    """Removes folders, deepest first, until one is not empty.

    Args:
        folders: the folders.
    """
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()
