"""Loss and initialization of the autoregressive model of tables.

    L = -log p(x_known, x_missing),    x_missing one of `GUESSES` weighted draws of the model     (1)

is a step of Monte Carlo EM: its gradient approximates that of -log p(x_known), and equals it for complete
rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.distributions.marginals import marginal, some_rows
from simulacra.core.random.keyed import Rng
from simulacra.core.random.resampling import kept
from simulacra.core.updates import Source
from simulacra.nets.columnwise import ColumnNets

if TYPE_CHECKING:
    from simulacra.models.autoregressive.tables.tabular import Tabular

GUESSES = 32  # number of weighted draws for an incomplete training row
WORK = 2e9  # multiplications of a step for these draws; wide tables take fewer draws, two at least


def negative_log_likelihood(model: Tabular, batch: Batch, rng: Rng) -> Terms:
    """Computes the mean over the orders of -log p(x|c) in nats, shape (B,).

    Each order completes incomplete rows by itself.
    """
    losses = []
    for o, net in enumerate(model.nets):
        x = batch.x if batch.known is None else _guessed(model, o, batch, rng.at("order", o))
        f = model.sight.of(x, batch.c, model.dtype)
        losses.append(-model.heads.entries(net(f), x).sum(1))
    return Terms({"nll": torch.stack(losses).mean(0)})


@torch.no_grad()
def _guessed(model: Tabular, o: int, batch: Batch, rng: Rng) -> Tensor:
    """Returns the rows with missing columns drawn from the current model."""
    assert batch.known is not None
    net = model.nets[o]
    assert isinstance(net, ColumnNets)
    k = int(WORK // (len(batch.x) * net.weights[0].numel()))
    candidates, log_w = model.weighted(o, batch.x, batch.known, rng, min(max(k, 2), GUESSES), batch.c)
    return torch.where(batch.known, batch.x.to(candidates.dtype), kept(candidates, log_w, rng))


def begin_at_marginals(model: Tabular, source: Source, rng: Rng) -> None:
    """Initializes the last bias of every network with the parameters of the column's marginal.

    Args:
        model: the model.
        source: the training split.
        rng: chooses the rows.
    """
    x, known = some_rows(source, rng)
    k = model.heads.mixtures
    for j, (column, head) in enumerate(zip(model.columns, model.heads.heads)):
        found = marginal(column, head.name, x[known[:, j], j], k)
        for net in model.nets:
            assert isinstance(net, ColumnNets)
            net.biases[-1][j, : len(found)] = found.to(net.biases[-1])
