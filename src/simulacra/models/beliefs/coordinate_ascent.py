"""The mean-field bound of a sigmoid belief net, and ascent of it one coordinate at a time.

    z_i = b_i + sum_j U_ij h_j,   p(h_i = 1 | parents) = sg(z_i)                                  (1)
    E log(1 + e^(z_i)) <= x_i E z_i + log E[e^(-x_i z_i) + e^((1 - x_i) z_i)]                     (2)
    log E e^(t z_i) = t b_i + sum_j log(1 - m_j + m_j e^(t U_ij))                                 (3)
    L = sum_i m_i E z_i - (2)_i + sum_j H(m_j) <= log p(x)                                        (4)
    m_j = sg(E z_j + sum_i (m_i - x_i) U_ij - K_ij),   K_ij = d log E[...]_i / d m_j              (5)

The hidden units are independent under q, with means m_j; x_i (xi in the paper) is a parameter of each unit
that has parents. (2) holds for every x_i and is convex in it. For one m_j the logarithm in (2) is concave, so
its tangent lies above it, and (5), which maximizes (4) with the tangent in its place, never lowers (4). The
step in x_i is Newton's where that does not raise (2), otherwise that of the largest curvature: the variance
of a number in an interval of length R = sum_j |U_ij| is at most R^2 / 4.

Reference: Saul, Jaakkola and Jordan, Mean Field Theory for Sigmoid Belief Networks, 1996. Row B3.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

LARGEST = 30.0  # logit at which a mean counts as 0 or 1
LEAST = 1e-12  # least curvature of a step


@dataclass
class Level:
    """Units whose parents are the layer above, equation (1).

    Args:
        b: biases, shape (B, m) or (1, m).
        U: weights, shape (m, n).
        known: 1 where the unit counts, 0 where it is missing, shape (B, m) or (1, m).
    """

    b: Tensor
    U: Tensor
    known: Tensor


@dataclass
class Stack:
    """A belief net at given observations: x and h_1 to h_L.

    Args:
        x: the observed units, shape (B, d).
        levels: x, h_1, ..., h_(L-1), each with its parents.
        top: biases of h_L, shape (B, m) or (1, m).
    """

    x: Tensor
    levels: list[Level]
    top: Tensor


@dataclass
class Factors:
    """Parameters of the bound.

    Args:
        logits: those of the means m of h_1 to h_L, each of shape (B, m).
        xi: x_i of each unit of the levels, each of shape (B, m).
    """

    logits: list[Tensor]
    xi: list[Tensor]

    def means(self, stack: Stack) -> list[Tensor]:
        """Returns x and the means of h_1 to h_L."""
        return [stack.x, *(a.sigmoid() for a in self.logits)]


def bound(stack: Stack, factors: Factors) -> Tensor:
    """Returns L of equation (4) in nats, differentiable in the weights, shape (B,).

    Args:
        stack: the net and its observations.
        factors: means and x_i.
    """
    means = factors.means(stack)
    # (4): the top has no parents, so that its term is exact
    total = (means[-1] * stack.top - F.softplus(stack.top)).sum(1)
    for level, m, above, logits, xi in zip(stack.levels, means, means[1:], factors.logits, factors.xi):
        z = level.b + above @ level.U.T
        terms = (m - xi) * z - log_sum(level, logits, xi)
        total = total + (terms * level.known).sum(1)
    return total + sum((F.softplus(a) - m * a).sum(1) for a, m in zip(factors.logits, means[1:]))


def ascended(stack: Stack, steps: int) -> Factors:
    """Returns means and x_i after some sweeps of coordinate ascent from 1/2; no sweep lowers the bound.

    Args:
        stack: the net and its observations.
        steps: number of sweeps over all x_i and all means; the same for every row.
    """
    rows = stack.x.shape[0]  # no number in an exported graph
    sizes = [level.U.shape[1] for level in stack.levels]
    logits = [stack.x.new_zeros(rows, n) for n in sizes]
    factors = Factors(logits, [stack.x.new_full((rows, level.U.shape[0]), 0.5) for level in stack.levels])
    for _ in range(steps):
        for i, level in enumerate(stack.levels):
            factors.xi[i] = better_xi(level, factors.logits[i], factors.xi[i])
        for i in range(len(sizes)):
            factors.logits[i] = better_means(stack, factors, i)
    return factors


def log_moments(level: Level, logits: Tensor, t: Tensor) -> Tensor:
    """Returns log E e^(t z) of equation (3), shape (2, B, m).

    Args:
        level: the units.
        logits: those of the means of the parents, shape (B, n).
        t: shape (2, B, m).
    """
    parents = logits.unsqueeze(1)
    # (3), where 1 - m + m e^a = (1 + e^(logit + a)) / (1 + e^logit)
    each = F.softplus(parents + t.unsqueeze(-1) * level.U) - F.softplus(parents)
    return t * level.b + each.sum(-1)


def exponents(xi: Tensor) -> Tensor:
    """Returns the two t of equation (2): -x_i and 1 - x_i, shape (2, B, m)."""
    return torch.stack([-xi, 1 - xi])


def log_sum(level: Level, logits: Tensor, xi: Tensor) -> Tensor:
    """Returns log E[e^(-x_i z_i) + e^((1 - x_i) z_i)] of equation (2), shape (B, m).

    Args:
        level: the units.
        logits: those of the means of the parents, shape (B, n).
        xi: shape (B, m).
    """
    return log_moments(level, logits, exponents(xi)).logsumexp(0)


def better_xi(level: Level, logits: Tensor, xi: Tensor) -> Tensor:
    """Returns x_i after a step that does not raise (2), shape (B, m); the minimum lies in [0, 1].

    Args:
        level: the units.
        logits: those of the means of the parents, shape (B, n).
        xi: shape (B, m).
    """
    mean, t = level.b + logits.sigmoid() @ level.U.T, exponents(xi)
    m = (logits.unsqueeze(1) + t.unsqueeze(-1) * level.U).sigmoid()
    z, variance = level.b + (level.U * m).sum(-1), (level.U.square() * m * (1 - m)).sum(-1)
    A = log_moments(level, logits, t)
    share = A.softmax(0)
    tilted = (share * z).sum(0)
    slope = mean - tilted
    curve = (share * (variance + z.square())).sum(0) - tilted.square()
    newton = (xi - slope / curve.clamp_min(LEAST)).clamp(0, 1)
    widest = (level.U.abs().sum(1).square() / 4).clamp_min(LEAST)
    value = A.logsumexp(0) + xi * mean
    lower = log_sum(level, logits, newton) + newton * mean <= value
    return torch.where(lower, newton, (xi - slope / widest).clamp(0, 1))


def better_means(stack: Stack, factors: Factors, i: int) -> Tensor:
    """Returns the logits of the means of layer h_(i+1) after (5) for one unit after another, shape (B, n).

    Args:
        stack: the net and its observations.
        factors: means and x_i.
        i: index of the level of the layer's children.
    """
    level, logits, means = stack.levels[i], factors.logits[i].clone(), factors.means(stack)
    above = stack.top
    if i + 1 < len(stack.levels):
        parents = stack.levels[i + 1]
        above = parents.b + means[i + 2] @ parents.U.T
    direct = above + ((means[i] - factors.xi[i]) * level.known) @ level.U
    t = exponents(factors.xi[i])
    A = log_moments(level, logits, t)
    for j in range(level.U.shape[1]):
        a, old = t * level.U[:, j], logits[:, j : j + 1]
        K = (A.softmax(0) * growth(old, a)).sum(0)
        # (5)
        new = (direct[:, j : j + 1] - (K * level.known).sum(1, keepdim=True)).clamp(-LARGEST, LARGEST)
        A = A + (F.softplus(new + a) - F.softplus(new)) - (F.softplus(old + a) - F.softplus(old))
        logits[:, j : j + 1] = new
    return logits


def growth(logit: Tensor, a: Tensor) -> Tensor:
    """Returns d log(1 - m + m e^a) / dm = (e^a - 1) / (1 - m + m e^a), without overflow.

    Args:
        logit: that of m, shape (B, 1).
        a: shape (2, B, m).
    """
    small = torch.exp(-a.abs())
    up, down = logit.sigmoid(), (-logit).sigmoid()
    return torch.where(a > 0, (1 - small) / (down * small + up), (small - 1) / (down + up * small))
