"""The bound's gradient by the score function: REINFORCE with baselines, leave-one-out, NVIL.

    l = log p(x, h) - log q(h|x),   h ~ q(h|x)                                                    (1)
    d/dtheta E_q l = E_q d/dtheta log p(x, h)                                                     (2)
    d/dphi E_q l = E_q s d/dphi log q(h|x),   s = l - b                                           (3)

The baseline b is a running mean of l (`score-function`), the mean of l over the row's other draws
(`leave-one-out`), or a network of x plus a running mean, with s divided by the running deviation (`nvil`).
The loss has the value of the negative bound and the gradients (2) and (3).

Reference: Williams 1992; Mnih and Gregor, Neural Variational Inference and Learning in Belief Networks, 2014
(equations 5 to 9, algorithm 1); Kool, van Hoof and Welling 2019. Rows B9, B10.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.gradients import Baseline, leave_one_out, score_function, with_value
from simulacra.core.random.keyed import Rng
from simulacra.models.beliefs.stacks.net import Net


def with_baseline(model: Net, batch: Batch, rng: Rng, k: int) -> Terms:
    """Computes the negative bound in nats, shape (B,), with the gradients (2) and (3) and `model.baseline`.

    A baseline with a network has a term of its own, the square of l - b.

    Args:
        model: a belief net with a baseline.
        batch: rows of data.
        rng: source of random numbers.
        k: draws of each row.
    """
    baseline = baseline_of(model)
    log_p, log_q = drawn(model, batch, rng, k)
    value = (log_p - log_q).detach()
    b = baseline(model.beside(model.evidence(batch.x, batch.known), batch.c).squeeze(1))
    terms = {"bound": negative_bound(log_p, log_q, baseline.signal(value, b))}
    if baseline.net is not None:
        terms["baseline"] = (value - b).square().mean(1)
    return Terms(terms, baseline.moments(value, b))


def with_others(model: Net, batch: Batch, rng: Rng, k: int) -> Terms:
    """Computes the negative bound in nats, shape (B,), with gradients (2) and (3), b from the other draws.

    Args:
        model: a belief net.
        batch: rows of data.
        rng: source of random numbers.
        k: draws of each row, two or more.
    """
    log_p, log_q = drawn(model, batch, rng, k)
    value = (log_p - log_q).detach()
    return Terms({"bound": negative_bound(log_p, log_q, value - leave_one_out(value))})


def drawn(model: Net, batch: Batch, rng: Rng, k: int) -> tuple[Tensor, Tensor]:
    """Returns log p(x, h_j) and log q(h_j|x) of k draws h_j ~ q(h|x), in nats, each (B, k).

    Args:
        model: a belief net.
        batch: rows of data.
        rng: source of random numbers.
        k: draws of each row.
    """
    found = model.recognize(batch.x, batch.c, rng, k, batch.known)
    log_p = model.log_joint(batch.x, found.h, batch.c, batch.known)
    return log_p, torch.stack(found.log_q).sum(0)


def negative_bound(log_p: Tensor, log_q: Tensor, signal: Tensor) -> Tensor:
    """Returns minus the mean of (1) over draws, in nats, shape (B,), with the gradients (2) and (3).

    Args:
        log_p: log p(x, h_j), shape (B, k).
        log_q: log q(h_j|x), shape (B, k).
        signal: s of equation (3), shape (B, k).
    """
    # (2), (3)
    surrogate = log_p + score_function(signal, log_q)
    return -with_value(surrogate, log_p - log_q).mean(1)


def follow(model: Net, terms: Mapping[str, Tensor], progress: float) -> None:
    """Moves the running moments of the baseline.

    Args:
        model: a belief net with a baseline.
        terms: logged means of the update.
        progress: share of training that is done; not used.
    """
    baseline_of(model).follow(terms)


def baseline_of(model: Net) -> Baseline:
    """Returns the baseline of a belief net that has one."""
    baseline = model.baseline
    assert isinstance(baseline, Baseline)
    return baseline
