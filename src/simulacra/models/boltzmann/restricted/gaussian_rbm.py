"""The Gaussian-Bernoulli RBM: real data, binary hidden units.

    E(v, h) = |v - b|^2 / 2 s^2 - c'h - (v / s^2)' W h                         (1)
    v | h ~ N(b + W h, s^2 I),   P(h_j = 1 | v) = sigmoid(c_j + (W'v)_j / s^2)
    p(v) = sum_h P(h) N(v; b + W h, s^2 I)                                     (2)

With m hidden units it is a mixture of 2^m Gaussians with shared parameters.

Reference: Welling, Rosen-Zvi and Hinton 2005; Hinton and Salakhutdinov 2006. Row A6.
"""

from __future__ import annotations

from simulacra.core.spaces.plain import Space
from simulacra.models.boltzmann.machine.learning import Learning, check_scale, estimator_for
from simulacra.models.boltzmann.machine.needs import need_real
from simulacra.models.boltzmann.machine.units import Gaussian
from simulacra.models.boltzmann.restricted.bipartite import Restricted


class GaussianRBM(Restricted):
    """Gaussian-Bernoulli restricted Boltzmann machine over real data.

    Its density is exact with at most 20 hidden units.

    Args:
        space: a `Real` space, for standardized data.
        condition: space of the condition, which shifts the biases; None for p(v).
        hidden: number of hidden units.
        scale: standard deviation s of a visible unit given the hidden ones.
        chains: number of persistent chains.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for a sample, starting from independent units.
        lr: learning rate.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under the model: `pcd`, `cd`, `tempering` or `exact`; `auto`
            takes `pcd`, or `cd` if there is a condition.
        temperatures: number of parallel chains of `tempering`.
        centred: if True, layers are centred at their running means.

    Raises:
        ValueError: if the space is not real, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> GaussianRBM(Real((2,)), hidden=3).sample(4, seed=0).shape
        torch.Size([4, 2])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: int = 16,
        scale: float = 1.0,
        chains: int = 100,
        gibbs_steps: int = 1,
        burn_in: int = 1000,
        lr: float = 0.01,
        momentum: float = 0.0,
        estimator: str = "auto",
        temperatures: int = 10,
        centred: bool = False,
        *,
        seed: int = 0,
    ):
        need_real("a Gaussian RBM", space)
        check_scale(scale)
        chosen = estimator_for(estimator, condition)
        learning = Learning(chosen, gibbs_steps, chains, temperatures, centred, lr, momentum)
        super().__init__(space, Gaussian(scale), scale**-2, condition, hidden, learning, burn_in)
