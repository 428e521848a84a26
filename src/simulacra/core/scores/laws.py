"""Scores of rows that are sums over several distributions, each with its own partition function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from simulacra.core.random.contents import Contents


@dataclass(frozen=True)
class Laws:
    """Terms of the log-likelihood of rows that have different normalizing constants log Z.

    Args:
        machine: the energy-based model; it can anneal and takes a condition.
        x: its observations, shape (N, *).
        c: condition of each observation, which determines its log Z, shape (N, *).
        row: number of the row that each observation belongs to, shape (N,).
        kinds: digests of what determines each condition; equal digests share one log Z.
    """

    machine: Any
    x: Tensor
    c: Tensor
    row: Tensor
    kinds: Contents
