"""Findings of the doctor: a measurement, its normal range, its meaning and a suggestion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from simulacra.core.renamed import renamed_arguments, renames_attributes

Severity = Literal["ok", "unknown", "note", "warning"]
ORDER: tuple[Severity, ...] = ("warning", "note", "unknown", "ok")  # order of display


@renames_attributes
@dataclass(frozen=True)
class Finding:
    """One result of the doctor.

    Args:
        severity: `ok`, `unknown` (too few rows to tell), `note` or `warning`.
        name: name of the check, such as `posterior collapse`.
        measured: the measured numbers.
        normal: the numbers of a healthy model.
        meaning: interpretation of the numbers.
        suggestion: remedy to try; empty if all is well.
        see: a row of docs/systems.md such as `E7`, or a page such as `docs/doctor.md#posterior-collapse`.
        options: command-line options that the suggestion names, as typed: `--model.kl_warmup 0.5`.

    Example:
        >>> print(Finding("note", "idle units", "2 of 4 are idle", "none", "too long a code", "latent=2"))
        note: idle units: 2 of 4 are idle (normal: none): too long a code; try latent=2.
    """

    severity: Severity
    name: str
    measured: str
    normal: str = ""
    meaning: str = ""
    suggestion: str = ""
    see: str = ""
    options: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """All parts but severity and name, in one line."""
        said = f"{self.measured} (normal: {self.normal})" if self.normal else self.measured
        said += f": {self.meaning}" if self.meaning else ""
        said += f"; try {self.suggestion}" if self.suggestion else ""
        return f"{said} [{self.see}]." if self.see else f"{said}."

    def json(self) -> dict[str, Any]:
        """Returns the finding as JSON, including the composed sentence."""
        return {**asdict(self), "sentence": self.sentence}

    def __str__(self) -> str:
        return f"{self.severity}: {self.name}: {self.sentence}"


def read_finding(content: Mapping[str, Any]) -> Finding:
    """Returns the finding that `Finding.json` wrote; files of version 0.1 held a sentence and no parts.

    Args:
        content: JSON of a finding.

    Raises:
        KeyError: if an entry is missing.

    Example:
        >>> read_finding({"severity": "ok", "name": "a", "sentence": "It is well."}).sentence
        'It is well.'
    """
    content = renamed_arguments(["Finding"], content, quiet=True)
    severity, name = content["severity"], content["name"]
    if "measured" not in content:
        return Finding(severity, name, content["sentence"].removesuffix("."))
    parts = {part: content[part] for part in ("measured", "normal", "meaning", "suggestion", "see")}
    # findings of version 0.2 had no options
    return Finding(severity, name, **parts, options=tuple(content.get("options", ())))
