"""Labels as conditions: the check that a condition is one label, and which rows have theirs."""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space


def label_of(name: str, condition: Space | None) -> Categorical:
    """Returns the condition, after checking that it is a single label.

    Args:
        name: name of the model with its article, for the message.
        condition: space of the condition, or None.

    Raises:
        ValueError: if it is no single label.
    """
    if isinstance(condition, Categorical) and condition.shape == ():
        return condition
    given = load_with(condition="label")
    raise Refusal(
        f"{name} models data with one label, but the condition is {condition}: name the labels with label= "
        f"if the data have no class folders, and load the data with {given}.",
        given,
    )


def known_labels(batch: Batch) -> Tensor:
    """Returns 1 for rows with a known label and 0 for others, shape (B,): weights of a term over labels."""
    return torch.ones(len(batch), device=batch.x.device) if batch.c_known is None else batch.c_known.float()
