"""Detects reports that belong to other weights, or to a configuration that was edited since.

A report in a run folder contains the SHA-256 of the weights file and a digest of the model's configuration.
The file is hashed again only if its size or modification time differs, so that reading many runs is fast.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from simulacra.core.artifact.save import CONFIG, WEIGHTS
from simulacra.core.storage.files import read_json
from simulacra.version import __version__

BUILT_FROM = ("model", "arguments", "passed", "preprocessing", "data", "options")
LATER = ("conditioning",)  # parts that only some configurations have
BLOCK = 1 << 20


KINDS = {"weights": str, "size": int, "changed": int, "config": Mapping}  # what a file must hold


@dataclass(frozen=True)
class Provenance:
    """Origin of the numbers of a report.

    Args:
        weights: SHA-256 of the weights file.
        size: its size in bytes.
        changed: its modification time in nanoseconds.
        config: SHA-256 of each part of `config.json` from which the model is built and trained.
        version: version of the library that made the report.
    """

    weights: str
    size: int
    changed: int
    config: dict[str, str]
    version: str

    def json(self) -> dict[str, Any]:
        """Returns a dictionary for JSON."""
        return asdict(self)


def provenance_of(folder: Path) -> Provenance:
    """Returns the provenance of the present weights and configuration of a run."""
    file = folder / WEIGHTS
    stat = file.stat()
    digests = parts_of(read_json(folder / CONFIG))
    return Provenance(sha256_of(file), stat.st_size, stat.st_mtime_ns, digests, __version__)


def parts_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Returns the digest of each part of a configuration, without recorded scores."""
    text = lambda part: json.dumps(config.get(part), sort_keys=True)
    parts = [*BUILT_FROM, *(part for part in LATER if part in config)]
    return {part: hashlib.sha256(text(part).encode()).hexdigest()[:16] for part in parts}


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def doubt(folder: Path, provenance: Mapping[str, Any]) -> str | None:
    """Returns the reason why a report does not belong to the run's present state; None if it does.

    Args:
        folder: run folder.
        provenance: provenance of the report, as `Provenance.json` returns it.
    """
    if not all(isinstance(provenance.get(name), kind) for name, kind in KINDS.items()):
        return "the provenance of its report is damaged"
    edited = [
        part
        for part, digest in parts_of(read_json(folder / CONFIG)).items()
        if provenance["config"].get(part) != digest
    ]
    if edited:
        return f"the {' and '.join(edited)} in its {CONFIG} were edited since its report was made"
    stat = (folder / WEIGHTS).stat()
    if (stat.st_size, stat.st_mtime_ns) == (provenance["size"], provenance["changed"]):
        return None
    if sha256_of(folder / WEIGHTS) != provenance["weights"]:
        return f"its {WEIGHTS} changed since its report was made"
    return None
