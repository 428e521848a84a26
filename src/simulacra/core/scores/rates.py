"""Rates of rows: the terms of the KL of their codes by part of the code.

    KL(q(z|x) || p(z)) = sum over parts of rate(x)                                                   (1)

Reference: Alemi et al., Fixing a Broken ELBO, 2018. Rows E6, E9.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from simulacra.core.capabilities.bounds import HasRates, observed
from simulacra.core.capabilities.narrowing import able
from simulacra.core.inputs.chunks import Rows
from simulacra.core.numerics.precision import to_float64


def rates_of(model: object, rows: Iterable[Rows]) -> Tensor:
    """Returns the terms of equation (1) of each row in nats, float64 on the CPU, shape (N, parts).

    Args:
        model: model with rates, in evaluation mode.
        rows: chunks of preprocessed rows, with noise keyed by what they hold.
    """
    rated = able(model, HasRates)
    parts = [rated.rates(r.y, r.c, r.rng.at("rates"), **observed(r.known)) for r in rows]
    found = torch.cat([to_float64(part).cpu() for part in parts])
    assert found.shape[1] == len(rated.part_names), f"{found.shape[1]} rates, {len(rated.part_names)} names"
    return found
