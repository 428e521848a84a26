"""Information in a model's codes: active units, and the distance of the aggregate posterior to the prior.

    active units      A_u = Var_x E_q[z_u|x] > 0.01                                        (1)
    E_x KL(q(z|x) || p(z)) = I_q(x; z) + KL(q(z) || p(z)),   q(z) = 1/N sum_n q(z|x_n)      (2)

A code without information has A_u = 0 and I_q = 0; a large KL(q(z) || p(z)) means that samples of the prior
lie where the decoder was never trained. As x is one of N given rows, I_q <= log N.

Reference: Burda et al. 2015, 5.3 (1); Hoffman and Johnson 2016, ELBO surgery (2). Rows E6, E7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.distributions.divergences import kl_to_standard_normal
from simulacra.core.distributions.elementary import LOG_2PI, Gaussian
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.random.contents import Contents, joined
from simulacra.core.random.keyed import Rng, RowKeys
from simulacra.core.scores.likelihood import observed
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Split
from simulacra.evaluation.rows import blocks

PAIRS = 2**22  # pairs (z, x_n) whose densities are in memory at once (32 MB in float64)


@dataclass
class ActiveUnits:
    """Variances of the posterior means over the data.

    Args:
        variances: Var_x E_q[z_u|x], shape (latent,).
        threshold: variance above which a unit is active.
    """

    variances: Tensor
    threshold: float

    @property
    def count(self) -> int:
        """Number of active units."""
        return int((self.variances > self.threshold).sum())

    @property
    def size(self) -> int:
        """Number of units."""
        return len(self.variances)


@dataclass
class AggregateKL(Record):
    """The decomposition (2), in nats.

    Args:
        total: E_x KL(q(z|x) || p(z)), a closed form.
        information: I_q(x; z) by Monte Carlo.
        marginal: KL(q(z) || p(z)) by Monte Carlo, at the same draws.
        information_error: standard error of `information`.
        marginal_error: standard error of `marginal`.
        rows: N, the rows that q(z) averages over.
    """

    total: float
    information: float
    marginal: float
    information_error: float
    marginal_error: float
    rows: int
    derived = ("ceiling", "saturated")

    @property
    def ceiling(self) -> float:
        """Upper limit log N of I_q."""
        return math.log(self.rows)

    @property
    def saturated(self) -> bool:
        """True if I_q is close to its upper limit log N, so that the decomposition depends on N."""
        return self.information > 0.9 * math.log(self.rows)


@dataclass(frozen=True)
class Codes:
    """Statistics of the codes of rows.

    Args:
        kl: decomposition of the KL to the prior.
        units: active units; None for a single row.
    """

    kl: AggregateKL
    units: ActiveUnits | None

    @property
    def summary(self) -> Latents:
        """The statistics in the form that a report stores."""
        if self.units is None:
            return Latents(None, None, None, self.kl)
        return Latents(self.units.count, self.units.size, tuple(self.units.variances.tolist()), self.kl)


@dataclass(frozen=True)
class Latents(Record):
    """Statistics of codes in a report; units are None for a single row.

    Args:
        active: number of active units.
        size: number of units.
        variances: A_u of each unit.
        kl: decomposition of the KL to the prior.
    """

    active: int | None
    size: int | None
    variances: tuple[float, ...] | None
    kl: AggregateKL


@dataclass(frozen=True)
class Coded:
    """Posteriors of N rows.

    Args:
        q: q(z|x_n), means and log-deviations in float64, shape (N, latent).
        rows: digests of the rows, which key random draws.
    """

    q: Gaussian
    rows: Contents


def posteriors(model: Model, split: Split, seed: int = 0, limit: int | None = None) -> Gaussian:
    """Returns q(z|x_n) of random rows: means and log-deviations in float64, shape (N, latent).

    Args:
        model: model with a Gaussian posterior.
        split: rows.
        seed: seed of the choice of rows and of the preprocessing.
        limit: largest number of rows; None: all.

    Raises:
        ValueError: if the model has no Gaussian posterior.
    """
    return coded(model, split, seed, limit).q


def coded(model: Model, split: Split, seed: int = 0, limit: int | None = None) -> Coded:
    """Returns the posteriors of random rows with the digests of the rows.

    Args:
        model: model with a Gaussian posterior.
        split: rows.
        seed: seed of the choice of rows and of the preprocessing.
        limit: largest number of rows; None: all.

    Raises:
        ValueError: if the model has no Gaussian posterior.
    """
    if not model.supports(can.HasPosterior):
        raise can.MissingCapability(
            f"{type(model).__name__} has no Gaussian posterior, so its codes have no KL to a prior."
        )
    means, log_scales, rows = [], [], []
    with evaluating(model):
        for block in blocks(model, split, seed, limit):
            q = can.able(model, can.HasPosterior).posterior(block.y, block.c, **observed(block.known))
            means.append(q.loc.cpu().double())
            log_scales.append(q.log_scale.cpu().double().expand_as(q.loc))
            rows.append(cast(Contents, block.rng.rows))
    return Coded(Gaussian(torch.cat(means), torch.cat(log_scales), 1), joined(rows))


def active_units(
    model: Model, split: Split, limit: int | None = None, threshold: float = 0.01, seed: int = 0
) -> ActiveUnits:
    """Counts the units whose posterior mean varies over the data, equation (1).

    Args:
        model: model with a Gaussian posterior.
        split: rows.
        limit: largest number of rows, chosen at random; None: all.
        threshold: variance above which a unit is active.
        seed: seed of the choice of rows and of the preprocessing.

    Raises:
        ValueError: if the model has no Gaussian posterior, or there is only one row.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> active_units(simulacra.VAE(data.space, latent=3, scale=0.1), data.test).size
        3
    """
    return active_in(posteriors(model, split, seed, limit), threshold)


def active_in(q: Gaussian, threshold: float = 0.01) -> ActiveUnits:
    """Evaluates equation (1) for given posteriors.

    Args:
        q: posteriors, shape (N, latent).
        threshold: variance above which a unit is active.

    Raises:
        ValueError: if there is only one row.
    """
    if len(q.loc) < 2:
        raise ValueError("active units are a variance over rows, so at least two rows are needed.")
    return ActiveUnits(q.loc.var(0), threshold)


def aggregate_kl(
    model: Model, split: Split, limit: int | None = 2000, samples: int = 4, seed: int = 0
) -> AggregateKL:
    """Decomposes the mean KL to the prior by equation (2).

    Args:
        model: model with a Gaussian posterior.
        split: rows.
        limit: largest number of rows N, chosen at random; None: all.
        samples: draws z ~ q(z|x_n) for each row; the cost is samples N^2.
        seed: seed of the choice of rows and of all draws.

    Raises:
        ValueError: if the model has no Gaussian posterior.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> kl = aggregate_kl(simulacra.VAE(data.space, latent=2, scale=0.1), data.test)
        >>> abs(kl.information + kl.marginal - kl.total) < 0.1
        True
    """
    found = coded(model, split, seed, limit)
    return decompose(found.q, samples, seed, found.rows)


def decompose(q: Gaussian, samples: int = 4, seed: int = 0, rows: RowKeys | None = None) -> AggregateKL:
    """Evaluates equation (2) for given posteriors by Monte Carlo.

    I_q = E log q(z|x) - log q(z) and KL = E log q(z) - log p(z) over z ~ q(z|x_n), n uniform.

    Args:
        q: posteriors, shape (N, latent).
        samples: draws z ~ q(z|x_n) for each row.
        seed: seed of the draws.
        rows: digests that key the noise of the rows; None: their positions.
    """
    n, d = q.loc.shape
    rng = Rng(seed, "aggregate", rows=range(n) if rows is None else rows)
    information, marginal = torch.zeros(2, n, samples, dtype=torch.float64)
    for s in range(samples):
        z = q.sample(rng, f"z-{s}")
        log_marginal = log_mixture(z, q)
        log_prior = -0.5 * (z.square().sum(1) + d * LOG_2PI)
        information[:, s] = q.log_prob(z) - log_marginal
        marginal[:, s] = log_marginal - log_prior
    # draws of one row are correlated: the standard error is taken over rows
    error = lambda t: float(t.mean(1).std() / math.sqrt(n)) if n > 1 else math.nan
    total = float(kl_to_standard_normal(q).mean())
    means = float(information.mean()), float(marginal.mean())
    return AggregateKL(total, *means, error(information), error(marginal), n)


def log_mixture(z: Tensor, q: Gaussian) -> Tensor:
    """Returns log (1/N) sum_n q(z|x_n) in nats, shape (B,).

    Args:
        z: codes, shape (B, latent).
        q: posteriors, shape (N, latent).

    Example:
        >>> q = Gaussian(torch.zeros(5, 1), torch.zeros(5, 1), 1)
        >>> round(log_mixture(torch.zeros(1, 1), q).item(), 4)
        -0.9189
    """
    z, loc, log_scale = z.double(), q.loc.double(), q.log_scale.double()
    precision = torch.exp(-2 * log_scale)
    # |(z - m) / s|^2 as three matrix products: no tensor of shape (B, N, latent)
    constant = (loc.square() * precision + 2 * log_scale + LOG_2PI).sum(1)
    parts = []
    for block in z.split(max(1, PAIRS // len(loc))):
        squares = block.square() @ precision.T - 2 * block @ (loc * precision).T
        parts.append(torch.logsumexp(-0.5 * (squares + constant), 1))
    return torch.cat(parts) - math.log(len(loc))


def latent_rows(found: Latents) -> list[tuple[str, str]]:
    """Returns name and value of each statistic of the codes, in words."""
    kl = found.kl
    error = lambda value, error: f"{value:.2f} +- {error:.2f} nats"
    return [
        ("active units", f"{found.active} of {found.size}"),
        ("KL to the prior", f"{kl.total:.2f} nats"),
        ("  information I(x; z)", error(kl.information, kl.information_error)),
        ("  aggregate to prior", error(kl.marginal, kl.marginal_error)),
    ]
