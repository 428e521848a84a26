"""Boltzmann machines of higher order: energies with products of three units and more.

    s(x) = b'x + sum_(i<j) W_ij x_i x_j + sum_(i<j<k) W_ijk x_i x_j x_k + ...     (1)
    f_i(x) = b_i + sum_j W_ij x_j + sum_(j<k) W_ijk x_j x_k + ...                 (2)

up to products of `order` units. s is linear in each single unit, so that (2) is its slope, and a unit given
the others is on with probability sigmoid(f_i). Units that are random in pairs but not in threes, such as
parities, need the third order where nothing is hidden.

Reference: Sejnowski 1987. Row A25.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from simulacra.core.space import Space
from simulacra.models.boltzmann.coupled import Coupled
from simulacra.models.boltzmann.learning import Learning, check_at_least, estimator_for

PRODUCTS = 100_000  # at most so many of one order


class HigherOrderBM(Coupled):
    """Boltzmann machine of higher order over binary data, with hidden units or without.

    Its density is exact with at most 20 units in all. Order 2 is the Boltzmann machine.

    Args:
        space: a binary space.
        hidden: number of hidden units; there may be none.
        order: units in the largest products.
        hidden_steps: sweeps of the hidden units given the data.
        chains: number of persistent chains.
        gibbs_steps: sweeps over all units for each update.
        burn_in: sweeps from free units for a sample, and for what is filled in.
        lr: learning rate.
        momentum: share of the step before.
        estimator: of the expectation under the model: `pcd`, `cd`, `tempering` or `exact`.
        temperatures: of `tempering`.

    Raises:
        ValueError: if the space is not binary, there are too many products, or an option does not fit.

    Example:
        >>> from simulacra.core.space import Binary
        >>> model = HigherOrderBM(Binary((5,)), order=3)
        >>> [len(w) for w in model.W], model.log_prob(torch.zeros(1, 5)).kind
        ([10, 10], 'exact')
    """

    def __init__(
        self,
        space: Space,
        hidden: int = 0,
        order: int = 3,
        hidden_steps: int = 10,
        chains: int = 100,
        gibbs_steps: int = 1,
        burn_in: int = 200,
        lr: float = 0.05,
        momentum: float = 0.0,
        estimator: str = "pcd",
        temperatures: int = 10,
    ):
        check_at_least(2, order=order)
        chosen = estimator_for(estimator, None)
        learning = Learning(chosen, gibbs_steps, chains, temperatures, False, lr, momentum)
        name = "a Boltzmann machine of higher order"
        super().__init__(name, space, hidden, hidden_steps, learning, burn_in)
        check_products(self.sites, order)
        self.b = nn.Parameter(torch.zeros(self.sites))
        self.order = order
        self.W = nn.ParameterList()
        for r in range(2, order + 1):
            units = torch.tensor(list(itertools.combinations(range(self.sites), r)))
            which, others = containing(self.sites, r)
            self.W.append(nn.Parameter(0.01 * torch.randn(len(units))))
            self.register_buffer(f"units_{r}", units, persistent=False)
            self.register_buffer(f"which_{r}", which, persistent=False)
            self.register_buffer(f"others_{r}", others, persistent=False)
        learning.prepare(self)

    def score(self, x: Tensor) -> Tensor:
        """Equation (1) in nats, shape (B,)."""
        # (1)
        total = x @ self.b
        for r, w in enumerate(self.W, 2):
            total = total + x[:, self.get_buffer(f"units_{r}")].prod(2) @ w
        return total

    def differences(self, x: Tensor, sites: list[int]) -> Tensor:
        """Equation (2), shape (B, len(sites))."""
        field = self.b[sites].expand(x.shape[0], -1)
        for r, w in enumerate(self.W, 2):
            others = self.get_buffer(f"others_{r}")[sites]
            # (2): the products in which the site stands, without it
            field = field + (x[:, others].prod(3) * w[self.get_buffer(f"which_{r}")[sites]]).sum(2)
        return field


def containing(n: int, r: int) -> tuple[Tensor, Tensor]:
    """For each of n units the products of r that it stands in: their numbers, and their other units.

    Returns:
        shapes (n, products) and (n, products, r - 1).

    Example:
        >>> containing(3, 2)[1].tolist()
        [[[1], [2]], [[0], [2]], [[0], [1]]]
    """
    which: list[list[int]] = [[] for _ in range(n)]
    others: list[list[list[int]]] = [[] for _ in range(n)]
    for number, units in enumerate(itertools.combinations(range(n), r)):
        for i in units:
            which[i].append(number)
            others[i].append([j for j in units if j != i])
    return torch.tensor(which), torch.tensor(others)


def check_products(n: int, order: int) -> None:
    """Raise ValueError unless n units have products of that order, and not too many."""
    if order > n:
        raise ValueError(f"order is {order}, but {n} units make no product of more than {n}.")
    most = max(math.comb(n, r) for r in range(2, order + 1))
    if most > PRODUCTS:
        raise ValueError(
            f"order={order} over {n} units makes {most:,} products; at most {PRODUCTS:,} of one order are "
            "kept: take a lower order, fewer hidden units or smaller data."
        )
