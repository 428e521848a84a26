"""The form of `condition=` that makes two domains, from text.

domain:FOLDER           rows of the data are one domain, those of another folder the other one
domain:edges            half of the rows become what a corruption makes of them, the others stay
domain:cat,dog          rows of two classes, or of files with these words in their names; others are left out
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulacra.core.corruption.corruption import Corruption
from simulacra.core.corruption.parse import KINDS
from simulacra.core.errors.suggestion import Refusal, load_with

DOMAIN = "domain"


@dataclass(frozen=True)
class Domain:
    """Two domains of rows without pairs.

    Args:
        other: folder of the second domain, two names, or the corruption that makes it of half of the rows.
    """

    other: Path | tuple[str, str] | Corruption

    @property
    def text(self) -> str:
        """The form as it is typed, with the whole path of a folder."""
        if isinstance(self.other, Path):
            return f"{DOMAIN}:{self.other.resolve()}"
        return f"{DOMAIN}:{self.other.text if isinstance(self.other, Corruption) else ','.join(self.other)}"


def domain_of(condition: str | None) -> Domain | None:
    """Returns the two domains that a condition names; None where it names none.

    Args:
        condition: the option `condition` of `load_data`.

    Raises:
        ValueError: if the second domain is missing, or there are not two names.

    Example:
        >>> domain_of("domain:cat, dog").other, domain_of("domain:edges").text, domain_of("label")
        (('cat', 'dog'), 'domain:edges', None)
    """
    name, colon, rest = (condition or "").strip().partition(":")
    if name != DOMAIN:
        return None
    if not colon or not rest.strip():
        way = load_with(condition=f"{DOMAIN}:edges")
        raise Refusal(
            f"condition={condition!r} names no second domain: give a folder or two classes, as in "
            f"'domain:FOLDER' or 'domain:cat,dog', or load the data with {way}.",
            way,
        )
    if Path(rest).expanduser().is_dir():
        return Domain(Path(rest).expanduser())
    kind, _, level = rest.partition(":")
    if kind in KINDS:
        return Domain(_made(str(condition), kind, level))
    return Domain(_two(str(condition), rest)) if "," in rest else Domain(Path(rest).expanduser())


def _made(condition: str, kind: str, level: str) -> Corruption:
    try:
        return KINDS[kind](float(level) if level else None)
    except ValueError as error:
        usual = load_with(condition=f"{DOMAIN}:{KINDS[kind]().text}")
        said = f"condition={condition!r} has no such level: load the data with {usual}."
        raise Refusal(said, usual) from error


def _two(condition: str, rest: str) -> tuple[str, str]:
    names = [name.strip() for name in rest.split(",") if name.strip()]
    if len(names) != 2 or names[0] == names[1]:
        many = len(set(names))
        raise ValueError(
            f"condition={condition!r} names {many} domain{'s' * (many != 1)}, but a game leads between two: "
            "give two names, as in 'domain:cat,dog'."
        )
    return names[0], names[1]
