"""The validation score: the mean of the best likelihood value that a capability gives cheaply."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import torch

from simulacra.core import capabilities as can
from simulacra.core.model import Model, evaluating
from simulacra.core.random import Rng
from simulacra.data.dataset import Split
from simulacra.training.options import Options

CHUNK = 1024


def can_validate(model: Model, valid: Split | None, options: Options) -> bool:
    """Whether the validation split is scored after each epoch.

    Raises:
        ValueError: if early stopping is asked of a model or data that give no score.
    """
    scores = model.supports(can.HasDensity) or model.supports(can.HasBound)
    wanted = bool(options.patience) or bool(options.validate)
    if wanted and not scores:
        raise ValueError(
            f"{type(model).__name__} gives no validation score (it has neither density nor bound), so "
            "patience and validate do not apply."
        )
    if wanted and valid is None:
        raise ValueError("there is no validation split to stop on: load the data with validation=0.1.")
    return scores and valid is not None and options.validate is not False


def validation_score(model: Model, valid: Split, seed: int, limit: int = 4096) -> float:
    """Mean log-density or one-sample bound of the first `limit` validation rows, in nats."""
    rng = Rng(seed, "validation", device=model.device)
    total, n = 0.0, min(len(valid), limit)
    with evaluating(model):
        for i in range(0, n, CHUNK):
            rows = rng.on(range(i, min(i + CHUNK, n)))
            index = torch.arange(rows.rows.start, rows.rows.stop)
            batch = valid.prepare(replace(valid.rows(index), rows=rows.rows), rows)
            if model.supports(can.HasDensity):
                values = cast(can.HasDensity, model).log_density(batch.x, batch.c)
            else:
                values = cast(can.HasBound, model).elbo(batch.x, batch.c, rows)
            total += float(values.double().sum())
    return total / n
