"""The bound's gradient through the draws, as if each unit were its probability.

    h_i = Bernoulli(p_i),   p_i = sg(b_i + U_i h_(i-1)),   d h_i / d p_i := 1                     (1)

It has little variance and is biased: a slope at 0 or 1 is not the difference of the values at 1 and 0.

Reference: Bengio, Leonard and Courville 2013. Row B8.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.gradients import straight_through
from simulacra.core.random.keyed import Rng
from simulacra.models.beliefs.stacks.net import Net


def through_draws(model: Net, batch: Batch, rng: Rng, k: int) -> Terms:
    """Computes the negative bound in nats, shape (B,), with the gradient of equation (1).

    Args:
        model: a belief net whose q has independent units.
        batch: rows of data.
        rng: source of random numbers.
        k: draws of each row.
    """
    u = model.evidence(batch.x, batch.known)
    h: list[Tensor] = []
    log_q: list[Tensor] = []
    for i, layer in enumerate(model.q_layers):
        q = layer.given(model.beside(u, batch.c))
        # (1)
        u = straight_through(q.means, q.sample(rng, f"q{i + 1}", k))
        h.append(u)
        log_q.append(q.log_prob(u))
    log_p = model.log_joint(batch.x, h, batch.c, batch.known)
    return Terms({"bound": -(log_p - torch.stack(log_q).sum(0)).mean(1)})
