"""What the tests of orderless models share: strong weights, all orders, and two checks for any of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import torch
from oracles import chi_square, states
from torch import Tensor

from simulacra.core.capabilities.ancestral import ancestral, ancestral_slow
from simulacra.core.random.keyed import Rng
from simulacra.models.autoregressive.vectors.in_orders import InOrders
from simulacra.models.autoregressive.vectors.orderless import known_first

Score = Callable[[Tensor, tuple[int, ...]], Tensor]  # log p(x|o), written out


def loud(model, gain: float = 1.5):
    """The model with weights so large that entries depend on each other, and means of its own."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(gain * torch.randn_like(p) / math.sqrt(max(p.shape[-1], 3)))
        for name, buffer in model.named_buffers():
            if name == "mean":
                buffer.uniform_(0.2, 0.8)
    return model


class Masks:
    """A generator whose uniform numbers make the entries of `masks` the known ones."""

    def __init__(self, masks: Tensor):
        d = masks.shape[1]
        # the argsort of the first are ranks, known entries before the others
        ranks = (~masks).long().argsort(dim=1, stable=True).argsort(1)
        self.numbers = {"order": ranks.argsort(1).double(), "place": (masks.sum(1) + 0.5) / d}

    def uniform(self, name: str, *shape: int) -> Tensor:
        """The numbers of that name."""
        value = self.numbers[name]
        assert value.shape[1:] == shape
        return value


def all_orders(d: int) -> tuple[list[tuple[int, ...]], Masks]:
    """All d! orders, and what is known at all d places of each: d! d rows."""
    orders = list(itertools.permutations(range(d)))
    masks = torch.zeros(len(orders) * d, d, dtype=torch.bool)
    for row, (order, t) in enumerate(itertools.product(orders, range(d))):
        masks[row, list(order[:t])] = True
    return orders, Masks(masks)


@torch.no_grad()
def check_fast_draws(model, rows: int = 11) -> None:
    """Fast draws are slow draws, and the state that grew is the whole network at every place."""
    shape, d = model.space.shape, model.space.dims
    rng, c = Rng(3, "draw", rows=range(rows)), torch.arange(rows) % 3
    orders = torch.stack([torch.randperm(d) for _ in range(rows)])
    view = InOrders(model, orders)
    fast, slow = (draw(view, rng, c) for draw in (ancestral, ancestral_slow))
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-12)
    x, state = torch.empty_like(fast).scatter(1, orders, fast), model.begin(rows, c)
    for t, i in enumerate(orders.T):
        known = torch.zeros(rows, d, dtype=torch.bool).scatter(1, orders[:, :t], True)
        whole = model.given(x.reshape(rows, *shape), known.reshape(rows, *shape), c).flatten(2)
        due = whole.gather(2, i.view(-1, 1, 1).expand(-1, whole.shape[1], 1)).squeeze(2)
        torch.testing.assert_close(model.numbers_of(state, i), due)
        state = model.put(state, i, x.gather(1, i.unsqueeze(1)).squeeze(1))


@torch.no_grad()
def check_draws_and_completions(model, score: Score, n: int = 20000) -> None:
    """On 3x3 binary pixels draws follow the ensemble, and completions p(x|o), o with the known first."""
    x, table = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 1, 1]]), torch.tensor(states(9))
    known = torch.tensor([[0, 1, 0], [1, 0, 1], [0, 1, 1]]).bool()
    number = lambda bits: (bits.long() * 2 ** torch.arange(bits.shape[1] - 1, -1, -1)).sum(1).numpy()
    draws = number(model.draw(Rng(6, "draw", rows=range(n))).flatten(1))
    each = torch.stack([score(table, tuple(o)).exp() for o in model.orders.tolist()])
    assert chi_square(draws, each.mean(0).numpy()) > 1e-3
    # the check tells the ensemble from one of its orders
    assert chi_square(draws, each[0].numpy()) < 1e-6
    rows = x.expand(n, 1, 3, 3), known.expand(n, 1, 3, 3)
    filled = model.fill(*rows, Rng(5, "fill", rows=range(n)))
    assert (filled[:, 0, known] == x[known]).all()
    fits, masses = (table[:, known.flatten()] == x[known]).all(1), torch.zeros(16)
    for moved in known_first(model.orders, known.reshape(1, 9).expand(len(model.orders), 9)).tolist():
        joint = score(table, tuple(moved)).exp()[fits]
        masses += joint / joint.sum() / len(model.orders)
    completions = number(filled.flatten(1)[:, ~known.flatten()])
    assert chi_square(completions, masses.numpy()) > 1e-3
    assert chi_square(completions, np.full(16, 1 / 16)) < 1e-6
