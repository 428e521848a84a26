"""How the program speaks: results on standard output, what happens meanwhile on standard error."""

from __future__ import annotations

import ast
import json
import logging
import re
import shlex
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulacra.core.renamed import OldName
from simulacra.core.storage.plain_text import printable

# a value is a word, or stands in quotation marks
LOADED = re.compile(
    r"load(?:ed)? (?:the data|it|them) with (\w+)=(?:'([^']*)'|([\w.-]+?))"
    r"(?=[.,:; ]*(?:$| or | and | to | where | if ))"
)

# "declare the column with types={'a': 'drop'}", "order the rows by it with time='date'", "or test=0"
BESIDE = re.compile(r"\b(with|or|and) (types|time|missing|validation|test)=(?:'([^']*)'|(\{[^{}]*\})|(\w+))")

INTERRUPTED = 130  # exit code


class Stderr(logging.Handler):
    """Log messages as lines of standard error, beside a progress bar."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the message; warnings say so."""
        kind = "warning: " if record.levelno >= logging.WARNING else ""
        self.last = record.getMessage()
        line = printable(f"simulacra: {kind}{self.last}" if kind else self.last)
        # a bar that stands on the terminal makes way for the line
        if "tqdm" in sys.modules:
            sys.modules["tqdm"].tqdm.write(line, file=sys.stderr)
        else:
            print(line, file=sys.stderr, flush=True)


@contextmanager
def logged() -> Iterator[Stderr]:
    """The library's log on standard error for as long as a command runs; old names are said once."""
    log, handler = logging.getLogger("simulacra"), Stderr()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", OldName)
            warnings.showwarning = _old_names_to(log, warnings.showwarning)
            yield handler
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


@contextmanager
def killed_politely() -> Iterator[None]:
    """Within, SIGTERM ends a command as Ctrl-C does: what was done is kept, and the exit code is 130."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def shown(folder: Path | None = None) -> Iterator[None]:
    """Show what is long within: a line beforehand, a bar on a terminal, and `progress.json`.

    Args:
        folder: of the run, or None.
    """
    from simulacra.core.progress.display import WAIT, sinks
    from simulacra.core.progress.tasks import showing

    with showing(*sinks(folder, wait=WAIT)):
        yield


def _old_names_to(log: logging.Logger, others: Callable[..., None]) -> Callable[..., None]:
    """What shows warnings: old names in the log, each once, and the rest as before."""
    told: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if not issubclass(category, OldName):
            others(message, category, *rest, **more)
        elif str(message) not in told:
            told.add(str(message))
            log.warning("%s", message)

    return show


def error(message: str) -> None:
    """One line about what was wrong."""
    said = printable(in_options(" ".join(message.split())))
    print(f"simulacra: error: {said}", file=sys.stderr, flush=True)


def in_options(message: str) -> str:
    """A mend in Python as an option of the command line.

    Example:
        >>> in_options("an RBM needs binary data: load the data with binarize='dynamic'.")
        'an RBM needs binary data: add --data.binarize dynamic.'
    """
    message = LOADED.sub(lambda found: f"add --data.{found[1]} {shlex.quote(value_of(found))}", message)
    return BESIDE.sub(
        lambda found: f"{found[1]} --data.{found[2]} {shlex.quote(value_beside(found))}", message
    )


def value_beside(found: re.Match[str]) -> str:
    """The value of an option within a sentence; mappings as JSON."""
    if found[4] is None:
        return found[3] if found[3] is not None else found[5]
    try:
        return json.dumps(ast.literal_eval(found[4]), ensure_ascii=False)
    except (ValueError, SyntaxError):
        return found[4]


def value_of(found: re.Match[str]) -> str:
    """The value that a mend names, as it is typed."""
    value = found[2] if found[2] is not None else found[3]
    return value.lower() if value in ("True", "False") else value


def say(*lines: str) -> None:
    """Lines of the result, at once."""
    for line in lines:
        print(printable(line), flush=True)


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Columns that are as wide as they need to be; the last one is left as it is.

    Example:
        >>> print(table([("a", "b"), ("long", "c")]))
        a     b
        long  c
    """
    widths = [max(map(len, column)) for column in list(zip(*rows))[:-1]]
    lines = ["  ".join([*(f"{cell:<{w}}" for cell, w in zip(row, widths)), row[-1]]) for row in rows]
    return "\n".join(line.rstrip() for line in lines)
