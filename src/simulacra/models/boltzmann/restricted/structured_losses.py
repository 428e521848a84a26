"""Losses of a conditional RBM for structured outputs, with outputs y' found near the input u.

    perceptron    F(y|u) - min over s in S of (F(s|u) - m |s - y|_1)                                  (1)
    candidates    F(y|u) + log sum over s in S of exp -F(s|u)                                         (2)
    mean field    F(y|u) - min over q of E_q[E(v, h|u)] - H(q)                                        (3)

In (1) S has y and what a Gibbs chain visits that begins at h = 0, where the input alone speaks: the negative
example is the state of lowest free energy, not the last one (CD-PercLoss). With a margin m > 0 it is lowered
by the entries in which s differs from y. In (2) S has y and the candidates that a hash of u finds, each moved
by k Gibbs sweeps, and every state once. (2) and (3) are bounds of -log p(y|u) from below, (2) is equal to it
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
from simulacra.models.boltzmann.machine.energy_model import Layers
from simulacra.models.boltzmann.machine.learning import both_energies, contrastive_divergence, exact

if TYPE_CHECKING:
    from simulacra.models.boltzmann.restricted.structured_crbm import StructuredCRBM


def perceptron(model: StructuredCRBM, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (1) in nats, shape (B,): at least 0, which it is where y is lowest."""
    with torch.no_grad():
        lowest = lowest_visited(model, batch, rng)
    wrong = (lowest - model.visible(batch.x)).abs().sum(1)
    data, found = both_energies(model, batch, {"v": lowest}, rng)
    # (1)
    return Terms({"data": data, "found": -(found - model.margin * wrong)}, {"wrong entries": wrong})


def lowest_visited(model: StructuredCRBM, batch: Batch, rng: Rng) -> Tensor:
    """Returns the state of S with the least F(s) - m |s - y|, shape (B, d).

    Args:
        model: the machine.
        batch: rows y with their inputs as conditions.
        rng: generator of the chain.
    """
    y, c, rng = model.visible(batch.x), batch.c, rng.at("percloss")
    none = y.new_zeros(len(y), *model.shapes["h"])
    # the first state is y itself
    best, least, s = y, model.free_energy(batch.x, c), y
    for t in range(model.sweeps + 1):
        s = step_of(model, s, none if t == 0 else None, c, rng.at(t))
        score = model.marginal({"v": s}, c) - model.margin * (s - y).abs().sum(1)
        lower = score < least
        best, least = torch.where(lower.unsqueeze(1), s, best), torch.where(lower, score, least)
    return best


def step_of(model: StructuredCRBM, v: Tensor, h: Tensor | None, c: Tensor | None, rng: Rng) -> Tensor:
    """Returns the visible units after one Gibbs sweep, or drawn given h, shape (B, d).

    Args:
        model: the machine.
        v: visible units, shape (B, d).
        h: hidden units to draw v from; None: they are drawn given v first.
        c: conditions, shape (B, *).
        rng: source of random numbers.
    """
    if h is None:
        return model.sweep({"v": v}, rng, rng.rows, c)["v"]
    return model.units["v"].draw(model.field("v", {"v": v, "h": h}, c), rng, "v")


def candidates(model: StructuredCRBM, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (2) in nats, shape (B,): at least 0."""
    assert batch.c is not None
    y, k = model.visible(batch.x), model.memory.candidates
    with torch.no_grad():
        found = moved(model, model.memory.candidates_of(model.inputs(batch.c)), batch.c, rng)
        states = torch.cat([y.unsqueeze(1), found], 1)
        again = repeated(states)
    c = batch.c.repeat_interleave(1 + k, 0)
    free = model.marginal({"v": states.flatten(0, 1)}, c).view(-1, 1 + k)
    # (2)
    total = (-free).masked_fill(again, -torch.inf).logsumexp(1)
    return Terms({"data": free[:, 0], "candidates": total}, {"states": (~again).sum(1).to(free.dtype)})


def moved(model: StructuredCRBM, states: Tensor, c: Tensor, rng: Rng) -> Tensor:
    """Returns candidates after k Gibbs sweeps of each, shape (B, K, d).

    Args:
        model: the machine.
        states: candidates, shape (B, K, d).
        c: conditions, shape (B, *).
        rng: source of random numbers.
    """
    each = list(states.unbind(1))
    for t in range(model.sweeps):
        each = [step_of(model, v, None, c, rng.at("candidate", i, t)) for i, v in enumerate(each)]
    return torch.stack(each, 1)


def repeated(states: Tensor) -> Tensor:
    """Returns True for states that stand earlier in their row, shape (B, K).

    Args:
        states: states of 0 and 1, shape (B, K, d).

    Example:
        >>> repeated(torch.tensor([[[0.0, 1.0], [1.0, 1.0], [0.0, 1.0]]])).tolist()
        [[False, False, True]]
    """
    same = (torch.cdist(states, states, p=1.0) < 0.5).tril(-1)
    return same.any(2)


def mean_field(model: StructuredCRBM, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (3) in nats, shape (B,)."""
    assert batch.c is not None
    with torch.no_grad():
        q = model.means(batch.c)
    # (3): E is linear in each unit
    return Terms({"data": model.positive(batch, rng), "means": entropy(q) - model.energy(q, batch.c)})


def entropy(q: Layers) -> Tensor:
    """Returns the entropy of independent units with these means in nats, shape (B,).

    Args:
        q: means of the layers by name, each (B, units).
    """
    return sum((torch.special.entr(m) + torch.special.entr(1 - m)).sum(1) for m in q.values())  # type: ignore[return-value]


LOSSES = {
    "percloss": perceptron,
    "candidates": candidates,
    "mean-field": mean_field,
    "cd": contrastive_divergence,
    "exact": exact,
}
