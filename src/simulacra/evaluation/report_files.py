"""Files of a report, written so that a killed process leaves either the old report or the new one.

    1  scores.next.safetensors    the new scores, with the number of their report
    2  report.json                contains that number: from here on the new report is valid
    3  report.md                  is generated from the report
    4  scores.safetensors         is replaced by file 1; until then the new scores are read from 1

Each step replaces one file atomically. After a kill before step 2, the old report is valid with the old
scores; after it, the scores are those whose number the report contains, and the next reader makes the missing
steps.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from simulacra.core.storage.files import (
    ABANDONED,
    read_json,
    read_tensors,
    remove_unfinished,
    write_atomically,
    write_json,
    write_tensors,
)
from simulacra.core.storage.nested import make_folder

REPORT, SCORES, PAGE = "report.json", "scores.safetensors", "report.md"
NEXT = "scores.next.safetensors"


@dataclass(frozen=True)
class Files:
    """A report and its scores as read.

    Args:
        content: content of `report.json`.
        scores: scores of rows, by name of their estimate.
        header: metadata of the scores file.
        unfinished: True if steps 3 and 4 above are missing.
    """

    content: dict[str, Any]
    scores: dict[str, Tensor]
    header: dict[str, Any]
    unfinished: bool

    @property
    def agree(self) -> bool:
        """True if the scores belong to the report; reports of version 0.2 have no number."""
        same = self.header["digest"] == self.content["protocol"]["digest"]
        return same and self.header.get("report") == self.content.get("scores")


def write_files(folder: Path, content: Mapping[str, Any], scores: Mapping[str, Tensor], page: str) -> None:
    """Writes a report in the order above.

    Args:
        folder: folder, created if it does not exist.
        content: content of `report.json`.
        scores: scores of rows, by name of their estimate.
        page: content of `report.md`.

    Raises:
        ValueError: if a file cannot be written; then the old or the new report is valid.
    """
    make_folder(folder)
    remove_unfinished(folder, ABANDONED)
    number = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]
    write_tensors(folder / NEXT, scores, {"digest": content["protocol"]["digest"], "report": number})
    write_json(folder / REPORT, {**content, "scores": number})
    finish(folder, page)


def finish(folder: Path, page: str) -> None:
    """Makes steps 3 and 4, unless another process has made them.

    Args:
        folder: folder of the report.
        page: content of `report.md`.
    """
    write_atomically(folder / PAGE, lambda aside: aside.write_text(page, encoding="utf-8"))
    with contextlib.suppress(FileNotFoundError):
        os.replace(folder / NEXT, folder / SCORES)


def read_files(folder: Path) -> Files:
    """Reads a report and its scores without comparing them.

    Raises:
        ValueError: if one of them is missing or damaged.
    """
    content = read_json(folder / REPORT)
    if (folder / NEXT).is_file():
        with contextlib.suppress(ValueError):
            scores, header = read_tensors(folder / NEXT)
            if header.get("report") is not None and header["report"] == content.get("scores"):
                return Files(content, scores, header, True)
    return Files(content, *read_tensors(folder / SCORES), False)
