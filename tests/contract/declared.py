"""The record of all that the cases declare, by which a test chooses its cases before one is built.

`test_declared.py` builds every case and compares. After a change that is meant:

    SIMULACRA_UPDATE_GOLDEN=1 python -m pytest tests/contract/test_declared.py
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("declared.json")


@dataclass(frozen=True)
class Declared:
    """The choices of one case.

    Args:
        can: names of its capabilities.
        entry_by_entry: its samples are drawn one entry after the other.
        several_looks: a draw offers more than one look, so that `watch=` can follow it.
        stages: for each stage the words that describe its updates, see `shape_of_stage`.
        moves: it takes steps; else it is solved in closed form.
        traits: family, space and settings, such as `space: Binary vector` and `dropout`.
    """

    can: frozenset[str]
    entry_by_entry: bool
    several_looks: bool
    stages: tuple[tuple[str, ...], ...]
    moves: bool
    traits: tuple[str, ...]

    @classmethod
    def read(cls, entry: dict[str, Any]) -> Declared:
        """The choices as the record has them."""
        stages = tuple(map(tuple, entry["stages"]))
        traits = tuple(entry["traits"])
        looks = entry["entry_by_entry"], entry.get("several_looks", False)
        return cls(frozenset(entry["can"]), *looks, stages, entry["moves"], traits)

    def json(self) -> dict[str, Any]:
        """The choices for the record."""
        return {
            "can": sorted(self.can),
            "entry_by_entry": self.entry_by_entry,
            "several_looks": self.several_looks,
            "stages": [list(stage) for stage in self.stages],
            "moves": self.moves,
            "traits": list(self.traits),
        }

    @property
    def features(self) -> frozenset[str]:
        """All that one representative may stand for."""
        words = {word for stage in self.stages for word in stage}
        words |= {f"shape of update: {', '.join(stage)}" for stage in self.stages}
        words |= {"several stages"} if len(self.stages) > 1 else set()
        return frozenset({*words, *self.traits, *(f"can: {name}" for name in self.can)})


@cache
def record() -> dict[str, Declared]:
    """The choices of every case by its name."""
    content = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return {name: Declared.read(entry) for name, entry in content.items()}


def declared(name: str) -> Declared:
    """The choices of a case; a case that is not in the record yet declares nothing."""
    nothing = Declared(frozenset(), False, False, ((),), False, ())
    return record().get(name, nothing)


def supports(name: str, *capabilities: type) -> bool:
    """Say whether the case's model declares one of the capabilities."""
    return any(capability.__name__ in declared(name).can for capability in capabilities)
