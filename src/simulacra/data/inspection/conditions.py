"""Describes the conditions of pairs: what they are, how they were made, their space and range."""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.data.dataset import Dataset
from simulacra.data.inspection.values import number_range

TOPIC = "condition"


def about_condition(whole: Dataset, looked_at: Dataset) -> dict[str, str]:
    """Returns the fact on the conditions of pairs; {} for other data.

    Args:
        whole: the data.
        looked_at: their rows in memory, or some of them.
    """
    how, chain = whole.notes.get(TOPIC), whole.conditioning
    if how is None or chain is None:
        return {}
    held = [split.c for split in looked_at.splits.values()]
    values = [c.flatten().double() for c in held if isinstance(c, Tensor)]
    seen = "" if chain.space == chain.raw else f"; for models {chain.space}"
    return {TOPIC: f"{how}; {chain.raw}, {number_range(torch.cat(values))}{seen}"}
