"""Deep, narrow sigmoid belief nets are universal approximators: weights for any distribution of n bits.

    a_1, a_2, ..., a_K,   K = 2^n: all states of n bits, each with one bit other than the one before     (1)
    p(h_L = a_1) = 1                                                                                     (2)
    layer i: a_i becomes a_(i+1) with probability t_i = sum_(k>i) P(a_k) / sum_(k>=i) P(a_k),
             all other states are copied                                                                 (3)
    p(h' = a | h) = prod_j sg((2 a_j - 1) z_j),   z_j = C (2 h_j - 1)   for all bits but one, b          (4)
    z_b = s (log(t / (1 - t)) - C m(h) + D [h_b != a_ib]),   m(h) = #{j != b: h_j != a_ij}               (5)

All probability starts in a_1 and is passed on from state to state; layer i keeps P(a_i) there. Bit b is the
one in which a_(i+1) differs from a_i, and s = 1 if a_ib = 0, else -1. z_b is linear in h: at h = a_i bit b
flips with probability t; elsewhere it is copied, since m(h) >= 1 or h_b != a_ib. With D = n C + the largest
logit, every copy fails with probability of at most about e^(-C + that logit).

Sutskever and Hinton take states in any order, which needs three layers of n + 1 units for each step. In the
order of a Gray code one layer of n units does, as Le Roux and Bengio showed.

Reference: Sutskever and Hinton, Deep, Narrow Sigmoid Belief Networks Are Universal Approximators, 2008;
Le Roux and Bengio 2010. Row B2.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from simulacra.core.spaces.plain import Binary
from simulacra.models.beliefs.belief_net import BeliefNet
from simulacra.models.beliefs.stacks.conditional import Shift
from simulacra.models.beliefs.stacks.visible import IndependentEntries

LOGIT = 20.0  # largest logit of a transfer: e^-20 counts as no transfer
MOST = 8  # bits; 2^n - 1 layers are built


def universal(target: Tensor, sharpness: float = 45.0) -> BeliefNet:
    """Returns a belief net with n units in each of 2^n - 1 hidden layers whose p(x) is a given one.

    The recognition net is not constructed: it has the initial weights of any other.

    Args:
        target: probabilities of the states 0 to 2^n - 1 of n bits, the first bit the highest, shape (2^n,).
        sharpness: C of equation (4), above `LOGIT`.

    Raises:
        ValueError: if the length is no power of two from 2 to 256, or the numbers are no probabilities.

    Example:
        >>> net = universal(torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64))
        >>> net.hidden, [round(p, 6) for p in law(net).tolist()]
        ((2, 2, 2), [0.1, 0.2, 0.3, 0.4])
    """
    n = bits_of(target)
    P, order = target.double(), gray(n)
    net = BeliefNet(Binary((n,)), hidden=(n,) * (2**n - 1)).to(torch.float64)
    top, *shifts = reversed(shifts_of(net))
    powers = 2 ** torch.arange(n - 1, -1, -1)
    rest = P[(order.long() @ powers)].flip(0).cumsum(0).flip(0)
    with torch.no_grad():
        # (2)
        _bias(top).copy_(sharpness * (2 * order[0] - 1))
        # (3)
        for i, shift in enumerate(shifts):
            t = rest[i + 1] / rest[i] if rest[i] > 0 else torch.zeros(())
            transfer(shift, order[i], order[i + 1], float(t), sharpness)
    return net


def transfer(shift: Shift, a: Tensor, b: Tensor, t: float, sharpness: float) -> None:
    """Sets the weights of a layer so that state a becomes b with probability t, and others are copied.

    Args:
        shift: biases and weights of n units that read n units.
        a: bits, shape (n,).
        b: bits that differ from a in one place, shape (n,).
        t: probability from 0 to 1.
        sharpness: C of equation (4).
    """
    n, C = len(a), sharpness
    U, bias = torch.eye(n, dtype=torch.float64) * 2 * C, torch.full((n,), -C, dtype=torch.float64)
    flips = int((a != b).nonzero())
    logit = torch.logit(torch.tensor(t, dtype=torch.float64)).clamp(-LOGIT, LOGIT)
    # h_j != a_j is a_j + (1 - 2 a_j) h_j
    weight = torch.full((n,), -C, dtype=torch.float64)
    weight[flips] = n * C + LOGIT
    s = 1 - 2 * a[flips]
    # (5)
    U[flips] = s * weight * (1 - 2 * a)
    bias[flips] = s * (logit + weight @ a)
    cast(Tensor, shift.U).copy_(U)
    _bias(shift).copy_(bias)


@torch.no_grad()
def law(net: BeliefNet) -> Tensor:
    """Returns p(x) of all states of n bits, shape (2^n,), by sums over the states of one layer after another.

    Args:
        net: belief net of binary data with independent units and no condition.
    """
    top, *shifts = reversed(shifts_of(net))
    p = torch.ones(1, dtype=net.dtype)
    above = torch.empty(1, 0, dtype=net.dtype)
    for shift in (top, *shifts):
        z = shift(above)
        states = all_states(shift.units).to(z)
        # p(a|h) of all states a and h, shape (H, A)
        table = torch.nn.functional.logsigmoid((2 * states - 1) * z.unsqueeze(1)).sum(-1).exp()
        p, above = p @ table, states
    return p


def shifts_of(net: BeliefNet) -> list[Shift]:
    """Returns biases and weights of x, h_1, ..., h_L.

    Args:
        net: belief net with independent units.
    """
    return [cast(IndependentEntries, net.x_given).shift, *(layer.shift for layer in net.p_layers)]


def all_states(n: int) -> Tensor:
    """Returns the states 0 to 2^n - 1 of n bits, the first bit the highest, float64, shape (2^n, n)."""
    return ((torch.arange(2**n).unsqueeze(1) >> torch.arange(n - 1, -1, -1)) & 1).double()


def gray(n: int) -> Tensor:
    """Returns all states of n bits in the order of a Gray code (1), float64, shape (2^n, n).

    Example:
        >>> gray(2).tolist()
        [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]
    """
    i = torch.arange(2**n)
    return all_states(n)[i ^ (i >> 1)]


def bits_of(target: Tensor) -> int:
    """Returns n for probabilities of 2^n states.

    Args:
        target: probabilities, shape (2^n,).

    Raises:
        ValueError: if the length is no power of two from 2 to 256, or the numbers are no probabilities.
    """
    n = target.numel().bit_length() - 1
    if target.dim() != 1 or target.numel() != 2**n or not 1 <= n <= MOST:
        raise ValueError(
            f"target has shape {tuple(target.shape)}, but it needs the probabilities of all states of 1 to "
            f"{MOST} bits: give 2, 4, 8, ... or {2**MOST} numbers."
        )
    if not (target >= 0).all() or abs(float(target.double().sum()) - 1) > 1e-6:
        total, least = float(target.double().sum()), float(target.min())
        raise ValueError(
            f"target sums to {total:.6g} with a least entry of {least:.6g}, "
            "but probabilities are 0 or more and sum to 1: divide non-negative numbers by their sum."
        )
    return n


def _bias(shift: Shift) -> Tensor:
    assert shift.b is not None
    return shift.b
