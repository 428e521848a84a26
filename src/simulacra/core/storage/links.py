"""Symbolic links in untrusted folders: reads and writes never follow a link out of its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

MOST = 100_000  # most entries of a run folder


def check_links(folder: Path, *names: str) -> None:
    """Checks that no link in `folder` leads out of it.

    The folder itself may be reached by links, since that is the user's choice.

    Args:
        folder: a run, or a saved model.
        names: entries to check; none: everything below the folder.

    Raises:
        ValueError: if a link leads out of the folder, or the folder has too many entries to check.
    """
    root = os.path.realpath(folder)
    entries = [os.path.join(root, name) for name in names] if names else _below(root, folder)
    for path in entries:
        target = os.path.realpath(path)
        if os.path.islink(path) and os.path.commonpath([root, target]) != root:
            raise ValueError(
                f"{folder} holds a link that leads out of it, {os.path.relpath(path, root)} to {target}: "
                "remove it, or put the file itself there."
            )


def _below(root: str, folder: Path) -> Iterator[str]:
    seen = 0
    for place, folders, files in os.walk(root):
        seen += len(folders) + len(files)
        if seen > MOST:
            raise ValueError(f"{folder} holds more than {MOST:,} files: a run has some hundreds.")
        yield from (os.path.join(place, name) for name in (*folders, *files))


def unlinked(path: Path) -> Path:
    """Returns the path of a file to be written; removes a link of that name instead of following it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "a").symlink_to(folder / "b")
        >>> unlinked(folder / "a").is_symlink()
        False
    """
    if path.is_symlink():
        path.unlink()
    return path
