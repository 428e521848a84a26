"""What the tests of masked networks share: strong weights and checks of any model in a fixed order."""

from __future__ import annotations

import numpy as np
import torch
from oracles import chi_square, states
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from simulacra.core.capabilities.ancestral import ancestral, ancestral_slow
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.plain import Binary, Levels

SPACES = [Binary((5,)), Levels((4,), 3), Levels((2, 2), 4), Categorical((4,), 3), Ordinal((4,), 3)]
HEADS = {"Levels": ("logistic", "logistic-mixture", "categorical")}
DISCRETE = [(space, head) for space in SPACES for head in HEADS.get(type(space).__name__, ("auto",))]


def strong(model, gain: float = 1.0):
    """The model with normal parameters, so that every entry matters to those behind it."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(gain * torch.randn_like(p))
    return model


def table(space) -> Tensor:
    """Every x of a small discrete space."""
    levels = getattr(space, "levels", getattr(space, "classes", 2))
    return torch.tensor(states(space.dims, levels)).reshape(-1, *space.shape)


@torch.no_grad()
def masses(model, c: int | None = None) -> np.ndarray:
    """p(x|c) of every x."""
    x = table(model.space)
    given = None if c is None else torch.full((len(x),), c)
    return model.log_density(x, given).exp().numpy()


@torch.no_grad()
def integral(model, c: int | None = None) -> float:
    """The mass of a density of two reals: the trapezium rule for x = sinh u, which reaches far out."""
    u = torch.linspace(-7, 7, 501)
    weight = torch.cartesian_prod(u.cosh(), u.cosh()).prod(1) * (u[1] - u[0]) ** 2
    x = torch.cartesian_prod(u.sinh(), u.sinh())
    given = None if c is None else torch.full((len(x),), c)
    return float((model.log_density(x, given).exp() * weight).sum())


def reads(model, x: Tensor, c: Tensor | None = None) -> np.ndarray:
    """Whether the numbers of entry o(t) (rows) move with entry o(s) (columns), for real x of a row."""
    whole = lambda x: model.parameters_of(x, c)[0].flatten(1)
    jacobian = torch.autograd.functional.jacobian(whole, x).flatten(2)
    return (jacobian != 0).any(0)[model.order][:, model.order].numpy()


@torch.no_grad()
def check_fast_draws(model, rows: int = 13, c: Tensor | None = None) -> None:
    """Fast draws are slow draws, the state says what the whole network says, and is never changed."""
    rng = Rng(5, "draw", rows=range(rows))
    fast, slow = ancestral(model, rng, c), ancestral_slow(model, rng, c)
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-11)
    whole = model.parameters_of(fast, c).flatten(2)
    flat, state, past = fast.reshape(rows, -1), model.begin(rows, c), []
    for t, i in enumerate(model.order.tolist()):
        past.append((state, model.next_parameters(state, t)))
        torch.testing.assert_close(past[-1][1], whole[:, :, i], rtol=1e-10, atol=1e-11)
        model.advance(state, t, flat[:, i].flip(0))  # a branch that is not followed
        state = model.advance(state, t, flat[:, i])
    for t, (state, said) in enumerate(past):
        assert torch.equal(model.next_parameters(state, t), said)


@torch.no_grad()
def check_draws(model, n: int = 20000, c: int | None = None) -> None:
    """Draws have the enumerated frequencies, and the check can tell them from others."""
    given = None if c is None else torch.full((n,), c)
    draws = model.draw(Rng(8, "draw", rows=range(n)), given).reshape(n, -1)
    number = draws.numpy() @ 2 ** np.arange(draws.shape[1])[::-1]
    p = masses(model, c)
    assert chi_square(number, p) > 1e-3
    assert chi_square(number, p[::-1]) < 1e-6


@torch.no_grad()
def check_completions(model, x: Tensor, first: int, n: int = 20000) -> None:
    """With the first entries of the order known, the others follow the enumerated conditional."""
    known = torch.zeros(model.space.dims, dtype=torch.bool)
    known[model.order[:first]] = True
    rows = x.expand(n, -1), known.expand(n, -1)
    filled = model.fill(*rows, Rng(9, "fill", rows=range(n)))
    assert bool((filled[:, known] == x[known]).all())
    every = table(model.space)
    joint = np.where((every[:, known] == x[known]).all(1), masses(model), 0.0)
    number = filled.numpy() @ 2 ** np.arange(len(known))[::-1]
    assert chi_square(number, joint / joint.sum()) > 1e-3
    assert chi_square(number, masses(model)) < 1e-6


@torch.no_grad()
def multiplications(model, rows: int = 3) -> float:
    """Multiplications of a draw, for each row."""
    with FlopCounterMode(display=False) as counted:
        model.draw(Rng(1, rows=range(rows)))
    return counted.get_total_flops() / (2 * rows)
