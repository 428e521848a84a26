"""Initial biases of machines over binary data: free units, each as often on as in the data."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Source


def log_odds(model: Any, source: Source, rng: Rng) -> Tensor:
    """Log odds of each entry being on in the data, kept finite, shape (d,)."""
    return torch.logit(moments.mean(model, source, rng).to(model.base).clamp(0.01, 0.99))


def biases_from_data(model: Any, source: Source, rng: Rng) -> None:
    """The biases of the visible units, in front or of each component, the path of annealing, the chains."""
    odds = log_odds(model, source, rng)
    model.b[..., : len(odds)].copy_(odds)
    model.base.copy_(odds)
    model.learning.start(model, rng)
