"""Scores of rows by several laws, each with a partition function of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from simulacra.core.random.contents import Contents


@dataclass(frozen=True)
class Laws:
    """Parts of the score of some rows, where not all of it has the same log Z.

    Args:
        machine: has an energy, anneals and takes a condition.
        x: its observations, shape (N, *).
        c: the condition of each, which sets its log Z, shape (N, *).
        row: the row that each belongs to, shape (N,).
        kinds: what each condition is a function of: laws with the same content are one, with one log Z.
    """

    machine: Any
    x: Tensor
    c: Tensor
    row: Tensor
    kinds: Contents
