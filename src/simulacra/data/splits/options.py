"""Options that decide which rows are for training, validation and testing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


class FirstRows(int):
    """A limit that takes the first rows, as earlier versions did, so that their runs can be opened."""


@dataclass(frozen=True)
class SplitOptions:
    """Shares, keys and limits of the splits, as `load_data` takes them.

    Args:
        validation: share of the training rows kept for validation, or a number of rows from 1.
        test: as `validation`, for the test split.
        groups: the key by which rows stay together.
        stratify: the key whose values have equal shares in every split.
        time: the key by which rows are ordered.
        splits: a file or key that names the split of each row.
        duplicates: `drop` keeps one of several equal rows.
        seed: seed of random splits.
        limit: most rows that each split keeps, chosen at random by the seed.
    """

    validation: float = 0.1
    test: float = 0.1
    groups: str | None = None
    stratify: str | None = None
    time: str | None = None
    splits: str | None = None
    duplicates: Literal["keep", "drop"] = "keep"
    seed: int = 0
    limit: int | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns or keys that only serve the split and are not observations."""
        return tuple(key for key in (self.groups, self.time, self.splits) if key is not None)

    @property
    def named(self) -> tuple[str, ...]:
        """All columns or keys by which the splits are cut."""
        return (*self.keys, *((self.stratify,) if self.stratify is not None else ()))
