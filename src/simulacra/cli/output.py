"""Output of the program: results on standard output, logs, progress and errors on standard error."""

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

# "load the data with NAME=VALUE" in error messages; VALUE is a word, or in quotation marks
LOADED = re.compile(
    r"load(?:ed)? (?:the data|it|them) with (\w+)=(?:'([^']*)'|([\w.-]+?))"
    r"(?=[.,:; ]*(?:$| or | and | to | where | if ))"
)

# further options in error messages: "declare the column with types={'a': 'drop'}", "or test=0"
BESIDE = re.compile(
    r"\b(with|or|and) (types|time|missing|validation|test|window|condition)=(?:'([^']*)'|(\{[^{}]*\})|(\w+))"
)

INTERRUPTED = 130  # exit code


class Stderr(logging.Handler):
    """Logging handler that prints lines on standard error without breaking a progress bar."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints the message; warnings begin with `warning:`."""
        kind = "warning: " if record.levelno >= logging.WARNING else ""
        self.last = record.getMessage()
        line = printable(f"simulacra: {kind}{self.last}" if kind else self.last)
        # tqdm clears a progress bar, prints the line and draws the bar again
        if "tqdm" in sys.modules:
            sys.modules["tqdm"].tqdm.write(line, file=sys.stderr)
        else:
            print(line, file=sys.stderr, flush=True)


@contextmanager
def logged() -> Iterator[Stderr]:
    """Context that prints the library's log on standard error; warnings of old names appear once each."""
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
    """Context in which SIGTERM raises KeyboardInterrupt, so that work is kept and the exit code is 130."""
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
    """Context that reports the progress of long tasks: a line, a bar on a terminal, and `progress.json`.

    Args:
        folder: run folder for `progress.json`; None: no such file.
    """
    from simulacra.core.progress.display import WAIT, sinks
    from simulacra.core.progress.tasks import showing

    with showing(*sinks(folder, wait=WAIT)):
        yield


def _old_names_to(log: logging.Logger, others: Callable[..., None]) -> Callable[..., None]:
    """Returns a function for `warnings.showwarning` that logs each warning of an old name once.

    Args:
        log: logger for warnings of old names.
        others: function that shows all other warnings.
    """
    told: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if not issubclass(category, OldName):
            others(message, category, *rest, **more)
        elif str(message) not in told:
            told.add(str(message))
            log.warning("%s", message)

    return show


def error(message: str) -> None:
    """Prints an error message as one line."""
    said = printable(in_options(" ".join(message.split())))
    print(f"simulacra: error: {said}", file=sys.stderr, flush=True)


def in_options(message: str) -> str:
    """Rewrites a remedy in Python, such as `load the data with ...`, as an option of the command line.

    Example:
        >>> in_options("an RBM needs binary data: load the data with binarize='dynamic'.")
        'an RBM needs binary data: add --data.binarize dynamic.'
    """
    message = LOADED.sub(lambda found: f"add --data.{found[1]} {shlex.quote(value_of(found))}", message)
    return BESIDE.sub(
        lambda found: f"{found[1]} --data.{found[2]} {shlex.quote(value_beside(found))}", message
    )


def value_beside(found: re.Match[str]) -> str:
    """Returns the value of a match of `BESIDE`; mappings as JSON."""
    if found[4] is None:
        return found[3] if found[3] is not None else found[5]
    try:
        return json.dumps(ast.literal_eval(found[4]), ensure_ascii=False)
    except (ValueError, SyntaxError):
        return found[4]


def value_of(found: re.Match[str]) -> str:
    """Returns the value of a match of `LOADED`, as typed on the command line."""
    value = found[2] if found[2] is not None else found[3]
    return value.lower() if value in ("True", "False") else value


def say(*lines: str) -> None:
    """Prints lines of the result, flushed."""
    for line in lines:
        print(printable(line), flush=True)


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Returns rows as aligned columns; the last column is not padded.

    Example:
        >>> print(table([("a", "b"), ("long", "c")]))
        a     b
        long  c
    """
    widths = [max(map(len, column)) for column in list(zip(*rows))[:-1]]
    lines = ["  ".join([*(f"{cell:<{w}}" for cell, w in zip(row, widths)), row[-1]]) for row in rows]
    return "\n".join(line.rstrip() for line in lines)
