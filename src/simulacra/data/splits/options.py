"""Options that say which rows train, which validate and which test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


class FirstRows(int):
    """A limit as earlier versions took it: the first rows, so that their runs open again."""


@dataclass(frozen=True)
class SplitOptions:
    """Shares, keys and limits of the splits, as `load_data` takes them.

    Args:
        validation: share of the training rows kept for validation, or a number of rows from 1.
        test: as `validation`, for the test split.
        groups: what rows must share to stay together.
        stratify: the key whose values every split holds in equal shares.
        time: the key whose order decides.
        splits: a file or key that names the split of each row.
        duplicates: `drop` keeps one of several equal rows.
        seed: of random splits.
        limit: rows that each split keeps at most, chosen at random by the seed.
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
        """Columns or keys that order the rows and are no observations: of groups, time and splits."""
        return tuple(key for key in (self.groups, self.time, self.splits) if key is not None)

    @property
    def named(self) -> tuple[str, ...]:
        """All columns or keys that the splits are cut by."""
        return (*self.keys, *((self.stratify,) if self.stratify is not None else ()))
