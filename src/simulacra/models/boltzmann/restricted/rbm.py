"""The restricted Boltzmann machine over binary data, with or without a condition.

    E(v, h) = -b'v - c'h - v'W h                                               (1)
    F(v) = -b'v - sum_j softplus(c_j + (W'v)_j),   p(v) = exp(-F(v)) / Z       (2)
    P(h_j = 1 | v) = sigmoid(c_j + (W'v)_j),  P(v_i = 1 | h) = sigmoid(b_i + (W h)_i)

Reference: Smolensky 1986; Hinton 2002; Tieleman 2008 (persistent contrastive divergence); Salakhutdinov and
Murray 2008 (log Z over the smaller layer); Taylor, Hinton and Roweis 2007 (conditions). Rows A2 to A5, A17.
"""

from __future__ import annotations

from simulacra.core.spaces.plain import Space
from simulacra.models.boltzmann.machine.learning import Learning, estimator_for
from simulacra.models.boltzmann.machine.needs import need_binary
from simulacra.models.boltzmann.machine.units import Bernoulli
from simulacra.models.boltzmann.restricted.bipartite import Restricted


class RBM(Restricted):
    """Restricted Boltzmann machine over binary data.

    Its density is exact if the smaller layer has at most 20 units. Larger ones have an energy, and annealed
    importance sampling brackets log Z.

    Args:
        space: a `Binary` space.
        condition: space of the condition, which shifts the biases; None for p(v).
        hidden: number of hidden units.
        chains: number of persistent chains.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for a sample, starting from independent units.
        lr: learning rate.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under the model: `pcd`, `cd`, `tempering` or `exact`; `auto`
            takes `pcd`, or `cd` if there is a condition.
        temperatures: number of parallel chains of `tempering`.
        centred: if True, layers are centred at their running means (the enhanced gradient).

    Raises:
        ValueError: if the space is not binary, or an option is out of range.

    Example:
        >>> import torch
        >>> from simulacra.core.spaces.plain import Binary
        >>> RBM(Binary((4,)), hidden=3).log_prob(torch.zeros(1, 4)).kind
        'exact'
    """

    added = ("base", "mu", "lam")

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: int = 64,
        chains: int = 100,
        gibbs_steps: int = 1,
        burn_in: int = 1000,
        lr: float = 0.05,
        momentum: float = 0.0,
        estimator: str = "auto",
        temperatures: int = 10,
        centred: bool = False,
        *,
        seed: int = 0,
    ):
        need_binary("an RBM", space)
        chosen = estimator_for(estimator, condition)
        learning = Learning(chosen, gibbs_steps, chains, temperatures, centred, lr, momentum)
        super().__init__(space, Bernoulli(), 1.0, condition, hidden, learning, burn_in)
