"""Three objectives that train an energy without its normalizer Z.

With u the standardized data, U(u) = f(u) + |u|^2 / 2 the energy and q = N(0, I) the noise:

denoising score matching, with u~ = u + s e and e ~ N(0, I):

    J = E |e - s dU(u~)|^2 / 2                                                                      (1)

noise-contrastive estimation, with k draws u' from q for each row and a learned normalizer c:

    G(u) = log p(u) - log q(u) - log k = -f(u) - c - log k                                          (2)
    J = -E_data log sigmoid(G(u)) - k E_q log sigmoid(-G(u'))                                       (3)

persistent Langevin chains, whose states u' go on from step to step:

    J = E_data U(u) - E_chains U(u')                                                                (4)

The gradient of (1) is that of s^2 times the Fisher divergence between the model and the data smoothed by s:
the model learns the smoothed density, not that of the data. (3) is minimal at the density of the data with
c = log Z, if the network can represent it. The gradient of (4) is that of the likelihood, as far as the
chains have converged.

Reference: Vincent 2011; Gutmann and Hyvaerinen 2012; Xie et al. 2016; Du and Mordatch 2019. Row D10.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch.nn import functional as F

from simulacra.core.batch import Batch, Terms
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Update

Objective = Literal["score-matching", "noise-contrastive", "langevin"]


def score_matching(model: Any, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (1) per example, shape (B,)."""
    u = model.standardized(batch.x)
    e = rng.normal("e", *u.shape[1:], dtype=u.dtype).reshape(u.shape)
    with torch.enable_grad():
        noisy = (u + model.sigma * e).requires_grad_()
        (slope,) = torch.autograd.grad(model.potential(noisy).sum(), noisy, create_graph=True)
    # (1)
    return Terms({"score": (e - model.sigma * slope).flatten(1).square().sum(1) / 2})


def noise_contrastive(model: Any, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (3) per example in nats, the noise summed over its k draws, each term (B,)."""
    u, k = model.standardized(batch.x), model.noise_draws
    noise = rng.normal("noise", k, *u.shape[1:], dtype=u.dtype).reshape(-1, *u.shape[1:])
    f = model.tilt(torch.cat([u, noise]))
    # (2)
    G = -f - model.log_z - math.log(k)
    # (3)
    data, drawn = F.softplus(-G[: len(u)]), F.softplus(G[len(u) :]).reshape(-1, k).sum(1)
    return Terms({"data": data, "noise": drawn}, {"log_z": model.log_z.detach().expand(len(u))})


def with_chains(model: Any, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (4) as energies of the data, (B,), and minus energies of the chains, (chains,)."""
    u = model.standardized(batch.x)
    U = model.potential(torch.cat([u, model.chains]))
    return Terms({"data": U[: len(u)], "chains": -U[len(u) :]}, {"acceptance": model.acceptance.clone()})


def advance(model: Any, batch: Batch, rng: Rng) -> None:
    """Advances the persistent chains by `moves` moves, and keeps their mean probability of acceptance."""
    rows, found = rng.shard("chains", model.chains), []
    for t in range(model.moves):
        made = model.moved(model.chains, rng.at(t).on(rows))
        model.chains.copy_(made.state)
        found.append(made.acceptance)
    model.acceptance.copy_(torch.stack(found).mean(0))


LOSSES = {"score-matching": score_matching, "noise-contrastive": noise_contrastive, "langevin": with_chains}


def update_of(objective: Objective, lr: float) -> Update:
    """Returns the only update of an energy.

    Args:
        objective: name of the objective.
        lr: learning rate of Adam.
    """
    before = advance if objective == "langevin" else None
    return Update("energy", ("",), LOSSES[objective], before=before, optimizer=Adam(lr=lr))


def check_above(**values: float) -> None:
    """Raises ValueError if one of the values is not a finite number above 0.

    Args:
        values: values by the name of their option, which the message names.
    """
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} is {value}, but it must be above 0 and finite.")
