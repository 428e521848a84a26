"""Mean and covariance of a normal vector of which rows show some entries, by EM.

    x_n ~ N(m, S),   K = S^-1;   row n shows the entries o and misses the entries u

    E[x_u | x_o] = m_u - K_uu^-1 K_uo (x_o - m_o),    Cov[x_u | x_o] = K_uu^-1                          (1)
    m = mean of E[x_n],   S = mean of E[(x_n - m)(x_n - m)']                                           (2)

EM alternates (1) and (2), and ends at the maximum of the likelihood of what is observed. That is consistent
where cells are missing at random, also given the values that are shown. Of other distributions it finds the
mean and the covariance where cells are missing completely at random. In the form of K the cost goes with the
entries that are missing. It starts from the correlations of the rows that show both columns,

    r_ij = Cov(x_i, x_j) / sqrt(Var x_i Var x_j)    over the rows with i and j                          (3)

Reference: Dempster, Laird and Rubin 1977; Little and Rubin, Statistical Analysis with Missing Data, 2002
(chapter 11). `models.autoencoders.factors` has the EM of fewer factors than columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.numerics.latent_correlation import LEAST, nearest

STEPS, TOLERANCE = 200, 1e-5  # of EM, and the change of a correlation at which it stops
NARROWEST = 1e-9  # smallest eigenvalue of the correlations of a density, which `LEAST` would blur
WORK = 5e9  # products of one step: of larger tables (3) is the answer
NUMBERS = 2**21  # of the matrices of a chunk
FEWEST = 3  # rows of a pair without which (3) is 0


@dataclass
class _Gaps:
    """The incomplete rows of a chunk, whose missing entries stand in front.

    Args:
        x: shape (B, d), 0 where missing.
        known: shape (B, d).
        at: numbers of the missing entries, shape (B, m), with others behind them in rows that miss fewer.
    """

    x: Tensor
    known: Tensor
    at: Tensor

    def expected(self, m: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
        """E[x] - m, shape (B, d), and Cov of the entries `at`, shape (B, m, m), of equation (1)."""
        gone = ~self.known.gather(1, self.at)
        both = gone.unsqueeze(2) & gone.unsqueeze(1)
        eye = torch.eye(self.at.shape[1], dtype=K.dtype)
        block = torch.where(both, K[self.at.unsqueeze(2), self.at.unsqueeze(1)], eye)
        r = torch.where(self.known, self.x - m, torch.zeros_like(self.x))
        L = torch.linalg.cholesky(block)
        # (1)
        drift = -(r @ K).gather(1, self.at) * gone
        mean = torch.cholesky_solve(drift.unsqueeze(2), L).squeeze(2) * gone
        return r.scatter_add(1, self.at, mean), torch.cholesky_inverse(L) * both


def pairwise(x: Tensor, known: Tensor) -> Tensor:
    """The correlations (3), shape (d, d); 0 where too few rows show both columns, or one does not change.

    Args:
        x: float64, shape (N, d).
        known: True where an entry is observed, shape (N, d).

    Example:
        >>> x = torch.tensor([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [9.0, 0.0]], dtype=torch.float64)
        >>> known = torch.tensor([[True, True]] * 3 + [[True, False]])
        >>> round(float(pairwise(x, known)[0, 1]), 6)
        1.0
    """
    there = known.to(x.dtype)
    f = x * there
    n = (there.T @ there).clamp_min(1)
    mean = f.T @ there / n  # of column i over the rows that show j, too
    covariance = f.T @ f / n - mean * mean.T
    variance = (f.square().T @ there / n - mean.square()).clamp_min(0)
    scale = (variance * variance.T).sqrt()
    enough = (n >= FEWEST) & (scale > 1e-12 * scale.max().clamp_min(1e-300))
    r = torch.where(enough, covariance / scale.where(enough, torch.ones_like(scale)), torch.zeros_like(scale))
    return r.clamp(-1, 1).fill_diagonal_(1.0)


def correlations_observed(x: Tensor, known: Tensor) -> Tensor:
    """Correlations of greatest normal likelihood of what is observed, shape (d, d).

    Where nothing is missing they are the usual ones; where a step of EM takes more than `WORK`, those of (3).

    Args:
        x: float64, shape (N, d).
        known: True where an entry is observed, shape (N, d).

    Example:
        >>> x = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
        >>> correlations_observed(x, torch.ones(4, 2, dtype=torch.bool)).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    start = pairwise(x, known)
    if not _worth_climbing(known):
        return start
    y, known, _ = _scaled(x, known)
    return _correlations(_climb(y, known, nearest(start), LEAST, STEPS, TOLERANCE)[1])


def moments_observed(
    x: Tensor, known: Tensor, steps: int = STEPS, tolerance: float = TOLERANCE
) -> tuple[Tensor, Tensor]:
    """Mean and covariance of greatest normal likelihood of what is observed, shapes (d,) and (d, d).

    Where nothing is missing they are the usual ones, with divisor N; where a step of EM takes more than
    `WORK`, the observed means and variances with the correlations (3).

    Args:
        x: float64, shape (N, d).
        known: True where an entry is observed, shape (N, d); each column has an observed entry.
        steps: most steps of EM.
        tolerance: change of a correlation at which EM stops.

    Example:
        >>> x = torch.tensor([[1.0, 2.0], [3.0, 6.0], [2.0, 0.0]], dtype=torch.float64)
        >>> known = torch.tensor([[True, True], [True, True], [True, False]])
        >>> m, S = moments_observed(x, known)
        >>> [round(v, 3) for v in m.tolist()]  # the third row's second entry is taken for 4
        [2.0, 4.0]
    """
    start = nearest(pairwise(x, known))
    y, known, (m, scale) = _scaled(x, known)
    if not _worth_climbing(known):
        whole = bool(known.all())
        offset, S = torch.zeros_like(m), y.T @ y / len(y) if whole else start
    else:
        offset, S = _climb(y, known, start, NARROWEST, steps, tolerance)
    return m + scale * offset, scale.unsqueeze(1) * S * scale


def _worth_climbing(known: Tensor) -> bool:
    """True if entries are missing from rows that show others, and a step of EM takes at most `WORK`."""
    missing = (~known[known.any(1)]).sum(1)
    return bool(missing.any()) and work(missing, known.shape[1]) <= WORK


def _scaled(x: Tensor, known: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Rows that show something, in deviations from the mean; what they show; means and deviations."""
    # a row that shows nothing says nothing
    x, known = x[known.any(1)], known[known.any(1)]
    count = known.sum(0).clamp_min(1)
    m = (x * known).sum(0) / count
    scale = (((x - m) * known).square().sum(0) / count).sqrt()
    # a column that never changes is one of deviation 1 by itself
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    return ((x - m) / scale) * known, known, (m, scale)


def _correlations(S: Tensor) -> Tensor:
    """Correlations of a covariance."""
    scale = S.diagonal().rsqrt()
    return scale.unsqueeze(1) * S * scale


def work(missing: Tensor, d: int) -> float:
    """Products that a step of EM takes for rows that miss so many of d entries each.

    Example:
        >>> work(torch.tensor([0, 2]), 10)
        216.0
    """
    m = missing[missing > 0].cpu().numpy().astype(float)
    return float(2 * (m**3).sum() + 2 * d * d * len(m))


def _climb(
    y: Tensor,
    known: Tensor,
    S: Tensor,
    least: float,
    steps: int,
    tolerance: float,
) -> tuple[Tensor, Tensor]:
    """Mean and covariance by EM from S, for columns that are scaled to observed mean 0 and deviation 1."""
    whole = known.all(1)
    complete, gaps, n = y[whole], list(_chunks(y[~whole], known[~whole])), len(y)
    first, second = complete.sum(0), complete.T @ complete
    m, R = torch.zeros_like(first), S
    for _ in range(steps):
        K = torch.cholesky_inverse(torch.linalg.cholesky(S))
        # of x - m
        total = first - len(complete) * m
        square = second - torch.outer(first, m) - torch.outer(m, first) + len(complete) * torch.outer(m, m)
        for chunk in gaps:
            r, covariance = chunk.expected(m, K)
            total, square = total + r.sum(0), square + r.T @ r
            square.index_put_((chunk.at.unsqueeze(2), chunk.at.unsqueeze(1)), covariance, accumulate=True)
        # (2)
        offset = total / n
        m, S = m + offset, _raised(square / n - torch.outer(offset, offset), least)
        before, R = R, _correlations(S)
        if float((R - before).abs().max()) < tolerance:
            break
    return m, S


def _chunks(y: Tensor, known: Tensor) -> Iterator[_Gaps]:
    """Incomplete rows in chunks, those that miss about as many entries together."""
    order = (~known).sum(1).argsort(stable=True)
    y, known = y[order], known[order]
    missing = (~known).sum(1)
    start = 0
    while start < len(y):
        # as many rows as the chunk's last one, which misses most, allows
        rows = torch.arange(1, len(y) - start + 1)
        fits = rows * missing[start:].square().clamp_min(y.shape[1]) <= NUMBERS
        stop = start + max(1, int(fits.sum()))
        part = slice(start, stop)
        at = known[part].to(torch.uint8).argsort(dim=1, stable=True)[:, : int(missing[stop - 1])]
        yield _Gaps(y[part], known[part], at)
        start = stop


def _raised(S: Tensor, least: float) -> Tensor:
    """S with small eigenvalues raised, so that columns which are one leave it invertible."""
    values, vectors = torch.linalg.eigh(S)
    return (vectors * values.clamp_min(least * float(values.mean()))) @ vectors.T
