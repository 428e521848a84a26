"""Tiny belief nets, all states of their units, and their probabilities by formulas of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from oracles import states
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary
from simulacra.models.beliefs import BeliefNet
from simulacra.models.beliefs.stacks.generative import Draws
from simulacra.models.beliefs.stacks.net import Net

KINDS = ("sbn", "darn", "nade")
GAIN = 1.3


def tensor_of(n: int) -> Tensor:
    """All states of n units, shape (2^n, n)."""
    return torch.tensor(states(n))


def net(hidden: tuple[int, ...] = (3, 2), build=BeliefNet, gain: float = GAIN, **options) -> Net:
    """A net of three entries with weights so large that nothing is nearly independent or uniform."""
    model = build(Binary((3,)), hidden=hidden, **options)
    g = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(gain * torch.randn(p.shape, generator=g, dtype=torch.float64))
    return model


def hidden_states(model: Net) -> list[Tensor]:
    """All states of the hidden layers together: h_1 to h_L, each of shape (S, m)."""
    every = tensor_of(sum(model.hidden))
    return list(every.split(model.hidden, 1))


def as_draws(h: list[Tensor], rows: int) -> list[Tensor]:
    """States (S, m) as S draws of each of `rows` rows, (rows, S, m)."""
    return [layer.expand(rows, -1, -1) for layer in h]


def log_p(model: Net, x: Tensor) -> Tensor:
    """log p(x) by enumeration of h, shape (B,), differentiable."""
    return model.log_joint(x, as_draws(hidden_states(model), len(x))).logsumexp(1)


def elbo(model: Net, x: Tensor) -> Tensor:
    """The evidence lower bound by enumeration of h, shape (B,), differentiable."""
    h = as_draws(hidden_states(model), len(x))
    log_q = model.log_q(h, x)
    return (log_q.exp() * (model.log_joint(x, h) - log_q)).sum(1)


@contextmanager
def drawing(model: Net, h: list[Tensor]) -> Iterator[None]:
    """Within it, `recognize` returns these h, each of shape (B, k, m), in place of draws."""

    def recognize(x, c, rng, k, known=None) -> Draws:
        below = [model.evidence(x, known), *h[:-1]]
        layers = zip(model.q_layers, h, below)
        return Draws(h, [q.log_prob(a, model.beside(u, c)) for q, a, u in layers])

    object.__setattr__(model, "recognize", recognize)
    try:
        yield
    finally:
        object.__delattr__(model, "recognize")


def gradients(value: Tensor, model: Net) -> dict[str, Tensor]:
    """The gradient of a number by parameter; zeros where there is none."""
    names, parameters = zip(*model.named_parameters())
    found = torch.autograd.grad(value, parameters, allow_unused=True, retain_graph=True)
    return {n: torch.zeros_like(p) if g is None else g for n, p, g in zip(names, parameters, found)}


def expected_gradient(model: Net, x: Tensor, k: int = 1) -> dict[str, Tensor]:
    """E over the k draws of the gradient of all losses at one row x, by enumeration of the draws."""
    h = hidden_states(model)
    S = len(h[0])
    # every k-tuple of states is a row of a batch with its probability as weight
    which = torch.cartesian_prod(*[torch.arange(S)] * k).reshape(-1, k)
    batch = Batch.of(x.expand(len(which), -1))
    tuples = [layer[which] for layer in h]
    with torch.no_grad():
        weight = model.log_q(tuples, batch.x).sum(1).exp()
    rng = Rng(0, rows=batch.rows)
    with drawing(model, tuples):
        terms = [t for u in model.updates() for t in u.loss(model, batch, rng).loss.values()]
    return gradients(sum((weight * t).sum() for t in terms), model)


def apart(a: dict[str, Tensor], b: dict[str, Tensor], prefix: tuple[str, ...] = ("",)) -> float:
    """The largest difference of two gradients among parameters with one of the prefixes."""
    names = [n for n in a if n.startswith(prefix) and not n.startswith("baseline")]
    assert names
    return max(float((a[n] - b[n]).abs().max()) for n in names)


def central(f, p: Tensor, i: int, step: float = 1e-5) -> float:
    """The central difference of f() in entry i of a parameter."""
    flat = p.data.view(-1)
    at = flat[i].item()
    flat[i] = at + step
    high = f()
    flat[i] = at - step
    low = f()
    flat[i] = at
    return float(high - low) / (2 * step)
