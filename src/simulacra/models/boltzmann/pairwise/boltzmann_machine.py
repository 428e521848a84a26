"""The Boltzmann machine: every unit interacts with every other, including hidden units.

    p(x) = exp(x'U x + b'x) / Z,   x = (v, h) binary, U = U', U_ii = 0         (1)
    P(x_i = 1 | the others) = sigmoid(b_i + 2 sum_j U_ij x_j)                  (2)
    d log p(x) / dU = x x' - E_model x x'                                      (3)

for pairs i != j; with hidden units the first term of (3) is a mean over p(h | v).

Reference: Ackley, Hinton and Sejnowski 1985. Row A1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from simulacra.core.spaces.plain import Space
from simulacra.models.boltzmann.machine.learning import Learning, estimator_for
from simulacra.models.boltzmann.pairwise.coupled import Coupled


class BoltzmannMachine(Coupled):
    """Boltzmann machine over binary data, with or without hidden units.

    Its density is exact with at most 20 units in all.

    Args:
        space: a `Binary` space.
        hidden: number of hidden units; 0 has none.
        hidden_steps: Gibbs sweeps over the hidden units given the data.
        chains: number of persistent chains.
        gibbs_steps: Gibbs sweeps over all units for each update.
        burn_in: Gibbs sweeps for a sample or a completion, starting from independent units.
        lr: learning rate.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under the model: `pcd`, `cd`, `tempering` or `exact`.
        temperatures: number of parallel chains of `tempering`.

    Raises:
        ValueError: if the space is not binary, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> BoltzmannMachine(Binary((4,)), hidden=2).log_prob(torch.zeros(1, 4)).kind
        'exact'
    """

    def __init__(
        self,
        space: Space,
        hidden: int = 0,
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
        chosen = estimator_for(estimator, None)
        learning = Learning(chosen, gibbs_steps, chains, temperatures, False, lr, momentum)
        super().__init__("a Boltzmann machine", space, hidden, hidden_steps, learning, burn_in)
        self.U = nn.Parameter(0.01 * torch.randn(self.sites, self.sites))
        self.b = nn.Parameter(torch.zeros(self.sites))
        learning.prepare(self)

    @property
    def couplings(self) -> Tensor:
        """U of (1): the parameter made symmetric, with a zero diagonal, shape (sites, sites)."""
        whole = (self.U + self.U.T) / 2
        return whole - torch.diag(whole.diagonal())

    def score(self, x: Tensor) -> Tensor:
        """Computes x'U x + b'x in nats, shape (B,)."""
        # (1)
        return ((x @ self.couplings) * x).sum(1) + x @ self.b

    def differences(self, x: Tensor, sites: list[int]) -> Tensor:
        """Returns the fields of (2) at some sites, shape (B, len(sites)).

        Args:
            x: all units, shape (B, sites).
            sites: indices of the sites.
        """
        # (2), without the diagonal of the parameter
        columns = (self.U[:, sites] + self.U[sites].T) / 2
        return self.b[sites] + 2 * (x @ columns - x[:, sites] * self.U[sites, sites])
