"""Masked diffusions, enumerated: all states of a small model, the law of its own chain, its exact bound."""

from __future__ import annotations

import itertools
from collections import defaultdict

import torch
from torch import Tensor, nn

from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.tokens import Tokens
from simulacra.models.diffusion.masked.model import MaskedDiffusion

Law = dict[tuple[int, ...], float]


def strong(model: MaskedDiffusion) -> MaskedDiffusion:
    """The model with weights so large that what it sees matters."""
    torch.manual_seed(5)
    for p in model.parameters():
        nn.init.normal_(p, std=0.8)
    return model.eval()


def built(space: Space, condition: Space | None = None, T: int | None = None) -> MaskedDiffusion:
    return strong(MaskedDiffusion(space, condition, T=T, layers=1, heads=1, width=5))


def rows_of(space: Space) -> Tensor:
    """All rows of a space, texts padded with the end."""
    values = range(MaskedDiffusion(space, layers=1, heads=1, width=1).kernel.mask)
    every = torch.tensor([*itertools.product(values, repeat=space.dims)])
    return space.closed(every).unique(dim=0) if isinstance(space, Tokens) else every


@torch.no_grad()
def guesses(model: MaskedDiffusion, state: tuple[int, ...], c: Tensor | None = None) -> Tensor:
    """f of the masked entries of one state, shape (K, d)."""
    h = torch.tensor([state], dtype=torch.float64)
    return model.kernel.guessed(h, model.predicted(h, None, None, c)).probs[0]


def closed(model: MaskedDiffusion, state: list[int]) -> tuple[int, ...]:
    """The state with the end behind its first end, by hand."""
    if model.kernel.end in state:
        first = state.index(model.kernel.end)
        state = state[: first + 1] + [model.kernel.end] * (len(state) - first - 1)
    return tuple(state)


def chain_law(model: MaskedDiffusion, c: Tensor | None = None) -> Law:
    """The law of samples: all ways from masks alone, with their probabilities."""
    M, d = model.kernel.mask, model.space.dims
    law: Law = {(M,) * d: 1.0}
    for left in range(model.kernel.T, 0, -1):
        after: Law = defaultdict(float)
        for state, p in law.items():
            masked = [i for i in range(d) if state[i] == M]
            f = guesses(model, state, c) if masked else None
            for chosen, share in _choices(model, masked, left):
                for values in itertools.product(range(M), repeat=len(chosen)):
                    new, q = list(state), p * share
                    for i, v in zip(chosen, values):
                        new[i], q = v, q * float(f[v, i])
                    after[closed(model, new)] += q
        law = after
    return law


def _choices(model: MaskedDiffusion, masked: list[int], left: int):
    """The sets of entries that a step unmasks, with their probabilities."""
    if model.kernel.single:
        return [((i,), 1 / len(masked)) for i in masked] or [((), 1.0)]
    n, s = len(masked), 1 / left
    sets = itertools.chain.from_iterable(itertools.combinations(masked, k) for k in range(n + 1))
    return [(chosen, s ** len(chosen) * (1 - s) ** (n - len(chosen))) for chosen in sets]


@torch.no_grad()
def exact_bound(model: MaskedDiffusion, x: Tensor, c: Tensor | None = None) -> float:
    """The mean of the model's bound of one row over all noise, from its own terms."""
    kernel, d, total = model.kernel, model.space.dims, 0.0
    every = torch.tensor([*itertools.product((True, False), repeat=d)])
    for t in range(1, kernel.T + 1):
        n, share = every.sum(1), t / kernel.T
        p = (n == t) / (n == t).sum() if kernel.single else share**n * (1 - share) ** (d - n)
        x0 = kernel.coordinates(x[None], torch.float64).expand(len(p), d)
        e = torch.where(every, 0.0, 0.999)
        given = None if c is None else c.expand(len(p))
        total -= float((p * model.nats(x0, torch.full((len(p), 1), float(t)), given, e)).sum())
    return total


class Oracle(nn.Module):
    """Conditionals of a known law of rows, in place of a network.

    Args:
        rows: all rows, shape (N, d).
        p: their probabilities, shape (N,).
        mask: number of the mask.
    """

    def __init__(self, rows: Tensor, p: Tensor, mask: int):
        super().__init__()
        self.rows, self.p, self.mask = rows, p, mask

    def in_parts(self, h: Tensor, f: Tensor | None, most: int) -> Tensor:
        fits = ((h[:, None] == self.rows) | (h[:, None] == self.mask)).all(2) * self.p
        each = torch.nn.functional.one_hot(self.rows, self.mask).to(self.p)
        return torch.einsum("bn,ndk->bdk", fits, each).log()
