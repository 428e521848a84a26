"""The files of a report, which change together: a kill leaves the old report or the new one.

    1  scores.next.safetensors    the new scores, with the number of their report
    2  report.json                names that number: from here on the new report stands
    3  report.md                  follows from the report
    4  scores.safetensors         takes the name; until then the new scores are read from 1

Each step is one file that is put in place whole. After a kill before step 2 the old report stands with the
old scores; after it the new scores are those that the report names, and the next reader makes the steps that
lack.
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

REPORT, SCORES, PAGE = "report.json", "scores.safetensors", "report.md"
NEXT = "scores.next.safetensors"


@dataclass(frozen=True)
class Files:
    """What was read.

    Args:
        content: of the report.
        scores: of rows, by the name of their estimate.
        header: of the scores.
        unfinished: whether steps of the table above lack.
    """

    content: dict[str, Any]
    scores: dict[str, Tensor]
    header: dict[str, Any]
    unfinished: bool

    @property
    def agree(self) -> bool:
        """Returns True if the scores are those of the report; reports of 0.2 have no number."""
        same = self.header["digest"] == self.content["protocol"]["digest"]
        return same and self.header.get("report") == self.content.get("scores")


def write_files(folder: Path, content: Mapping[str, Any], scores: Mapping[str, Tensor], page: str) -> None:
    """Write a report in the order of the table above.

    Args:
        folder: made where there is none.
        content: of `report.json`.
        scores: of rows, by the name of their estimate.
        page: of `report.md`.

    Raises:
        ValueError: if a file cannot be written; the old report or the new one stands.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder, ABANDONED)
    number = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]
    write_tensors(folder / NEXT, scores, {"digest": content["protocol"]["digest"], "report": number})
    write_json(folder / REPORT, {**content, "scores": number})
    finish(folder, page)


def finish(folder: Path, page: str) -> None:
    """The last two steps; another process may have made them."""
    write_atomically(folder / PAGE, lambda aside: aside.write_text(page, encoding="utf-8"))
    with contextlib.suppress(FileNotFoundError):
        os.replace(folder / NEXT, folder / SCORES)


def read_files(folder: Path) -> Files:
    """The report in a folder and its scores; nothing is compared yet.

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
