"""The Gaussian copula of a table: arbitrary marginals, with the dependence of a normal vector.

    z ~ N(0, R),    x_j = the value of column j whose cell contains z_j                                 (1)
    P(x) = P(a_j <= z_j < b_j for all j)                                                                (2)

The cells of numbers are those of their normal scores, classes have cells as large as their shares. R follows
from the correlations of the expected scores in closed form (`core.numerics.latent_correlation`). Where cells
are missing, these are the correlations of greatest likelihood of what is observed
(`core.numerics.gaussian_em`). The probability of the box (2) is estimated without bias from draws in
sequence: with R = L L', z = L e and e ~ N(0, I),

    w = prod_j (Phi(v_j) - Phi(u_j)),   e_j ~ N(0, 1) within [u_j, v_j)                                 (3)
    u_j = (a_j - sum_(i<j) L_ji e_i) / L_jj,   v_j likewise of b_j

A missing entry has the cell (-inf, inf) and drops out.

Reference: Nelsen 2006; Geweke 1991, Hajivassiliou and McFadden 1998, Keane 1994 (the estimator (3)).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulacra.core.capabilities.general import (
    WEIGHED,
    Completes,
    HasImportanceWeights,
    Samples,
    TakesMissing,
)
from simulacra.core.distributions.column_heads import columns_of
from simulacra.core.distributions.intervals import log_mass
from simulacra.core.errors.other_data import of_discrete
from simulacra.core.model import Model
from simulacra.core.numerics.gaussian_em import correlations_observed
from simulacra.core.numerics.latent_correlation import coefficients, correlations
from simulacra.core.numerics.moments import CHUNK
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.random.resampling import effective, kept, say_effective
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Scores, centres_of
from simulacra.core.spaces.plain import Binary, Real, Space
from simulacra.core.updates import Source, Stage, Steps

BUDGET = 2**22  # largest number of matrix entries in a chunk of completions
FARTHEST = 37.0  # largest draw of N(0, 1): beyond it the tail probability underflows in float64


class GaussianCopula(Model, Samples, HasImportanceWeights, Completes, TakesMissing):
    """Gaussian copula over the columns of a table, fitted in closed form.

    Args:
        space: a table of normal scores, 0/1 columns, ordered classes and classes.
        candidates: number of weighted draws from which a completion resamples one.

    Raises:
        ValueError: if the space is no table, a column is real, positive or a count, which have no cells, or
            `candidates` is below 1.

    Example:
        >>> model = GaussianCopula(Table(a=Scores(edges=(0.0,)), b=Binary()))
        >>> model.sample(3).shape
        torch.Size([3, 2])
    """

    R: Tensor
    ends: Tensor
    places: Tensor

    def __init__(self, space: Space, candidates: int = 64, *, seed: int = 0):
        super().__init__(space)
        if candidates < 1:
            raise ValueError(f"candidates is {candidates}, but a completion needs at least one.")
        self.candidates = candidates
        columns = _checked(space)
        d, sizes = len(columns), [_size(column) for column in columns]
        self.register_buffer("R", torch.eye(d))
        # cell number of each class, and boundaries of the cells; both are learned for columns of classes
        most = max((n for n, c in zip(sizes, columns) if not isinstance(c, Scores)), default=1)
        self.register_buffer("places", torch.arange(most).expand(d, most).clone())
        self.register_buffer("ends", _even(sizes, columns))
        self.columns, self.sizes = columns, sizes

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage: a closed-form solution without updates.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("solve", [], Steps(0), start=solve) if i == 0 else None

    # ---- cells

    def cell(self, x: Tensor) -> Tensor:
        """Returns the cell number of each entry of x, shape (B, columns)."""
        found = []
        for j, (column, value) in enumerate(zip(self.columns, x.unbind(1))):
            if isinstance(column, Scores):
                found.append(column.cell(value.to(self.dtype)))
            else:
                found.append(self.places[j, value.long()])
        return torch.stack(found, 1)

    def box(self, x: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor]:
        """Returns the bounds a and b of equation (2) in float64, each (B, columns).

        Args:
            x: rows, shape (B, columns).
            known: True where observed, or None for all; missing entries get -inf and inf.
        """
        ends = to_float64(self.ends)
        cell = self.cell(x).to(ends.device)
        columns = torch.arange(cell.shape[1], device=cell.device)
        a, b = ends[columns, cell], ends[columns, cell + 1]
        if known is None:
            return a, b
        there, inf = known.to(a.device), torch.full_like(a, math.inf)
        return torch.where(there, a, -inf), torch.where(there, b, inf)

    def values(self, z: Tensor) -> Tensor:
        """Returns x of equation (1) for z, both (B, columns); classes are numbers, scores stay scores."""
        found = []
        for j, (column, score) in enumerate(zip(self.columns, z.unbind(1))):
            if isinstance(column, Scores):
                found.append(score.to(self.dtype))
            else:
                cell = (score.unsqueeze(1) >= self.ends[j, 1 : self.sizes[j]].to(score)).sum(1)
                found.append(self.places[j].argsort().to(cell.device)[cell].to(self.dtype))
        return torch.stack(found, 1).to(self.device)

    # ---- scores and draws

    def log_weights(
        self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None
    ) -> Tensor:
        """Computes log w of equation (3) for k sequences of draws, in nats, shape (B, k).

        Args:
            x: rows, shape (B, columns).
            c: not used.
            rng: source of random numbers.
            k: number of importance samples.
            known: True where observed; observed columns come first in the sequence. None for all.
        """
        return self._sequences(x, known, rng, k)[-1].to(self.device, self.dtype)

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns the log-weight of one draw, in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            known: True where observed, shape (B, *); None for all.
        """
        return self.log_weights(x, c, rng, 1, known)[:, 0]

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Samples z ~ N(0, R) and returns the values of its cells, shape (B, columns).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: not used.
        """
        e = rng.normal("e", len(self.columns), dtype=torch.float64)
        return self.values(e @ torch.linalg.cholesky(to_float64(self.R)).T)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with missing entries drawn given the observed ones, by importance resampling.

        The observed columns of a row come first in the sequence (3). One of `candidates` sequences is chosen
        according to its weight, and the missing columns are drawn given it.

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: not used.
        """
        d = len(self.columns)
        size = max(1, BUDGET // (d * max(d, self.candidates)))
        found, numbers = [], []
        for i in range(0, len(x), size):
            rows = slice(i, i + size)
            z, log_w = self._completed(x[rows], known[rows], rng.on(rng.rows[rows]))
            found.append(torch.where(known[rows], x[rows].to(self.dtype), self.values(z)))
            numbers.append(effective(log_w))
        say_effective(torch.cat(numbers), self.candidates)
        return torch.cat(found)

    def weighted_fills(
        self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None, k: int, method: str | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns n sequences of draws with their weights (3), shapes (B, n, columns) and (B, n).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: not used.
            k: number of draws that they replace; n is `WEIGHED` k, or that of a completion if it is larger.
            method: not used.
        """
        n = max(WEIGHED * k, self.candidates)
        order, L, e, log_w = self._sequences(self.space.filled(x, known), known, rng, n)
        at = order.unsqueeze(1).expand_as(e)
        z = torch.empty_like(e).scatter(2, at, torch.einsum("bij,bkj->bki", L, e))
        drawn = self.values(z.flatten(0, 1)).unflatten(0, z.shape[:2])
        there, given = known.unsqueeze(1), x.to(self.dtype).unsqueeze(1)
        return torch.where(there, given, drawn), log_w.to(drawn.device)

    def _completed(self, x: Tensor, known: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
        """Returns z given the observed cells, shape (B, columns), and the log-weights (B, candidates)."""
        order, L, e, log_w = self._sequences(self.space.filled(x, known), known, rng, self.candidates)
        z = (L @ kept(e, log_w, rng).unsqueeze(2)).squeeze(2)
        return torch.empty_like(z).scatter(1, order, z), log_w

    def _sequences(
        self, x: Tensor, known: Tensor | None, rng: Rng, k: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Runs equation (3), observed columns of each row first; returns their order, L, e and log w."""
        a, b = self.box(x, known)
        if known is None:
            order = torch.arange(x.shape[1], device=a.device).expand(x.shape)
            L = torch.linalg.cholesky(to_float64(self.R)).expand(len(x), -1, -1)
        else:
            order = (~known).to(a.device, torch.uint8).argsort(dim=1, stable=True)
            L = torch.linalg.cholesky(to_float64(self.R)[order.unsqueeze(2), order.unsqueeze(1)])
        return order, L, *_sequence(L, a.gather(1, order), b.gather(1, order), rng, k)


def _sequence(L: Tensor, a: Tensor, b: Tensor, rng: Rng, k: int) -> tuple[Tensor, Tensor]:
    """Computes e and log w of equation (3), shapes (B, k, columns) and (B, k), in float64.

    Args:
        L: Cholesky factors, shape (B, columns, columns).
        a: lower bounds, shape (B, columns).
        b: upper bounds, shape (B, columns).
        rng: source of random numbers.
        k: number of sequences for each row.
    """
    n, d = a.shape
    u = rng.per_row().uniform("e", k, d, dtype=torch.float64)
    e, log_w = a.new_zeros(n, k, d), a.new_zeros(n, k)
    for j in range(d):
        mean = torch.einsum("bki,bi->bk", e[..., :j], L[:, j, :j])
        scale = L[:, j, j].unsqueeze(1)
        # (3)
        low, high = (a[:, j : j + 1] - mean) / scale, (b[:, j : j + 1] - mean) / scale
        log_w = log_w + log_mass(low, high, torch.zeros_like(low), torch.zeros_like(low))
        e[..., j] = _within(low, high, u[..., j])
    return e, log_w


def _within(low: Tensor, high: Tensor, u: Tensor) -> Tensor:
    """Returns the u-quantile of N(0, 1) truncated to [low, high), computed in the lower tail."""
    flip = low > 0
    a, b = torch.where(flip, -high, low), torch.where(flip, -low, high)
    p, q = torch.special.ndtr(a), torch.special.ndtr(b)
    e = torch.special.ndtri(p + u * (q - p)).clamp(-FARTHEST, FARTHEST)
    # where the mass of a cell underflows to 0: its inner bound
    e = torch.where(q > p, e, torch.where(b.isfinite(), b, a)).clamp(a, b)
    return torch.where(flip, -e, e)


def solve(model: GaussianCopula, source: Source, rng: Rng) -> None:
    """Sets the cells of classes by their frequencies, and R from the correlations of expected scores.

    Args:
        model: the copula to fit.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    x, known = (rows.cpu() for rows in _all_rows(source, rng))
    for j, column in enumerate(model.columns):
        if not isinstance(column, Scores):
            _learn_cells(model, j, x[known[:, j], j], isinstance(column, Categorical))
    cell = model.cell(x.to(model.device)).cpu()
    centres = torch.zeros(len(model.columns), model.ends.shape[1], dtype=torch.float64)
    series, variances = [], []
    for j, n in enumerate(model.sizes):
        ends = to_float64(model.ends[j, : n + 1]).cpu()
        centres[j, :n] = centres_of(ends)
        series.append(coefficients(ends, centres[j, :n]))
        variances.append((torch.special.ndtr(ends).diff() * centres[j, :n].square()).sum())
    f = centres[torch.arange(len(centres)), cell] * known
    both = (known.to(f).T @ known.to(f)).clamp_min(1)
    scale = torch.outer(*[torch.stack(variances).sqrt()] * 2)
    observed = scale * correlations_observed(f, known)
    model.R.copy_(correlations(observed, torch.stack(series), scale / both.sqrt()))


def _all_rows(source: Source, rng: Rng) -> tuple[Tensor, Tensor]:
    every, seen = [], []
    for i in range(0, len(source), CHUNK):
        rows = range(i, min(i + CHUNK, len(source)))
        batch = source.batch(torch.arange(rows.start, rows.stop), rng.on(rows))
        known = torch.ones_like(batch.x, dtype=torch.bool) if batch.known is None else batch.known
        every.append(batch.x)
        seen.append(known)
    return torch.cat(every), torch.cat(seen)


def _learn_cells(model: GaussianCopula, j: int, x: Tensor, nominal: bool) -> None:
    """Sets the cells of column j by the frequencies of its classes, by which nominal ones are sorted."""
    n = model.sizes[j]
    # add half a count to each class, so that an unseen class has a finite score
    shares = torch.bincount(x.long(), minlength=n).to(torch.float64) + 0.5
    order = shares.argsort(descending=True, stable=True) if nominal else torch.arange(n, device=shares.device)
    model.places[j, :n] = order.argsort().to(model.places)
    inner = torch.special.ndtri((shares[order].cumsum(0) / shares.sum())[:-1])
    model.ends[j, 1:n] = inner.to(model.ends)


def _even(sizes: list[int], columns: tuple[Space, ...]) -> Tensor:
    """Returns initial cell boundaries (columns, most + 1): those of scores, or equal shares of classes."""
    ends = torch.full((len(sizes), max(sizes) + 1), math.inf)
    ends[:, 0] = -math.inf
    for j, (n, column) in enumerate(zip(sizes, columns)):
        even = torch.special.ndtri(torch.arange(1, n, dtype=torch.float64) / n)
        ends[j, 1:n] = torch.tensor(column.edges) if isinstance(column, Scores) else even
    return ends


def _size(column: Space) -> int:
    """Returns the number of cells of a column."""
    if isinstance(column, Scores):
        return column.cells
    return column.classes if isinstance(column, (Categorical, Ordinal)) else 2


def _checked(space: Space) -> tuple[Space, ...]:
    """Returns the columns of the table, or raises ValueError."""
    if not isinstance(space, Table):
        instead = "take a PPCA" if isinstance(space, Real) else of_discrete(space)
        raise ValueError(f"GaussianCopula needs a table, but got {space}: {instead}.")
    for name, field in space.fields:
        if not isinstance(field, (Scores, Binary, Ordinal, Categorical)):
            raise ValueError(
                f"GaussianCopula needs cells, but the column {name!r} is {type(field).__name__.lower()}: "
                f"load the table without standardize=, and declare it numeric with types=."
            )
    return columns_of(space)
