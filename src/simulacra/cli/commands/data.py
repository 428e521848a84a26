"""`simulacra data`: lists the named data sets; `get NAME` downloads one, `inspect PATH` describes any."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from simulacra.cli.options.arguments import Arguments, scan
from simulacra.cli.options.nearest_name import hint
from simulacra.cli.output import say, table
from simulacra.core.storage.plain_text import printable
from simulacra.data.catalog import names

HELP = """usage: simulacra data [get NAME [--folder FOLDER] [--base_url URL]]
       simulacra data inspect PATH_OR_NAME [--data.OPTION ...]

List the data sets with a name, or fetch one from its publisher; a download that was cut off goes on.
`inspect` says what is in a file, a folder or a data set, and what could be trained on it; its options
are those of `simulacra train`. Your own data need no name: give `simulacra train` a folder of images or
of .wav recordings, or a .wav, .npz, .npy, .csv or .mat file.

  --folder FOLDER  where data sets are kept (default: SIMULACRA_DATA, or the user's cache)
  --base_url URL   a copy that holds files of the same names"""


def run(words: Sequence[str]) -> int:
    """Lists the data sets, downloads one, or describes one.

    Args:
        words: command-line words after `data`.

    Raises:
        ValueError: if an option or an action is unknown, or a name is missing.
    """
    asked = scan(words)
    if "help" in asked.flags:
        say(HELP)
        return 0
    if asked.positional[:1] == ["inspect"]:
        return _inspect(asked)
    folder, base_url = asked.take("folder"), asked.take("base_url")
    if asked.pairs:
        raise ValueError(
            f"option '--{asked.pairs[0][0]}' is unknown; "
            f"{hint(asked.pairs[0][0], ['folder', 'base_url'], '--{}')}"
        )
    match asked.positional:
        case []:
            listing()
        case ["get", name]:
            get(name, folder, base_url)
        case ["get"]:
            raise ValueError("NAME is missing: simulacra data get NAME.")
        case [action, *_]:
            raise ValueError(f"data does not know {action!r}: simulacra data [get NAME | inspect PATH].")
    return 0


def _inspect(asked: Arguments) -> int:
    """Runs `data inspect PATH`."""
    match asked.positional[1:]:
        case [name]:
            # imported here, so that lists do not import torch
            from simulacra.cli.inspect import inspect

            inspect(name, asked.pairs)
        case []:
            raise ValueError("PATH is missing: simulacra data inspect PATH_OR_NAME.")
        case [_, more, *_]:
            raise ValueError(f"{more!r} is one word too many: simulacra data inspect PATH_OR_NAME.")
    return 0


def listing() -> None:
    """Prints every named data set and whether it is on this machine."""
    rows = [("name", "ready", "where, or how to get it", "what it is")]
    rows += [(s.name, "yes" if s.ready else "no", s.where, s.description) for s in names.available()]
    say(table(rows))


def get(name: str, folder: str | None, base_url: str | None) -> None:
    """Downloads a data set and prints its folder.

    Args:
        name: name of the data set in the catalogue.
        folder: folder for data sets; None: SIMULACRA_DATA, or the user's cache.
        base_url: address of a mirror with files of the same names; None: the publisher.

    Raises:
        ValueError: if the name is unknown or needs no download, or the download failed.
    """
    from simulacra.data.catalog.fetch import fetch

    bar = Bar()
    try:
        where = fetch(name, folder, base_url, bar)
    finally:
        bar.close()
    say(f"{name} is in {where}")


class Bar:
    """Download progress: one line that is overwritten on a terminal, otherwise one line for each file."""

    def __init__(self) -> None:
        self.file, self.live = "", sys.stderr.isatty()

    def __call__(self, file: str, done: int, total: int | None) -> None:
        """Reports progress.

        Args:
            file: name of the file.
            done: bytes downloaded so far.
            total: size of the file in bytes; None: unknown.
        """
        share = f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB" if total else f"{done / 1e6:,.1f} MB"
        if self.live:
            print(
                f"{'' if file == self.file else self._next()}\r{printable(file)}: {share}   ",
                end="",
                file=sys.stderr,
            )
        elif file != self.file:
            print(f"{printable(file)}: fetching ({share})", file=sys.stderr, flush=True)
        self.file = file

    def _next(self) -> str:
        """Returns the line break that ends the previous file's line; empty before the first file."""
        return "\n" if self.file else ""

    def close(self) -> None:
        """Ends the current line."""
        if self.live:
            print(self._next(), end="", file=sys.stderr, flush=True)
