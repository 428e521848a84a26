"""From named terms to one number: weighted means over the global batch.

Each term's mean is its weighted sum divided by the total weight over all rows, micro-batches and
processes. A mean of per-process means is wrong when weights differ (missing labels, ragged
sequences), so totals are taken first.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.training import Update
from simulacra.training.backend import Backend


def weights_of(update: Update, batch: Batch) -> dict[str, Tensor]:
    """The per-example weights of the terms that have them."""
    return {name: weight(batch) for name, weight in update.weights.items()}


def totals_of(update: Update, parts: list[Batch], backend: Backend) -> dict[str, Tensor]:
    """Total weight of each weighted term over all micro-batches and processes, floored at 1e-12
    so that a batch without a single label adds nothing instead of dividing by zero."""
    if not update.weights:
        return {}
    sums = torch.stack(
        [torch.stack([weight(p).sum().double() for p in parts]).sum() for weight in update.weights.values()]
    )
    sums = backend.sum(sums).clamp_min(1e-12)
    return dict(zip(update.weights, sums))


def reduce_terms(
    update: Update,
    terms: Terms,
    batch: Batch,
    totals: Mapping[str, Tensor],
    share: float,
    backend: Backend,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The objective of one micro-batch and its share of each term's mean.

    Args:
        share: this micro-batch's share of the rows that this process has.

    Returns:
        The number to differentiate (scaled so that averaging gradients over processes gives the
        global mean) and the detached contribution of each term to its global mean.
    """
    weights = weights_of(update, batch)
    objective: Tensor | None = None
    logged = {}
    for name, term in terms.loss.items():
        mean = _mean(update, name, term, weights, totals, share, backend)
        objective = mean if objective is None else objective + mean
        logged[name] = mean.detach()
    for name, term in terms.log.items():
        logged[name] = _mean(update, name, term.detach(), weights, totals, share, backend)
    assert objective is not None, f"update {update.name!r} returned no loss terms"
    return objective, logged


def _mean(update, name, term, weights, totals, share, backend) -> Tensor:
    if term.dim() == 0:
        if not update.coupled:
            raise ValueError(
                f"term {name!r} of update {update.name!r} is a batch statistic (0-dim), but the update "
                "does not say coupled=True."
            )
        return term
    if name in weights:
        # gradients are averaged over processes: times their number gives the sum
        return (term * weights[name]).sum() / totals[name].to(term.dtype) * backend.world
    if backend.world > 1:
        rows = backend.sum(torch.tensor(float(term.numel()), dtype=torch.float64)).to(term.dtype)
        return term.sum() / rows * backend.world * share
    return term.mean() if share == 1.0 else term.mean() * share
