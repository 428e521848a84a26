"""Games small enough to be solved: what the theory of adversarial training says, in numbers.

    v(a, b) = a b, a descends and b ascends                                                (1)
        together:       |(a, b)| grows by sqrt(1 + lr^2) at each step
        in turn:        a^2 + b^2 - lr a b stays what it was: an ellipse
    exploitability of (p, q) in the game p'Aq:   max_i (Aq)_i - min_j (A'p)_j >= 0          (2)
    fast gradient sign:   x + eps sign(grad_x L),  which raises a linear L by eps |w|_1     (3)

Equation (2) is 0 at a Nash equilibrium and only there: nobody gains by a move of their own. That samples
end at the law of the data supposes all of it seen, any discriminator, and the best one. The table of
`finite_sample_table` takes these away one at a time.

Reference: Goodfellow et al. 2014; Goodfellow, Shlens and Szegedy 2015; Deep Learning 20.10.4. Rows F6, F7,
F25, F26.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from simulacra.models.adversarial.game.objectives import OBJECTIVES, optimal_discriminator, value


def saddle_steps(a: float, b: float, lr: float, steps: int, alternating: bool = False) -> Tensor:
    """The path of the two players of (1), in float64, shape (steps + 1, 2).

    Args:
        a: where the player that descends starts.
        b: where the player that ascends starts.
        lr: learning rate of both.
        steps: moves of each player.
        alternating: whether b sees the move that a has just made.

    Example:
        >>> saddle_steps(1, 0, lr=1, steps=2).norm(dim=1)
        tensor([1.0000, 1.4142, 2.0000], dtype=torch.float64)
        >>> saddle_steps(1, 0, lr=1, steps=6, alternating=True)[-1].tolist()
        [1.0, 0.0]
    """
    path = [(a, b)]
    for _ in range(steps):
        moved = a - lr * b
        a, b = moved, b + lr * (moved if alternating else a)
        path.append((a, b))
    return torch.tensor(path, dtype=torch.float64)


def exploitability(A: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """Equation (2): what the two players could gain by a move of their own, shape ().

    Args:
        A: what the first player gets and the second pays, shape (m, n).
        p: mixed strategy of the first, shape (m,).
        q: mixed strategy of the second, shape (n,).

    Example:
        >>> pennies = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
        >>> half, sure = torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0])
        >>> exploitability(pennies, half, half).item(), exploitability(pennies, sure, half).item()
        (0.0, 1.0)
    """
    return (A @ q).max() - (p @ A).min()


def fgsm(loss: Callable[[Tensor], Tensor], x: Tensor, eps: float) -> Tensor:
    """Equation (3): the rows within eps of x in each entry that raise the loss most, to first order.

    Args:
        loss: the loss of each row, which does not look at the others.
        x: rows, shape (B, *).
        eps: how far each entry may move, in the units of x.

    Example:
        >>> w = torch.tensor([3.0, -4.0])
        >>> fgsm(lambda x: x @ w, torch.zeros(1, 2), 0.5)
        tensor([[ 0.5000, -0.5000]])
    """
    point = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(point).sum(), point)
    return x + eps * gradient.sign()


class Gap(NamedTuple):
    """A discriminator and what it is worth, in nats.

    Args:
        name: what was taken away from the theory's discriminator.
        training: V on the rows that it was fitted on.
        population: V under the true laws, which no fit can raise above the best.
    """

    name: str
    training: float
    population: float


def finite_sample_table(
    p: Tensor, q: Tensor, seen_p: Tensor, seen_q: Tensor, cells: Tensor, steps: int = 20, lr: float = 1.0
) -> list[Gap]:
    """V(D) by enumeration of discriminators that fall short of the theory's, each in one way.

    The best knows p and q; `finite sample` is the best for what was seen; `restricted family` knows p and
    q but not the states within a cell apart; `stopped early` is `steps` gradient steps from D = 1/2.

    Args:
        p: probabilities of data, shape (states,).
        q: probabilities of samples, shape (states,).
        seen_p: counts of the rows of data that were seen, shape (states,).
        seen_q: counts of the samples that were seen, shape (states,).
        cells: the cell of each state, shape (states,).
        steps: gradient steps of the one that stops early.
        lr: their learning rate.

    Example:
        >>> p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.3, 0.5])
        >>> table = finite_sample_table(p, q, 5 * p, torch.tensor([1.0, 2.0, 2.0]), torch.tensor([0, 0, 1]))
        >>> for gap in table:
        ...     print(f"{gap.name:<17} {gap.training:.3f} {gap.population:.3f}")
        best              -1.253 -1.253
        finite sample     -1.279 -1.263
        restricted family -1.285 -1.285
        stopped early     -1.254 -1.254
    """
    found_p, found_q = seen_p / seen_p.sum(), seen_q / seen_q.sum()
    pooled = lambda law: torch.zeros_like(law).index_add(0, cells, law)[cells]
    # where nothing was seen of either, there is nothing to tell them by
    fitted = optimal_discriminator(found_p, found_q).nan_to_num(0.5)
    rows = [
        ("best", p, q, optimal_discriminator(p, q)),
        ("finite sample", found_p, found_q, fitted),
        ("restricted family", p, q, optimal_discriminator(pooled(p), pooled(q))),
        ("stopped early", p, q, _climbed(p, q, steps, lr)),
    ]
    return [Gap(name, value(a, b, D).item(), value(p, q, D).item()) for name, a, b, D in rows]


def _climbed(p: Tensor, q: Tensor, steps: int, lr: float) -> Tensor:
    game, s = OBJECTIVES["minimax"], torch.zeros_like(p, requires_grad=True)
    for _ in range(steps):
        (gradient,) = torch.autograd.grad((p * game.real(s) + q * game.fake(s)).sum(), s)
        s = (s - lr * gradient).detach().requires_grad_()
    return s.detach().sigmoid()
