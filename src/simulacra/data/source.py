"""What a reader hands to `load_data`: raw rows in their official parts, before any option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.random import Rng
from simulacra.core.space import Space
from simulacra.data.images import ImageFiles


@dataclass(frozen=True)
class Part:
    """Rows that belong together by the publisher's decision.

    Args:
        rows: raw observations of shape (N, *), or image files that are not read yet.
        labels: class numbers, shape (N,), or None.
        known: True where an entry is observed, shape of rows, or None.
        sides: further values of each row by name, shape (N,): what splits are cut by.
    """

    rows: Tensor | ImageFiles
    labels: Tensor | None = None
    known: Tensor | None = None
    sides: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: Tensor) -> Part:
        """The rows `index`."""
        pick = lambda t: None if t is None else t[index]
        sides = {name: values[index.numpy()] for name, values in self.sides.items()}
        return Part(self.rows[index], pick(self.labels), pick(self.known), sides)


@dataclass(frozen=True)
class Source:
    """Raw data as they were found.

    Args:
        name: what the data set is called.
        space: the raw space.
        parts: `train` and, where the publisher says so, `valid` and `test`.
        label_names: what the classes are called.
        applied: what was done to the rows once for all, such as a binarisation.
        standardise: whether real rows are standardised unless the user says otherwise.
        truth: the toy that the rows were drawn from, or None.
        origin: the name, or the absolute path, that opens it again.
    """

    name: str
    space: Space
    parts: dict[str, Part]
    label_names: tuple[str, ...] = ()
    applied: tuple[str, ...] = ()
    standardise: bool = True
    truth: Any = field(default=None, compare=False)
    origin: str = ""

    def change(self, rows: Mapping[str, Tensor | ImageFiles], space: Space, how: str) -> Source:
        """The source with other rows, and what was done to them."""
        parts = {name: replace(part, rows=rows[name]) for name, part in self.parts.items()}
        return replace(self, parts=parts, space=space, applied=(*self.applied, how))


def cut(source: Source, validation: float, test: float, seed: int, limit: int | None) -> Source:
    """The source with a validation and a test part, taken from `train` where there is none.

    Args:
        validation: share of the training rows, or a number of rows if 1 or more.
        test: as `validation`.
        limit: rows that each part keeps at most, the first ones.

    Raises:
        ValueError: if nothing is left to train on.
    """
    train = source.parts["train"]
    n_valid = 0 if "valid" in source.parts else _rows_of(validation, len(train), "validation")
    n_test = 0 if "test" in source.parts else _rows_of(test, len(train), "test")
    if n_valid + n_test >= len(train):
        raise ValueError(
            f"validation={validation:g} and test={test:g} leave none of the {len(train)} rows of "
            f"{source.name} to train on: choose smaller shares."
        )
    order = Rng(seed, "split").permutation("rows", len(train))
    pieces = {
        "train": order[n_valid + n_test :],
        "valid": order[:n_valid],
        "test": order[n_valid : n_valid + n_test],
    }
    # untouched parts keep their order without a copy
    whole = n_valid + n_test == 0
    taken = {} if whole else {k: train.take(v.sort().values) for k, v in pieces.items() if len(v)}
    parts = {"train": train} | taken | {k: v for k, v in source.parts.items() if k != "train"}
    ordered = {k: parts[k] for k in ("train", "valid", "test") if k in parts}
    return replace(source, parts={k: _first(part, limit) for k, part in ordered.items()})


def _rows_of(share: float, rows: int, option: str) -> int:
    if not 0 <= share < rows:
        raise ValueError(f"{option}={share:g} must be a share from 0 to 1, or fewer rows than {rows}.")
    return round(rows * share) if share < 1 else int(share)


def _first(part: Part, limit: int | None) -> Part:
    if limit is None or limit >= len(part):
        return part
    return part.take(torch.arange(limit))
