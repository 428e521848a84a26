"""Refined inference: the bound with q(z|x) optimized for each row, and the amortization gap.

    L(x; q) = E_{z ~ q} log p(x, z) - log q(z)                                                       (1)
    q*(x) = argmax over m, s of L(x; N(m, s^2)),  from the encoder's q_0(x)                          (2)
    gap(x) = L(x; q*) - L(x; q_0) >= 0                                                               (3)

Traditional variational inference optimizes q datum by datum, where an encoder maps all data to their q at
once. The gap is what the encoder loses by that. While (2) is optimized, its noise is fixed for each row:
pairs e, -e whose second moments are exactly those of N(0, I). Both bounds of (3) are then measured at the
same fresh noise, so that neither profits from the noise it was fitted to. As the steps are finite, the gap is
a lower estimate.

Reference: Jordan et al. 1999; Cremer, Li and Duvenaud 2018 (the gap). Row E8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.capabilities.bounds import observed
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.inputs.chunks import Rows
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.progress.tasks import stage
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.likelihood import ENTRIES
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Split
from simulacra.evaluation.rows import blocks, count
from simulacra.evaluation.samples.quality import Skipped

STEPS = 200  # steps of Adam for each row
RATE = 0.2  # its first learning rate, in standard deviations of q; it falls linearly to 0
BETA = 0.9  # decay of the averages of gradients and of their squares
PAIRS = 16  # fewest pairs e, -e of fixed noise; at least as many as the code has units
DRAWS = 64  # fresh draws of both bounds
ROWS = 200  # largest number of rows unless more are asked for


@dataclass(frozen=True)
class Refined(Record):
    """Mean bounds of rows in nats, on the raw space.

    Args:
        amortized: ELBO with the encoder's q_0.
        refined: ELBO with q*, a lower bound on log p(x).
        refined_error: its standard error over rows; NaN for a single row.
        gap: mean of equation (3), the amortization gap.
        gap_error: its standard error over rows, paired.
        rows: number of rows.
        steps: steps of the optimization.
    """

    amortized: float
    refined: float
    refined_error: float
    gap: float
    gap_error: float
    rows: int
    steps: int


@dataclass(frozen=True)
class Bounds:
    """Bounds of rows in nats, float64 on the CPU, each of shape (B,).

    Args:
        amortized: L(x; q_0).
        refined: L(x; q*), at the same noise.
    """

    amortized: Tensor
    refined: Tensor


def refined(
    model: Model,
    split: Split,
    seed: int = 0,
    limit: int | None = ROWS,
    steps: int = STEPS,
    draws: int = DRAWS,
) -> Refined:
    """Optimizes q(z|x) for each of some random rows and compares its bound with the encoder's.

    Args:
        model: model with a Gaussian posterior and a joint density of x and its code.
        split: rows.
        seed: seed of the choice of rows and of all draws.
        limit: largest number of rows; None: all.
        steps: steps of the optimization of each row.
        draws: fresh draws z of both bounds.

    Raises:
        ValueError: if the model has no Gaussian posterior or no joint density.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> found = refined(simulacra.VAE(data.space, latent=1, scale=0.5), data.test, limit=9, steps=50)
        >>> found.gap > 0
        True
    """
    if not (model.supports(can.HasPosterior) and model.supports(can.HasJoint)):
        raise can.MissingCapability(
            f"{type(model).__name__} has no Gaussian posterior with a joint density, which could be refined."
        )
    first, last = [], []
    with evaluating(model), stage("refined posteriors", count(split, limit), "row") as progress:
        for block in blocks(model, split, seed, limit):
            for rows in _pieces(block, max(2 * PAIRS, 2 * _width(model, block), draws)):
                found = bounds(model, rows, steps, draws)
                first.append(found.amortized + rows.log_det.cpu())
                last.append(found.refined + rows.log_det.cpu())
                progress.advance(len(rows.y))
    return _summary(torch.cat(first), torch.cat(last), steps)


def _summary(first: Tensor, last: Tensor, steps: int) -> Refined:
    n, gap = len(first), last - first
    error = lambda t: float(t.std() / math.sqrt(n)) if n > 1 else math.nan
    return Refined(
        float(first.mean()), float(last.mean()), error(last), float(gap.mean()), error(gap), n, steps
    )


def bounds(model: Model, rows: Rows, steps: int = STEPS, draws: int = DRAWS) -> Bounds:
    """Returns both bounds of equation (3) for preprocessed rows.

    Args:
        model: model with a Gaussian posterior and a joint density, in evaluation mode.
        rows: rows in the model's space; their noise depends on their keys, not on the batch.
        steps: steps of the optimization.
        draws: fresh draws z of both bounds.
    """
    posterior = can.able(model, can.HasPosterior).posterior(rows.y, rows.c, **observed(rows.known))
    q_0 = Gaussian(posterior.loc.detach(), posterior.log_scale.detach().expand_as(posterior.loc), 1)
    q = optimized(model, rows, q_0, steps)
    eps = rows.rng.at("refined").normal("fresh", draws, q_0.loc.shape[1], dtype=q_0.loc.dtype)
    at = lambda law: to_float64(log_ratio(model, rows, law, eps).mean(1)).cpu()
    with torch.no_grad():
        before, after = at(q_0), at(q)
    return Bounds(before, after)


def optimized(model: Model, rows: Rows, q_0: Gaussian, steps: int) -> Gaussian:
    """Returns q* of equation (2) by Adam, whose steps of the mean are in units of q's standard deviation.

    Rows do not touch each other: their sum has the gradient of each. A row keeps q_0 where no step is better.

    Args:
        model: the model.
        rows: rows in the model's space.
        q_0: the encoder's posterior, event (latent,).
        steps: number of steps.
    """
    eps = _matched(rows.rng.at("refined"), q_0)
    m, log_s = q_0.loc, q_0.log_scale
    best, best_value = (m, log_s), torch.full_like(m[:, 0], -math.inf)
    moments = [torch.zeros_like(m) for _ in range(4)]
    for t in range(steps + 1):
        with torch.enable_grad():
            a, b = m.detach().requires_grad_(), log_s.detach().requires_grad_()
            value = log_ratio(model, rows, Gaussian(a, b, 1), eps).mean(1)
            dm, ds = torch.autograd.grad(value.sum(), (a, b))
        better = (value.detach() > best_value).unsqueeze(1)
        best = torch.where(better, m, best[0]), torch.where(better, log_s, best[1])
        best_value = torch.maximum(best_value, value.detach().nan_to_num(-math.inf))
        rate, s = RATE * (1 - t / max(1, steps)), torch.exp(log_s)
        m = m + rate * s * _adam(s * dm, moments[:2], t)
        log_s = log_s + rate * _adam(ds, moments[2:], t)
    return Gaussian(*best, 1)


def log_ratio(model: Model, rows: Rows, q: Gaussian, eps: Tensor) -> Tensor:
    """Returns log p(x, z) - log q(z) at z = m + s eps, in nats, shape (B, k).

    Args:
        model: model with a joint density.
        rows: rows in the model's space.
        q: a Gaussian for each row, event (latent,).
        eps: standard normal noise, shape (B, k, latent).
    """
    several = Gaussian(q.loc.unsqueeze(1), q.log_scale.unsqueeze(1), 1)
    z = several.at(eps)
    joint = can.able(model, can.HasJoint).log_joint(rows.y, z, rows.c, **observed(rows.known))
    return joint - several.log_prob(z)


def _adam(gradient: Tensor, moments: list[Tensor], t: int) -> Tensor:
    """Returns the step of Adam for an ascent at rate 1; the moments of each entry are changed in place."""
    g = gradient.nan_to_num(0.0)
    # a short memory of squares: those far from q* are larger by orders of magnitude
    moments[0].mul_(BETA).add_(g, alpha=1 - BETA)
    moments[1].mul_(BETA).addcmul_(g, g, value=1 - BETA)
    bias = 1 - BETA ** (t + 1)
    return (moments[0] / bias) / ((moments[1] / bias).sqrt() + 1e-8)


def _matched(rng: Rng, q: Gaussian) -> Tensor:
    """Returns pairs e, -e with mean 0 and second moments exactly I for each row, shape (B, k, latent)."""
    d = q.loc.shape[1]
    k = max(PAIRS, d)
    e = rng.normal("fixed", k, d, dtype=q.loc.dtype)
    orthogonal = torch.linalg.qr(e)[0] * math.sqrt(k)
    return torch.cat([orthogonal, -orthogonal], 1)


def _width(model: Model, rows: Rows) -> int:
    """Returns the number of units of the code."""
    one = rows.c[:1] if rows.c is not None else None
    known = None if rows.known is None else rows.known[:1]
    return can.able(model, can.HasPosterior).posterior(rows.y[:1], one, **observed(known)).loc.shape[1]


def _pieces(rows: Rows, k: int) -> list[Rows]:
    """Returns the rows in pieces whose k codes each are decoded within the memory budget."""
    size = max(1, ENTRIES // (max(1, rows.y[0].numel()) * k))
    cut = lambda t, at: None if t is None else t[at]
    return [
        Rows(
            *(rows.raw[at], rows.y[at], rows.log_det[at], rows.rng.on(rows.rng.rows[at])),
            *(cut(rows.known, at), cut(rows.c, at)),
        )
        for at in (slice(i, i + size) for i in range(0, len(rows.y), size))
    ]


def refined_rows(found: Refined | Skipped) -> list[tuple[str, str]]:
    """Returns name and value of each number in words, or the reason why there is none."""
    if isinstance(found, Skipped):
        return [("refined ELBO", f"not measured: {found.skipped}")]
    how = f"q of each of {found.rows:,} rows refined by {found.steps} steps"
    return [
        ("refined ELBO", f"{found.refined:.2f} +- {found.refined_error:.2f} nats ({how})"),
        ("amortization gap", f"{found.gap:.2f} +- {found.gap_error:.2f} nats"),
    ]
