"""Boltzmann machines of higher order: energies with products of three and more units.

    s(x) = b'x + sum_(i<j) W_ij x_i x_j + sum_(i<j<k) W_ijk x_i x_j x_k + ...     (1)
    f_i(x) = b_i + sum_j W_ij x_j + sum_(j<k) W_ijk x_j x_k + ...                 (2)

up to products of `order` units. Let q_r(x) be the products of all sets of r units. The terms of r units in
(2) are q_(r-1)(x)' M_r, with M_r,Si the weight of S and i, and 0 for an i in S. In (1) they are
1/r sum_i x_i times that, as each product is counted once for each of its units. s is linear in each single
unit, so (2) is its slope, and a unit is on given the others with probability sigmoid(f_i). Data that are
dependent in threes but not in pairs, such as parities, need the third order if there are no hidden units.

Reference: Sejnowski 1987. Row A25.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from simulacra.core.spaces.plain import Space
from simulacra.models.boltzmann.machine.learning import Learning, check_at_least, estimator_for
from simulacra.models.boltzmann.pairwise.coupled import Coupled
from simulacra.models.boltzmann.pairwise.sitewise import Walk

PRODUCTS = 100_000  # largest number of products of one order


class HigherOrderBM(Coupled):
    """Boltzmann machine of higher order over binary data, with or without hidden units.

    Its density is exact with at most 20 units in all. Order 2 is the Boltzmann machine.

    Args:
        space: a `Binary` space.
        hidden: number of hidden units; 0 has none.
        order: number of units in the largest products.
        hidden_steps: Gibbs sweeps over the hidden units given the data.
        chains: number of persistent chains.
        gibbs_steps: Gibbs sweeps over all units for each update.
        burn_in: Gibbs sweeps for a sample or a completion, starting from independent units.
        lr: learning rate.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under the model: `pcd`, `cd`, `tempering` or `exact`.
        temperatures: number of parallel chains of `tempering`.

    Raises:
        ValueError: if the space is not binary, there are too many products, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
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
        *,
        seed: int = 0,
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
            which, others, rest = containing(self.sites, r)
            self.W.append(nn.Parameter(0.01 * torch.randn(len(units))))
            self.register_buffer(f"units_{r}", units, persistent=False)
            self.register_buffer(f"which_{r}", which, persistent=False)
            self.register_buffer(f"others_{r}", others, persistent=False)
            self.register_buffer(f"rest_{r}", rest, persistent=False)
        learning.prepare(self)

    def score(self, x: Tensor) -> Tensor:
        """Computes s of equation (1) in nats, shape (B,)."""
        # (1)
        total = x @ self.b
        for (r, w), q in zip(enumerate(self.W, 2), self.products(x)):
            total = total + ((q @ self.matrix(r, w)) * x).sum(1) / r
        return total

    def products(self, x: Tensor) -> list[Tensor]:
        """Returns q_1, ..., q_(order-1): the products of all sets of that many units, each (B, sets)."""
        q, last = [x], torch.arange(self.sites, device=x.device)
        for r in range(2, self.order):
            # sets are in lexicographic order: each set is extended by every later unit
            first = torch.arange(len(last), device=x.device).repeat_interleave(self.sites - 1 - last)
            last = self.get_buffer(f"units_{r}")[:, -1]
            q.append(q[-1][:, first] * x[:, last])
        return q

    def matrix(self, r: int, w: Tensor) -> Tensor:
        """Returns M_r, shape (sets of r - 1 units, sites).

        Args:
            r: order of the products.
            w: weights of the products, shape (sets of r units,).
        """
        which, rest = self.get_buffer(f"which_{r}"), self.get_buffer(f"rest_{r}")
        site = torch.arange(self.sites, device=w.device).unsqueeze(1).expand_as(rest)
        sets = math.comb(self.sites, r - 1)
        return w.new_zeros(sets, self.sites).index_put((rest, site), w[which])

    def walk(self, x: Tensor) -> Walk:
        """Returns chains that cache the products of their units."""
        return ProductWalk(self, x)

    def differences(self, x: Tensor, sites: list[int]) -> Tensor:
        """Computes equation (2) at some sites, shape (B, len(sites)).

        Args:
            x: all units, shape (B, sites).
            sites: indices of the sites.
        """
        field = self.b[sites].expand(x.shape[0], -1)
        for r, w in enumerate(self.W, 2):
            others = self.get_buffer(f"others_{r}")[sites]
            # (2): the products that contain the site, without it
            field = field + (x[:, others].prod(3) * w[self.get_buffer(f"which_{r}")[sites]]).sum(2)
        return field


class ProductWalk(Walk):
    """Chains that cache the products of their units; a change of one unit updates its products.

    Args:
        model: the machine.
        x: all units, shape (B, sites).
    """

    def __init__(self, model: HigherOrderBM, x: Tensor):
        super().__init__(model, x)
        self.b = model.b
        # one row for each set
        self.q = [q.T.contiguous() for q in model.products(x)]
        self.M = [model.matrix(r, w).T.contiguous() for r, w in enumerate(model.W, 2)]
        self.kept = [
            (model.get_buffer(f"which_{r}"), model.get_buffer(f"rest_{r}")) for r in range(2, model.order)
        ]

    def differences(self, sites: list[int]) -> Tensor:
        """Computes equation (2) at one site, shape (B, 1)."""
        (i,) = sites
        field = self.b[i].expand(len(self.x))
        for q, M in zip(self.q, self.M):
            # (2)
            field = field + M[i] @ q
        return field.unsqueeze(1)

    def put(self, sites: list[int], values: Tensor) -> None:
        """Sets one unit and updates the products that contain it."""
        super().put(sites, values)
        (i,), value = sites, values.T
        self.q[0][i] = value[0]
        for below, q, (which, rest) in zip(self.q, self.q[1:], self.kept):
            q[which[i]] = value * below[rest[i]]


def containing(n: int, r: int) -> tuple[Tensor, Tensor, Tensor]:
    """Finds the products of r units that contain each of n units.

    Args:
        n: number of units.
        r: number of units in a product.

    Returns:
        Indices of these products, shape (n, products), their other units, (n, products, r - 1), and the
        indices
        of the other units among the products of r - 1, (n, products).

    Example:
        >>> containing(3, 2)[1].tolist()
        [[[1], [2]], [[0], [2]], [[0], [1]]]
    """
    which: list[list[int]] = [[] for _ in range(n)]
    others: list[list[tuple[int, ...]]] = [[] for _ in range(n)]
    rest: list[list[int]] = [[] for _ in range(n)]
    numbers = {units: number for number, units in enumerate(itertools.combinations(range(n), r - 1))}
    for number, units in enumerate(itertools.combinations(range(n), r)):
        for k, i in enumerate(units):
            left = units[:k] + units[k + 1 :]
            which[i].append(number)
            others[i].append(left)
            rest[i].append(numbers[left])
    return torch.tensor(which), torch.tensor(others), torch.tensor(rest)


def check_products(n: int, order: int) -> None:
    """Raises ValueError if n units have no products of this order, or too many.

    Args:
        n: number of units.
        order: number of units in the largest products.
    """
    if order > n:
        raise ValueError(f"order is {order}, but {n} units make no product of more than {n}.")
    most = max(math.comb(n, r) for r in range(2, order + 1))
    if most > PRODUCTS:
        raise ValueError(
            f"order={order} over {n} units makes {most:,} products; at most {PRODUCTS:,} of one order are "
            "kept: take a lower order, fewer hidden units or smaller data."
        )
