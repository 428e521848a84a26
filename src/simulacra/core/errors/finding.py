"""A finding: what was measured, what is normal, what it means, what to try, and where it is written up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from simulacra.core.renamed import renamed_arguments, renames_attributes

Severity = Literal["ok", "note", "warning"]
ORDER: tuple[Severity, ...] = ("warning", "note", "ok")  # as they are shown


@renames_attributes
@dataclass(frozen=True)
class Finding:
    """What the doctor says about one thing.

    Args:
        severity: `ok`, `note` or `warning`.
        name: what was looked for, such as `posterior collapse`.
        measured: the numbers.
        normal: what they are in a healthy model.
        means: what they say.
        mend: what to try; empty where all is well.
        see: a row of docs/systems.md such as `E7`, or a page such as `docs/doctor.md#posterior-collapse`.
        options: those of the command line that the mend names, as they are typed: `--model.kl_warmup 0.5`.

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
        """The finding as JSON, the composed sentence with it."""
        return {**asdict(self), "sentence": self.sentence}

    def __str__(self) -> str:
        return f"{self.severity}: {self.name}: {self.sentence}"


def read_finding(content: Mapping[str, Any]) -> Finding:
    """A finding from `Finding.json`; those of 0.1 had a sentence and no parts.

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
    # those of 0.2 had no options
    return Finding(severity, name, **parts, options=tuple(content.get("options", ())))
