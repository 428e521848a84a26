"""The objective: weighted means of named loss terms over the global batch.

Each term's mean is its weighted sum divided by the total weight over all rows, micro-batches and
processes. A mean of per-process means would be wrong for different weights (missing labels, ragged
sequences) or uneven micro-batches, so totals are computed first.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.numerics.precision import precise_device, to_float64
from simulacra.core.updates import Update
from simulacra.training.hardware.backend import Backend


@dataclass
class Totals:
    """Divisors of the means of one step.

    Args:
        rows: rows of the global batch.
        weights: total weight of each weighted term over all micro-batches and processes.
    """

    rows: float
    weights: dict[str, Tensor]

    @classmethod
    def of(cls, update: Update, parts: list[Batch], backend: Backend) -> Totals:
        """Returns the totals over micro-batches and processes.

        Weights are at least 1e-12, so that a batch without labels contributes 0 instead of dividing by zero.

        Args:
            update: the update.
            parts: micro-batches.
            backend: one process or several.
        """
        rows = sum(len(part) for part in parts)
        if backend.world == 1 and not update.weights:
            return cls(rows, {})
        sums = [torch.stack([to_float64(w(p).sum()) for p in parts]).sum() for w in update.weights.values()]
        home = precise_device(parts[0].x.device)
        count = torch.tensor(float(rows), dtype=torch.float64, device=home)
        total = backend.sum(torch.stack([count, *sums]))
        return cls(float(total[0]), dict(zip(update.weights, total[1:].clamp_min(1e-12))))


def reduce_terms(
    update: Update,
    terms: Terms,
    batch: Batch,
    totals: Totals,
    share: float,
    backend: Backend,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Returns the objective of one micro-batch and its contribution to each term's mean.

    Args:
        update: the update.
        terms: loss terms and logged terms, each of shape (B,) or ().
        batch: the micro-batch.
        totals: divisors, from `Totals.of`.
        share: share of this micro-batch in the rows of this process.
        backend: one process or several.

    Returns:
        The number to differentiate (scaled so that averaging gradients over processes gives the
        global mean) and the detached contribution of each term to its global mean.
    """
    objective: Tensor | None = None
    logged = {}
    for name, term in terms.loss.items():
        mean = _mean(update, name, term, batch, totals, share, backend)
        objective = mean if objective is None else objective + mean
        logged[name] = mean.detach()
    for name, term in terms.log.items():
        logged[name] = _mean(update, name, term.detach(), batch, totals, share, backend)
    assert objective is not None, f"update {update.name!r} returned no loss terms"
    return objective, logged


def _mean(
    update: Update, name: str, term: Tensor, batch: Batch, totals: Totals, share: float, backend: Backend
) -> Tensor:
    if term.dim() == 0:
        if not update.coupled:
            raise ValueError(
                f"term {name!r} of update {update.name!r} is a batch statistic (0-dim), but the update "
                "does not say coupled=True."
            )
        return term
    if name in update.weights:
        return _weighted(update, name, term, batch, totals) * backend.world
    _refuse_stream(update, name, term, batch)
    if backend.world == 1:
        return term.mean() if share == 1.0 else term.mean() * share
    return _shared(term, batch, totals, share, backend) * backend.world


def _weighted(update: Update, name: str, term: Tensor, batch: Batch, totals: Totals) -> Tensor:
    weights = update.weights[name](batch)
    if weights.shape != term.shape:
        raise ValueError(
            f"term {name!r} of update {update.name!r} has shape {tuple(term.shape)}, "
            f"but its weights have shape {tuple(weights.shape)}."
        )
    return (term * weights).sum() / totals.weights[name].to(term)


def _refuse_stream(update: Update, name: str, term: Tensor, batch: Batch) -> None:
    """Raises ValueError for a term with the rows of another stream, whose total number must be declared."""
    if len(term) == len(batch):
        return
    for stream, rows in batch.extra.items():
        if len(term) == len(rows):
            raise ValueError(
                f"term {name!r} of update {update.name!r} has {len(term)} rows, those of the stream "
                f"{stream!r}: declare weights={{{name!r}: weight_rows({stream!r})}}."
            )


def _shared(term: Tensor, batch: Batch, totals: Totals, share: float, backend: Backend) -> Tensor:
    """Returns this process's part of the global mean of an unweighted term.

    Terms with the batch's rows are divided by the rows of the global batch; terms with the model's own rows
    (chains), which every micro-batch uses completely, by their number on all processes.
    """
    own = float(len(term) != len(batch))
    home = precise_device(term.device)
    counts = torch.tensor([float(term.numel()), own], dtype=torch.float64, device=home)
    numel, own = backend.sum(counts).tolist()
    if own or share == 1.0:
        return term.sum() / numel * share
    return term.sum() / (totals.rows * term[0].numel())
