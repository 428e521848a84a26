"""Of which weights a report is: a report of other weights, or of an edited configuration, is noticed.

A report in a run folder keeps the SHA-256 of the file of the weights and a digest of what the model is built
from. The file is hashed again only where its size or time of change is another, so that many evaluated runs
are read at once.
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
BLOCK = 1 << 20


@dataclass(frozen=True)
class Provenance:
    """Where the numbers of a report come from.

    Args:
        weights: SHA-256 of the file of the weights.
        size: of that file, in bytes.
        changed: when it was written, in nanoseconds.
        config: SHA-256 of each part of `config.json` that a model is built and trained from.
        version: of the library that measured.
    """

    weights: str
    size: int
    changed: int
    config: dict[str, str]
    version: str

    def json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def provenance_of(folder: Path) -> Provenance:
    """The provenance of what is measured now of the run in `folder`."""
    file = folder / WEIGHTS
    stat = file.stat()
    digests = parts_of(read_json(folder / CONFIG))
    return Provenance(sha256_of(file), stat.st_size, stat.st_mtime_ns, digests, __version__)


def parts_of(config: Mapping[str, Any]) -> dict[str, str]:
    """The digest of each part of a configuration; scores that were recorded in it are no part."""
    text = lambda part: json.dumps(config.get(part), sort_keys=True)
    return {part: hashlib.sha256(text(part).encode()).hexdigest()[:16] for part in BUILT_FROM}


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def doubt(folder: Path, provenance: Mapping[str, Any]) -> str | None:
    """Why a report with this provenance is not one of the run as it is now; None: it is.

    Args:
        folder: the run.
        provenance: as `Provenance.json` gives it.
    """
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
