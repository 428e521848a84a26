"""Differences of log p(x) between rows, which need no partition function.

    log p(x) - log p(y) = F(y) - F(x)                                            (1)

so that an energy model can be tested for overfitting although its log Z is unknown.

Reference: Hinton, A practical guide to training restricted Boltzmann machines, 2010, section 6.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.inputs.chunks import Rows
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.scores.estimate import Estimate
from simulacra.core.scores.likelihood import observed
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.likelihood.held_out import protocol_of
from simulacra.evaluation.rows import blocks


def has_relative(model: Model) -> bool:
    """Returns True if rows have a score up to a constant that needs no partition function."""
    if model.supports(can.HasPartitionFunctions):
        return False
    if model.supports(can.HasEnergy):
        # with a condition, log Z differs between rows
        return not model.supports(can.TakesCondition) or model.condition is None
    return model.supports(can.HasDensity) or model.supports(can.HasBound)


def relative_scores(model: Model, split: Split, seed: int = 0, limit: int | None = None) -> Tensor:
    """Returns -F(x), log p(x) or a one-sample bound of rows, in nats on the raw space, float64, shape (N,).

    Args:
        model: the model.
        split: rows.
        seed: seed of the choice of rows and of all draws.
        limit: number of rows, chosen at random; None: all.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("bars-and-stripes")
        >>> model = simulacra.RBM(data.space, hidden=3)
        >>> found, exact = relative_scores(model, data.test), model.log_prob(data.test.x).values
        >>> bool(torch.allclose(found - exact, model.log_z().detach(), atol=1e-4))
        True
    """
    with evaluating(model):
        parts = [(_score(model, b) + b.log_det).cpu() for b in blocks(model, split, seed, limit)]
    return torch.cat(parts)


def relative_estimate(model: Model, data: Dataset, split: str, seed: int, limit: int) -> Estimate:
    """Returns `relative_scores` of rows of a split as an estimate with its protocol.

    Args:
        model: the model.
        data: data set.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of rows and of all draws.
        limit: number of rows, chosen at random.
    """
    values = relative_scores(model, data[split], seed, limit)
    dims = float(model.preprocessing.raw.dims)
    protocol = protocol_of(data, split, limit, seed)
    return Estimate(values, "stochastic", dims, "up to a constant", {}, protocol)


def _score(model: Model, block: Rows) -> Tensor:
    gaps = observed(block.known)
    if model.supports(can.HasEnergy):
        return -to_float64(can.able(model, can.HasEnergy).free_energy(block.y, block.c))
    if model.supports(can.HasDensity):
        return to_float64(can.able(model, can.HasDensity).log_density(block.y, block.c, **gaps))
    return to_float64(can.able(model, can.HasBound).elbo(block.y, block.c, block.rng, **gaps))
