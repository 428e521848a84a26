"""The linear Gaussian factor model: its closed-form fit, and its fit to incomplete rows by EM.

    z ~ N(0, I),   x | z ~ N(W z + m, s^2 I);   row n has the observed entries o(n)

Given W, m and s^2, missing entries have a Gaussian posterior through that of z,

    M_n = W_o' W_o + s^2 I,   E[z] = M_n^-1 W_o' (x_o - m_o),   Cov[z] = s^2 M_n^-1      (1)

and the M-step is the closed form for the expected mean and covariance

    m = mean E[x_n],   S = mean E[(x_n - m)(x_n - m)']                                  (2)
    W = U (L - s^2 I)^(1/2),   s^2 = mean of the discarded eigenvalues of S             (3)

EM alternates the two; the likelihood of the observed entries never decreases (Dempster, Laird and
Rubin 1977; Tipping and Bishop 1999, equations 7 and 8; Ilin and Raiko 2010, section 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.distributions.elementary import LOG_2PI

FLOOR = 1e-12  # smallest s^2 relative to the largest eigenvalue: s^2 = 0 has an unbounded likelihood
TOLERANCE = 1e-9  # relative change of the covariance at which EM stops


@dataclass
class Linear:
    """Parameters of the factor model, in float64.

    Args:
        W: factor loadings, shape (d, q).
        location: mean m, shape (d,).
        variance: noise variance s^2, shape ().
    """

    W: Tensor
    location: Tensor
    variance: Tensor

    def posterior(self, x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the posterior of z, equation (1).

        Args:
            x: rows in float64, shape (B, d); missing entries may have any value.
            known: True where observed, shape (B, d).

        Returns:
            E[z], shape (B, q), and M_n, shape (B, q, q).
        """
        known = known.to(x.device)
        r = torch.where(known, x - self.location, torch.zeros_like(x))
        eye = torch.eye(self.W.shape[1], dtype=x.dtype, device=x.device)
        M = torch.einsum("nd,dp,dq->npq", known.to(x.dtype), self.W, self.W) + self.variance * eye
        return torch.linalg.solve(M, (r @ self.W).unsqueeze(2)).squeeze(2), M

    def log_density(self, x: Tensor, known: Tensor) -> Tensor:
        """Computes log N(x_o; m_o, C_oo) of the observed entries in nats, shape (B,).

        Args:
            x: rows in float64, shape (B, d).
            known: True where observed, shape (B, d).
        """
        known = known.to(x.device)
        z, M = self.posterior(x, known)
        r = torch.where(known, x - self.location - z @ self.W.T, torch.zeros_like(x))
        # r' C^-1 r = |r - W z|^2 / s^2 + |z|^2 at z = E[z|x],  |C_oo| = |M| s^(2 (d_o - q))
        quadratic = r.square().sum(1) / self.variance + z.square().sum(1)
        d = known.sum(1).to(x.dtype)  # integers would be promoted to float32 only
        log_det = torch.logdet(M) + (d - self.W.shape[1]) * self.variance.log()
        return -0.5 * (d * LOG_2PI + log_det + quadratic)

    def imputed(self, x: Tensor, known: Tensor) -> Tensor:
        """Returns E[x_n]: x with missing entries replaced by their conditional means, shape (B, d).

        Args:
            x: rows in float64, shape (B, d).
            known: True where observed, shape (B, d).
        """
        z, _ = self.posterior(x, known)
        return torch.where(known.to(x.device), x, self.location + z @ self.W.T)


Rows = Callable[[], Iterator[tuple[Tensor, Tensor]]]


def expected_moments(model: Linear, rows: Rows) -> tuple[Tensor, Tensor]:
    """Computes the expected mean (d,) and covariance (d, d) of the rows, equation (2).

    Args:
        model: current parameters.
        rows: function that returns an iterator over chunks (x, known), both (B, d).
    """
    d = len(model.location)
    total, square = torch.zeros_like(model.location), model.W.new_zeros(d, d)
    n = 0
    for x, known in rows():
        f = model.imputed(x, known) - model.location
        total, n = total + f.sum(0), n + len(f)
        square = square + f.T @ f + _uncertainty(model, x, known)
    offset = total / n
    return model.location + offset, square / n - torch.outer(offset, offset)


def _uncertainty(model: Linear, x: Tensor, known: Tensor) -> Tensor:
    """Returns the sum over rows of Cov[x_n]: W Cov[z] W' + s^2 I on the missing entries."""
    gone = (~known).to(x.dtype)
    _, M = model.posterior(x, known)
    L = torch.linalg.cholesky(torch.linalg.inv(M))
    # U_n = diag(gone) W L_n, so that U_n U_n' is the covariance over s^2 without its diagonal
    U = gone.unsqueeze(2) * (model.W @ L)
    joint = U.permute(1, 0, 2).flatten(1)
    return model.variance * (joint @ joint.T + torch.diag(gone.sum(0)))


def leading(S: Tensor, q: int) -> tuple[Tensor, Tensor]:
    """Returns the q largest eigenvalues (q,) in descending order, and their eigenvectors (d, q).

    The largest entry of each eigenvector is positive. Computing these alone takes a quarter of the time of
    all
    eigenvalues (LAPACK's `syevr`, which torch lacks).

    Args:
        S: symmetric matrix, shape (d, d).
        q: number of eigenvalues.
    """
    # scipy takes 0.1 s to import
    from scipy.linalg import eigh

    d = len(S)
    values, vectors = eigh(S.cpu().numpy(), subset_by_index=[d - q, d - 1], check_finite=False)
    U = torch.from_numpy(vectors.copy()).to(S).flip(1)
    return torch.from_numpy(values).to(S).flip(0), U * U.gather(0, U.abs().argmax(0, keepdim=True)).sign()


def closed_form(S: Tensor, q: int) -> tuple[Tensor, Tensor]:
    """Returns W (d, q) and s^2 () of equation (3).

    Args:
        S: covariance, shape (d, d).
        q: number of factors.
    """
    values, U = leading(S, q)
    rest = (S.trace() - values.sum()) / (len(S) - q) if q < len(S) else values.new_zeros(())
    variance = rest.clamp_min(FLOOR * float(values[0]))
    return U * (values - variance).clamp_min(0).sqrt(), variance


def maximize(rows: Rows, q: int, iterations: int) -> tuple[Linear, Tensor]:
    """Fits the factor model to incomplete rows by EM.

    Args:
        rows: function that returns a new iterator over chunks (x, known), both (B, d), at each call.
        q: number of factors.
        iterations: maximal number of EM steps; EM stops earlier at a relative change below `TOLERANCE`.

    Returns:
        The maximum likelihood parameters, and the expected covariance S (d, d).

    Raises:
        ValueError: if a column has no observed entry at all.
    """
    model = observed_start(rows, q)
    before = S = torch.zeros_like(model.W @ model.W.T)
    for _ in range(iterations):
        m, S = expected_moments(model, rows)
        W, variance = closed_form(S, q)
        model = Linear(W, m, variance)
        if float((S - before).norm()) < TOLERANCE * float(S.norm()):
            break
        before = S
    return model, S


def observed_start(rows: Rows, q: int) -> Linear:
    """Returns initial parameters from the observed means and variances.

    The factors start along the columns of largest variance.

    Args:
        rows: function that returns a new iterator over chunks (x, known) at each call.
        q: number of factors.

    Raises:
        ValueError: if a column has no observed entry at all.
    """
    count, mean, square = (torch.zeros((), dtype=torch.float64) for _ in range(3))
    for x, known in rows():
        there = torch.where(known, x, torch.zeros_like(x))
        count, mean = count.to(x.device) + known.sum(0), mean.to(x.device) + there.sum(0)
    if bool((count == 0).any()):
        j = int((count == 0).nonzero()[0])
        raise ValueError(f"entry {j + 1} of x has no observed value in the training rows: leave it out.")
    mean = mean / count
    for x, known in rows():
        square = square.to(x.device) + torch.where(known, x - mean, torch.zeros_like(x)).square().sum(0)
    variances = square / count
    widest = variances.argsort(descending=True)[:q]
    W = 0.5 * torch.diag(variances.sqrt())[:, widest]
    # a component common to all columns moves EM off the axes, which are saddle points
    W = W + 0.1 * variances.sqrt().unsqueeze(1)
    return Linear(W, mean, variances.mean().clamp_min(FLOOR))
