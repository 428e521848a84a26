"""Wake-sleep and reweighted wake-sleep: p learns from draws of q, q from draws of p or weighted draws of q.

    wake:       theta descends -sum_j w_j log p(x, h_j),   h_j ~ q(h|x)                           (1)
    wake-phi:   phi descends -sum_j w_j log q(h_j|x),      h_j ~ q(h|x)                           (2)
    sleep-phi:  phi descends -log q(h|x),                  (x, h) ~ p                             (3)
    w_j ~ p(x, h_j) / q(h_j|x),   sum_j w_j = 1                                                   (4)

Draws and weights are constants of the gradient. As k grows, (1) follows the gradient of -log p(x), and (2)
that of KL(p(h|x) || q(h|x)). Wake-sleep has w_j = 1/k in (1), and (3) for q; its two phases descend different
objectives.

Reference: Hinton, Dayan, Frey and Neal 1995; Bornschein and Bengio, Reweighted Wake-Sleep, 2015 (equations 6
to 10). Rows B4, B5.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.gradients import normalized
from simulacra.core.random.keyed import Rng
from simulacra.models.beliefs.stacks.net import Net


def wake(model: Net, batch: Batch, rng: Rng, k: int, reweighted: bool = True) -> Terms:
    """Computes (1) in nats, shape (B,), and logs the bound at the same draws.

    Args:
        model: a belief net.
        batch: rows of data.
        rng: source of random numbers.
        k: draws of each row.
        reweighted: weights (4); otherwise they are 1/k.
    """
    with torch.no_grad():
        drawn = model.recognize(batch.x, batch.c, rng, k, batch.known)
    log_p = model.log_joint(batch.x, drawn.h, batch.c, batch.known)
    log_w = log_p.detach() - torch.stack(drawn.log_q).sum(0)
    # (4)
    w = normalized(log_w) if reweighted else torch.full_like(log_w, 1 / k)
    # (1)
    return Terms({"wake": -(w * log_p).sum(1)}, {"bound": bound_of(log_w)})


def wake_phi(model: Net, batch: Batch, rng: Rng, k: int) -> Tensor:
    """Computes (2) in nats, shape (B,).

    Args:
        model: a belief net.
        batch: rows of data.
        rng: source of random numbers.
        k: draws of each row.
    """
    drawn = model.recognize(batch.x, batch.c, rng, k, batch.known)
    log_q = torch.stack(drawn.log_q).sum(0)
    with torch.no_grad():
        log_p = model.log_joint(batch.x, drawn.h, batch.c, batch.known)
    # (4), (2)
    return -(normalized(log_p - log_q) * log_q).sum(1)


def sleep_phi(model: Net, batch: Batch, rng: Rng) -> Tensor:
    """Computes (3) in nats for one draw (h, x) ~ p for each row, shape (B,).

    Args:
        model: a belief net.
        batch: rows of data, of which only the conditions are used.
        rng: source of random numbers.
    """
    with torch.no_grad():
        h = model.ancestors(rng, batch.c)
        x = model.x_given.draw(model.beside(h[0], batch.c), rng).squeeze(1)
    # (3)
    return -model.log_q(h, x, batch.c).squeeze(1)


def recognition(model: Net, batch: Batch, rng: Rng, k: int, wakes: float) -> Terms:
    """Computes a mean of (2) and (3) in nats, as terms of shape (B,).

    Args:
        model: a belief net.
        batch: rows of data.
        rng: source of random numbers.
        k: draws of each row in (2).
        wakes: weight of (2), from 0 to 1; that of (3) is the rest.
    """
    terms = {}
    if wakes > 0:
        terms["wake-phi"] = wakes * wake_phi(model, batch, rng, k)
    if wakes < 1:
        terms["sleep-phi"] = (1 - wakes) * sleep_phi(model, batch, rng)
    return Terms(terms)


def bound_of(log_w: Tensor) -> Tensor:
    """Returns log (1/k) sum_j w_j in nats, shape (B,).

    Args:
        log_w: log-weights of k draws, in nats, shape (B, k).
    """
    return (log_w.logsumexp(1) - math.log(log_w.shape[1])).detach()
