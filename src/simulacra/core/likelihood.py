"""Estimators of log p(x) from capabilities, chunked so that memory does not grow with k."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.capabilities import HasImportanceWeights
from simulacra.core.random import Rng

SAMPLE_BLOCK = 256  # importance samples that share one key: results do not depend on the budget
ENTRIES = 2**20  # entries of x that one chunk decodes at most (4 MB in fp32)


@dataclass
class ImportanceBound:
    """What k importance samples say of each example.

    Args:
        bound: log (1/k) sum w, a stochastic lower bound on log p(x), in nats, shape (B,).
        elbo: the mean of log w, shape (B,).
        effective: (sum w)^2 / sum w^2, effective number of samples, shape (B,).
    """

    bound: Tensor
    elbo: Tensor
    effective: Tensor


@torch.no_grad()
def importance_bound(
    model: HasImportanceWeights,
    x: Tensor,
    c: Tensor | None,
    k: int,
    rng: Rng,
    entries: int = ENTRIES,
) -> ImportanceBound:
    """L_k(x) = log (1/k) sum_j p(x, z_j) / q(z_j|x), in float64 sums (Burda et al. 2015, eq. 8).

    Args:
        x: observations, shape (B, *).
        k: number of importance samples; k = 1 is the ELBO.
        rng: row i uses the noise of `rng.rows[i]`, whatever the batch.
        entries: budget of memory, in entries of x decoded at once.
    """
    d = max(1, x[0].numel())
    rows = max(1, entries // (d * min(k, SAMPLE_BLOCK)))
    parts = [
        _rows_bound(
            model, x[i : i + rows], None if c is None else c[i : i + rows], k, rng.on(rng.rows[i : i + rows])
        )
        for i in range(0, len(x), rows)
    ]
    return ImportanceBound(
        *(torch.cat([getattr(p, f) for p in parts]) for f in ("bound", "elbo", "effective"))
    )


def _rows_bound(model, x: Tensor, c: Tensor | None, k: int, rng: Rng) -> ImportanceBound:
    shape = (len(x),)
    log_sum = torch.full(shape, -math.inf, dtype=torch.float64, device=x.device)
    log_squares, total = log_sum.clone(), torch.zeros_like(log_sum)
    for block, done in enumerate(range(0, k, SAMPLE_BLOCK)):
        keyed = rng.at("importance", block).per_row()
        log_w = model.log_weights(x, c, keyed, min(SAMPLE_BLOCK, k - done)).double()
        log_sum = torch.logaddexp(log_sum, log_w.logsumexp(1))
        log_squares = torch.logaddexp(log_squares, (2 * log_w).logsumexp(1))
        total += log_w.sum(1)
    return ImportanceBound(log_sum - math.log(k), total / k, torch.exp(2 * log_sum - log_squares))
