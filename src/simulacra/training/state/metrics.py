"""Metrics in a CSV file, which is truncated to the checkpoint on resume."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from simulacra.core.storage.files import write_atomically

NAME = "metrics.csv"
FIXED = ["stage", "step", "epoch", "seconds"]
WHOLE = ("step", "total_step")


def read_numbers(path: Path) -> list[dict[str, Any]]:
    """Reads a metrics file: the stage as text, steps as integers, all else as floats.

    Rows contain only the columns with a value.

    Raises:
        ValueError: if the file is damaged.
    """
    with open(path, newline="", encoding="utf-8") as file, _sound(path):
        rows = list(csv.DictReader(file))
    return [
        {name: typed for name, text in row.items() if (typed := _typed(name, text)) is not None}
        for row in rows
    ]


@contextlib.contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Turns errors of a damaged file into one that names it."""
    try:
        yield
    except (csv.Error, UnicodeError) as error:
        raise ValueError(f"{path} is damaged ({error}): remove the line, or the file.") from error


def _typed(name: str, text: str | None) -> Any:
    if name == "stage":
        return text
    with contextlib.suppress(ValueError, TypeError):
        return int(text or "") if name in WHOLE else float(text or "")
    return None


class Metrics:
    """Rows of metrics; new columns may appear later, for example with another stage.

    Args:
        path: CSV file; None: nothing is written.
        keep: rows with at most so many total steps are kept, later ones are removed.
    """

    def __init__(self, path: Path | None, keep: int = 0):
        self.path = path
        self.columns = [*FIXED, "total_step"]
        self.rows: list[dict[str, str]] = []
        self._file: IO[str] | None = None
        if path is not None and path.is_file():
            self._read(path, keep)
        self._rewrite()

    def _read(self, path: Path, keep: int) -> None:
        with open(path, newline="", encoding="utf-8") as file, _sound(path):
            reader = csv.DictReader(file)
            self.columns = list(reader.fieldnames or self.columns)
            # a row that a killed process did not finish has no total step
            self.rows = [r for r in reader if (r.get("total_step") or "").isdigit()]
        self.rows = [r for r in self.rows if int(r["total_step"]) <= keep and None not in r.values()]

    def add(self, where: Mapping[str, object], values: Mapping[str, float]) -> None:
        """Adds a row and writes it to the file at once.

        Args:
            where: stage, step, epoch, seconds and total step.
            values: numbers by name.
        """
        row = {name: str(value) for name, value in where.items()}
        row |= {name: f"{value:.8g}" for name, value in values.items()}
        self.rows.append(row)
        fresh = [name for name in row if name not in self.columns]
        if fresh:
            self.columns += fresh
            self._rewrite()
        elif self._file is not None:
            try:
                csv.DictWriter(self._file, self.columns, restval="").writerow(row)
                self._file.flush()
            except OSError as error:
                raise ValueError(f"{self.path} could not be written ({error}).") from error

    def _rewrite(self) -> None:
        if self.path is None:
            return
        self.close()
        write_atomically(self.path, self._write)
        self._file = open(self.path, "a", newline="", encoding="utf-8")  # noqa: SIM115

    def _write(self, aside: Path) -> None:
        with open(aside, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows)

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            # errors such as a full disk were reported when the row was written
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
