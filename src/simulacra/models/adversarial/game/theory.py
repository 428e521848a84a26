"""Games small enough to solve: results of the theory of adversarial training as numbers.

    v(a, b) = a b, a descends and b ascends                                                (1)
        simultaneous:   |(a, b)| grows by sqrt(1 + lr^2) at each step
        alternating:    a^2 + b^2 - lr a b is constant: the path is an ellipse
    exploitability of (p, q) in the game p'Aq:   max_i (Aq)_i - min_j (A'p)_j >= 0          (2)
    fast gradient sign:   x + eps sign(grad_x L),  which raises a linear L by eps |w|_1     (3)

Equation (2) is 0 at a Nash equilibrium and only there. The proof that samples converge to the data assumes
infinite data, an unrestricted discriminator, and its optimum in every step. `finite_sample_table` drops
these assumptions one at a time.

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
    """Runs gradient descent-ascent on (1) and returns its path, in float64, shape (steps + 1, 2).

    Args:
        a: start of the player that descends.
        b: start of the player that ascends.
        lr: learning rate of both.
        steps: updates of each player.
        alternating: if True, b's update uses the a of the same step; else the previous one.

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
    """Computes equation (2), the sum of what both players gain by a best response, shape ().

    Args:
        A: payoff matrix: the first player receives A_ij and the second pays it, shape (m, n).
        p: mixed strategy of the first player, shape (m,).
        q: mixed strategy of the second player, shape (n,).

    Example:
        >>> pennies = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
        >>> half, sure = torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0])
        >>> exploitability(pennies, half, half).item(), exploitability(pennies, sure, half).item()
        (0.0, 1.0)
    """
    return (A @ q).max() - (p @ A).min()


def fgsm(loss: Callable[[Tensor], Tensor], x: Tensor, eps: float) -> Tensor:
    """Computes adversarial examples by the fast gradient sign method, equation (3), shape (B, *).

    Args:
        loss: function from rows (B, *) to losses (B,), which must treat rows independently.
        x: rows, shape (B, *).
        eps: maximal change of each entry, in the units of x.

    Example:
        >>> w = torch.tensor([3.0, -4.0])
        >>> fgsm(lambda x: x @ w, torch.zeros(1, 2), 0.5)
        tensor([[ 0.5000, -0.5000]])
    """
    point = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(point).sum(), point)
    return x + eps * gradient.sign()


class Gap(NamedTuple):
    """A discriminator and its value V, in nats.

    Args:
        name: the assumption of the theory that does not hold for it.
        training: V on the rows that it was fitted to.
        population: V under the true distributions; at most that of the optimal discriminator.
    """

    name: str
    training: float
    population: float


def finite_sample_table(
    p: Tensor, q: Tensor, seen_p: Tensor, seen_q: Tensor, cells: Tensor, steps: int = 20, lr: float = 1.0
) -> list[Gap]:
    """Computes V(D) of discriminators that each violate one assumption of the theory, by enumeration.

    `best` knows p and q; `finite sample` is optimal for the counts; `restricted family` knows p and q but
    gives all states of a cell the same output; `stopped early` takes `steps` gradient steps from D = 1/2.

    Args:
        p: probabilities of data, shape (states,).
        q: probabilities of samples, shape (states,).
        seen_p: counts of rows of data in the training set, shape (states,).
        seen_q: counts of samples in the training set, shape (states,).
        cells: cell number of each state, shape (states,).
        steps: gradient steps of `stopped early`.
        lr: learning rate of `stopped early`.

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
    # states without rows and samples give 0 / 0: take D = 1/2 there
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
