"""Initial biases of machines over binary data: independent units with the means of the data."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Source


def log_odds(model: Any, source: Source, rng: Rng) -> Tensor:
    """Returns the log-odds of each entry's mean in the data, clamped to finite values, shape (d,).

    Args:
        model: a machine over binary data.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    return torch.logit(moments.mean(model, source, rng).to(model.base).clamp(0.01, 0.99))


def biases_from_data(model: Any, source: Source, rng: Rng) -> None:
    """Initializes the visible biases (of each component), `base`, and the persistent chains from the data.

    Args:
        model: a machine over binary data.
        source: the training split.
        rng: random numbers of the preprocessing and of the chains.
    """
    odds = log_odds(model, source, rng)
    model.b[..., : len(odds)].copy_(odds)
    model.base.copy_(odds)
    model.learning.start(model, rng)
