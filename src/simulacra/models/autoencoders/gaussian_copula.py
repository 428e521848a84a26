"""The Gaussian copula of a table: each column has its own marginal, dependence is that of a normal vector.

    z ~ N(0, R),    x_j = the value of column j in whose cell z_j lies                                  (1)
    P(x) = P(a_j <= z_j < b_j for all j)                                                                (2)

The cells of numbers are those of their normal scores, classes have cells as large as their shares. R is a
closed form of pairwise covariances (`core.numerics.latent_correlation`). The probability of the box (2) is
estimated without bias from draws in sequence: with R = L L', z = L e and e ~ N(0, I),

    w = prod_j (Phi(v_j) - Phi(u_j)),   e_j ~ N(0, 1) within [u_j, v_j)                                 (3)
    u_j = (a_j - sum_(i<j) L_ji e_i) / L_jj,   v_j likewise of b_j

A missing entry has a cell without ends and drops out.

Reference: Nelsen 2006; Geweke 1991, Hajivassiliou and McFadden 1998, Keane 1994 (the estimator (3)).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulacra.core.capabilities.general import Completes, HasImportanceWeights, Samples, TakesMissing
from simulacra.core.distributions.column_heads import columns_of
from simulacra.core.distributions.intervals import log_mass
from simulacra.core.errors.advice import of_discrete
from simulacra.core.model import Model
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

BUDGET = 2**22  # numbers of the matrices of a chunk of completions
FARTHEST = 37.0  # deviations of a draw: beyond it the tail of a double is 0


class GaussianCopula(Model, Samples, HasImportanceWeights, Completes, TakesMissing):
    """Gaussian copula over the columns of a table, in closed form.

    Args:
        space: a table of numbers on normal scores, 0/1 columns, ordered classes and classes.
        candidates: weighted draws of which a completion keeps one.

    Raises:
        ValueError: if the space is no table, a column is real, positive or count, which have no cells, or
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
        # the cell of each class, and the ends of the cells; those of classes are learned
        most = max((n for n, c in zip(sizes, columns) if not isinstance(c, Scores)), default=1)
        self.register_buffer("places", torch.arange(most).expand(d, most).clone())
        self.register_buffer("ends", _even(sizes, columns))
        self.columns, self.sizes = columns, sizes

    def stage(self, i: int, past: list) -> Stage | None:
        """One closed form, no updates."""
        return Stage("solve", [], Steps(0), start=solve) if i == 0 else None

    # ---- cells

    def cell(self, x: Tensor) -> Tensor:
        """The number of the cell of each entry of x, shape (B, columns)."""
        found = []
        for j, (column, value) in enumerate(zip(self.columns, x.unbind(1))):
            if isinstance(column, Scores):
                found.append(column.cell(value.to(self.dtype)))
            else:
                found.append(self.places[j, value.long()])
        return torch.stack(found, 1)

    def box(self, x: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor]:
        """a and b of equation (2), float64, each (B, columns); without ends where x is missing."""
        ends = to_float64(self.ends)
        cell = self.cell(x).to(ends.device)
        columns = torch.arange(cell.shape[1], device=cell.device)
        a, b = ends[columns, cell], ends[columns, cell + 1]
        if known is None:
            return a, b
        there, inf = known.to(a.device), torch.full_like(a, math.inf)
        return torch.where(there, a, -inf), torch.where(there, b, inf)

    def values(self, z: Tensor) -> Tensor:
        """x of equation (1) for z of shape (B, columns): scores stay scores, classes are numbers."""
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
        """log w of equation (3) for k sequences of draws, in nats, shape (B, k); known columns come first."""
        return self._sequences(x, known, rng, k)[-1].to(self.device, self.dtype)

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """One log-weight, in nats, shape (B,)."""
        return self.log_weights(x, c, rng, 1, known)[:, 0]

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Rows drawn as z ~ N(0, R), then the values of its cells, shape (B, columns)."""
        e = rng.normal("e", len(self.columns), dtype=torch.float64)
        return self.values(e @ torch.linalg.cholesky(to_float64(self.R)).T)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """x with its missing entries drawn given the known ones.

        In each row the known columns come first in the sequence (3); of `candidates` sequences one is kept by
        its weight, and the missing columns are drawn given it.
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

    def _completed(self, x: Tensor, known: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
        """z of each row given its known cells, shape (B, columns), and the weights of its candidates."""
        order, L, e, log_w = self._sequences(self.space.filled(x, known), known, rng, self.candidates)
        z = (L @ kept(e, log_w, rng).unsqueeze(2)).squeeze(2)
        return torch.empty_like(z).scatter(1, order, z), log_w

    def _sequences(
        self, x: Tensor, known: Tensor | None, rng: Rng, k: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Equation (3) with the known columns of each row first: their order, L, e and log w."""
        a, b = self.box(x, known)
        if known is None:
            order = torch.arange(x.shape[1], device=a.device).expand(x.shape)
            L = torch.linalg.cholesky(to_float64(self.R)).expand(len(x), -1, -1)
        else:
            order = (~known).to(a.device, torch.uint8).argsort(dim=1, stable=True)
            L = torch.linalg.cholesky(to_float64(self.R)[order.unsqueeze(2), order.unsqueeze(1)])
        return order, L, *_sequence(L, a.gather(1, order), b.gather(1, order), rng, k)


def _sequence(L: Tensor, a: Tensor, b: Tensor, rng: Rng, k: int) -> tuple[Tensor, Tensor]:
    """e and log w of equation (3): shapes (B, k, columns) and (B, k), float64.

    Args:
        L: shape (B, columns, columns).
        a: lower ends, shape (B, columns).
        b: upper ends.
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
    """The u-quantile of N(0, 1) between two ends, on the side where its tail keeps its digits."""
    flip = low > 0
    a, b = torch.where(flip, -high, low), torch.where(flip, -low, high)
    p, q = torch.special.ndtr(a), torch.special.ndtr(b)
    e = torch.special.ndtri(p + u * (q - p)).clamp(-FARTHEST, FARTHEST)
    # a cell so far out that its mass is 0: its inner end
    e = torch.where(q > p, e, torch.where(b.isfinite(), b, a)).clamp(a, b)
    return torch.where(flip, -e, e)


def solve(model: GaussianCopula, source: Source, rng: Rng) -> None:
    """Cells of classes by their shares, then R from pairwise covariances of the expected scores."""
    x, known = (rows.cpu() for rows in _all_rows(source, rng))
    for j, column in enumerate(model.columns):
        if not isinstance(column, Scores):
            _learn_cells(model, j, x[known[:, j], j], isinstance(column, Categorical))
    cell = model.cell(x.to(model.device)).cpu()
    centres = torch.zeros(len(model.columns), model.ends.shape[1], dtype=torch.float64)
    series = []
    for j, n in enumerate(model.sizes):
        ends = to_float64(model.ends[j, : n + 1]).cpu()
        centres[j, :n] = centres_of(ends)
        series.append(coefficients(ends, centres[j, :n]))
    f = centres[torch.arange(len(centres)), cell] * known
    both = (known.to(f).T @ known.to(f)).clamp_min(1)
    variances = f.square().sum(0) / known.sum(0).clamp_min(1)
    error = (torch.outer(variances, variances) / both).sqrt()
    model.R.copy_(correlations((f.T @ f) / both, torch.stack(series), error))


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
    """Cells of column j as large as the shares of its classes; those without order stand by their shares."""
    n = model.sizes[j]
    # half a row for each class, so that a class that is not there can still be scored
    shares = torch.bincount(x.long(), minlength=n).to(torch.float64) + 0.5
    order = shares.argsort(descending=True, stable=True) if nominal else torch.arange(n, device=shares.device)
    model.places[j, :n] = order.argsort().to(model.places)
    inner = torch.special.ndtri((shares[order].cumsum(0) / shares.sum())[:-1])
    model.ends[j, 1:n] = inner.to(model.ends)


def _even(sizes: list[int], columns: tuple[Space, ...]) -> Tensor:
    """Ends of the cells: those of scores, and equal shares of classes, shape (columns, most + 1)."""
    ends = torch.full((len(sizes), max(sizes) + 1), math.inf)
    ends[:, 0] = -math.inf
    for j, (n, column) in enumerate(zip(sizes, columns)):
        even = torch.special.ndtri(torch.arange(1, n, dtype=torch.float64) / n)
        ends[j, 1:n] = torch.tensor(column.edges) if isinstance(column, Scores) else even
    return ends


def _size(column: Space) -> int:
    """Number of cells."""
    if isinstance(column, Scores):
        return column.cells
    return column.classes if isinstance(column, (Categorical, Ordinal)) else 2


def _checked(space: Space) -> tuple[Space, ...]:
    """The columns, or a ValueError."""
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
