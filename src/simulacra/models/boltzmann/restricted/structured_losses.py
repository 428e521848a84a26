"""Losses of a conditional RBM for structured outputs, with outputs s found near the input u.

    perceptron    F(y|u) - min over s in S of (F(s|u) - m |s - y|_1)                                  (1)
    candidates    F(y|u) + log sum over s in S of exp -F(s|u)                                         (2)
    mean field    F(y|u) - min over q of E_q[E(v, h|u)] - H(q)                                        (3)

In (1) S has y and what a Gibbs chain visits that begins at h = 0, where the input alone speaks: the negative
example is the state of lowest free energy, not the last one (CD-PercLoss). With a margin m > 0 it is lowered
by the entries in which s differs from y. In (2) S has y and the candidates that a hash of u finds, each moved
by k Gibbs sweeps, and every state once. (2) and (3) are bounds of -log p(y|u) from below: (2) is equal to it
if S has all states, and (3) without weights. States and means are found without gradient; at the
minimum over q the gradient of (3) is exact.

Reference: Mnih, Larochelle and Hinton 2011; LeCun et al. 2006 (perceptron loss). Row A20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.random.keyed import Rng
from simulacra.models.boltzmann.machine.learning import contrastive_divergence, exact
from simulacra.models.boltzmann.restricted.given_input import GivenInput

if TYPE_CHECKING:
    from simulacra.models.boltzmann.restricted.structured_crbm import StructuredCRBM


def perceptron(model: StructuredCRBM, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (1) in nats, shape (B,): at least 0, which it is where y is lowest."""
    assert batch.c is not None
    y, given = model.visible(batch.x), model.given(batch.c)
    data = given.free_energy(y)
    with torch.no_grad():
        lowest = lowest_visited(given, y, data, rng.at("percloss"), model.sweeps, model.margin)
        wrong = (lowest - y).abs().sum(1)
    # (1)
    return Terms({"data": data, "found": model.margin * wrong - given.free_energy(lowest)})


def lowest_visited(
    given: GivenInput, y: Tensor, free: Tensor, rng: Rng, sweeps: int, margin: float
) -> Tensor:
    """Returns the state of S with the least F(s) - m |s - y|, shape (B, d).

    Args:
        given: the machine of each row.
        y: outputs of the data, shape (B, d).
        free: their free energies, shape (B,).
        rng: generator of the chain.
        sweeps: number of Gibbs sweeps after the first state.
        margin: m.
    """
    best, least, s = y, free, given.first(rng)
    for t in range(sweeps + 1):
        s = given.sweep(s, rng.at(t)) if t else s
        score = given.free_energy(s) - margin * (s - y).abs().sum(1)
        lower = score < least
        best, least = torch.where(lower.unsqueeze(1), s, best), torch.where(lower, score, least)
    return best


def candidates(model: StructuredCRBM, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (2) in nats, shape (B,): at least 0."""
    assert batch.c is not None
    y, given = model.visible(batch.x), model.given(batch.c)
    with torch.no_grad():
        found = moved(given, model.memory.candidates_of(model.inputs(batch.c)), rng, model.sweeps)
        states = torch.cat([y.unsqueeze(1), found], 1)
        again = repeated(states)
    free = given.free_energies(states)
    # (2)
    return Terms({"data": free[:, 0], "candidates": (-free).masked_fill(again, -torch.inf).logsumexp(1)})


def moved(given: GivenInput, states: Tensor, rng: Rng, sweeps: int) -> Tensor:
    """Returns candidates after some Gibbs sweeps of each, shape (B, K, d).

    Args:
        given: the machine of each row.
        states: candidates, shape (B, K, d).
        rng: source of random numbers.
        sweeps: number of sweeps.
    """
    each = list(states.unbind(1))
    for t in range(sweeps):
        each = [given.sweep(v, rng.at("candidate", i, t)) for i, v in enumerate(each)]
    return torch.stack(each, 1)


def repeated(states: Tensor) -> Tensor:
    """Returns True for states that stand earlier in their row, shape (B, K).

    Args:
        states: states of 0 and 1, shape (B, K, d).

    Example:
        >>> repeated(torch.tensor([[[0.0, 1.0], [1.0, 1.0], [0.0, 1.0]]])).tolist()
        [[False, False, True]]
    """
    same = torch.cdist(states, states, p=1.0) < 0.5
    return same.tril(-1).any(2)


def mean_field(model: StructuredCRBM, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (3) in nats, shape (B,)."""
    assert batch.c is not None
    given = model.given(batch.c)
    with torch.no_grad():
        v, h = given.means(model.mean_field_steps)
    # (3)
    return Terms({"data": given.free_energy(model.visible(batch.x)), "means": -given.mean_energy(v, h)})


LOSSES = {
    "percloss": perceptron,
    "candidates": candidates,
    "mean-field": mean_field,
    "cd": contrastive_divergence,
    "exact": exact,
}
