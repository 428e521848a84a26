"""Initial dependences of the autoregressive model of tables: linear regressions of the numbers.

With features y of the columns, standardized, their correlations R, and the features b before column j,

    w = (R_bb + (D / N) I)^-1 R_bj,    s^2 = 1 - 2 w' R_bj + w' R_bb w                                    (1)
    z_j ~ N(w' y_b / v_j, 1 - (1 - s^2) / v_j^2),    v_j^2 the variance of the expected scores of j       (2)

is where the mixture of a number j begins: w' y_b / v_j, which stays as it is, moves each component (the
regression of `nets.columnwise`), and each is as narrow as (2) says. Expected scores of few cells vary less
than the normal score z_j itself, which v_j corrects to first order. Where cells are missing, R has the
greatest likelihood of what is observed (`core.numerics.gaussian_em`).

Networks that began at the marginals would stop early, with dependences that are too weak. Training on
incomplete rows, which draws what is missing from the model itself, would confirm them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from simulacra.core.distributions.marginals import some_rows
from simulacra.core.numerics.gaussian_em import correlations_observed
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.numeric import Scores
from simulacra.core.spaces.plain import Real
from simulacra.core.updates import Source
from simulacra.models.autoregressive.tables.training import begin_at_marginals
from simulacra.nets.columnwise import ColumnNets

if TYPE_CHECKING:
    from simulacra.models.autoregressive.tables.tabular import Tabular

NUMBERS = (Scores, Real)
LEAST = 1e-3  # smallest variance of a number given the columns before it, in units of its own
LARGEST = 1024  # most features: of more, the correlations take too long


@dataclass
class Moments:
    """Moments of the features of the training rows.

    Args:
        at: for each column, the numbers of its features, without the intervals of a score.
        mean: shape (F,).
        scale: standard deviations, 1 where a feature never changes, shape (F,).
        R: correlations, shape (F, F).
        rows: number of rows.
    """

    at: list[Tensor]
    mean: Tensor
    scale: Tensor
    R: Tensor
    rows: int


def begin_at_regressions(model: Tabular, source: Source, rng: Rng) -> None:
    """Initializes every network with its column's marginal, and those of numbers with equation (2).

    Args:
        model: the model.
        source: the training split.
        rng: chooses the rows.
    """
    begin_at_marginals(model, source, rng)
    found = moments_of(model, source, rng)
    if found is None:
        return
    for net, order in zip(model.nets, model.orderings.tolist()):
        assert isinstance(net, ColumnNets)
        _begin(model, net, order, found)


def moments_of(model: Tabular, source: Source, rng: Rng) -> Moments | None:
    """Returns the moments of the features, or None if there are more than `LARGEST`.

    Args:
        model: the model.
        source: the training split.
        rng: chooses the rows.
    """
    sight, columns = model.sight, range(len(model.columns))
    at = [torch.arange(sight.width)[sight.at(j)] for j in columns]
    # of a score, its first feature is the score itself
    at = [places[:1] if isinstance(model.columns[j], Scores) else places for j, places in enumerate(at)]
    if sum(map(len, at)) > LARGEST:
        return None
    x, known = some_rows(source, rng)
    f = to_float64(sight.of(model.space.filled(x, known), None, model.dtype)).cpu()
    there = torch.zeros(f.shape, dtype=torch.bool)
    for j, places in enumerate(at):
        there[:, places] = known[:, j : j + 1].cpu()
    n = there.sum(0).clamp_min(1)
    mean = (f * there).sum(0) / n
    scale = (((f - mean) * there).square().sum(0) / n).sqrt()
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    used = torch.cat(at)
    R = torch.eye(f.shape[1], dtype=f.dtype)
    R[used.unsqueeze(1), used] = correlations_observed(f[:, used], there[:, used])
    return Moments(at, mean, scale, R, len(x))


def _begin(model: Tabular, net: ColumnNets, order: list[int], found: Moments) -> None:
    """Writes the regressions of one order into its network."""
    before = torch.cat([found.at[j] for j in order])
    ridge = len(before) / found.rows
    R = found.R[before.unsqueeze(1), before]
    L = torch.linalg.cholesky(R + ridge * torch.eye(len(R), dtype=R.dtype))
    n = 0
    for j in order:
        if n and isinstance(model.columns[j], NUMBERS):
            _write(model, net, j, before[:n], L[:n, :n], found)
        n += len(found.at[j])


def _write(model: Tabular, net: ColumnNets, j: int, seen: Tensor, L: Tensor, found: Moments) -> None:
    """Writes the regression of column j on the features `seen`."""
    own = int(found.at[j][0])
    r, R = found.R[seen, own], found.R[seen.unsqueeze(1), seen]
    # (1)
    w = torch.cholesky_solve(r.unsqueeze(1), L).squeeze(1)
    explained = 2 * w @ r - w @ R @ w
    # (2)
    v = found.scale[own] if isinstance(model.columns[j], Scores) else torch.ones_like(explained)
    w, explained = w / v, explained / v.square()
    w = w / explained.clamp_min(1).sqrt()
    narrower = (1 - explained).clamp_min(LEAST).sqrt()
    unit = 1.0 if isinstance(model.columns[j], Scores) else float(found.scale[own])
    centre = 0.0 if isinstance(model.columns[j], Scores) else float(found.mean[own])
    slope = unit * w / found.scale[seen]
    k, bias = model.heads.mixtures, net.biases[-1]
    net.regression[j, seen] = slope.to(net.regression)
    bias[j, :k] = centre + narrower.item() * (bias[j, :k] - centre) - float(slope @ found.mean[seen])
    bias[j, k : 2 * k] += float(narrower.log())
