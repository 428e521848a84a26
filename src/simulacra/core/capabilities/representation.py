"""Learned features of observations, for probes and other tasks.

Reference: Radford, Metz and Chintala 2015, section 5. Row G8.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng


def features_of(model: Model, x: Any, condition: Any = None, seed: int = 0) -> Tensor:
    """Returns the model's features of raw observations, on the CPU, shape (B, width).

    Args:
        model: model with features.
        x: raw observations, shape (B, *).
        condition: one condition for all rows, or one for each. A label given here is part of the features,
            so that a probe for it proves nothing.
        seed: seed of random preprocessing.

    Raises:
        ValueError: if the model has no features.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> from simulacra.models.adversarial.gan import GAN
        >>> features_of(GAN(Real((3,)), hidden=(7, 5)), torch.zeros(2, 3)).shape
        torch.Size([2, 12])
    """
    if not model.supports(can.HasFeatures):
        raise can.MissingCapability(f"{type(model).__name__} has no features of its own to represent x by.")
    with evaluating(model):
        parts = [
            can.able(model, can.HasFeatures).represent(rows.y, rows.c).cpu()
            for rows in model._chunks(x, condition, Rng(seed, "score", device=model.device), None)
        ]
    return torch.cat(parts)
