"""The convolutional RBM: filters that are shared over an image, with probabilistic max pooling.

    E(v, h) = -b sum_i v_i - sum_k c_k sum_j h_kj - sum_k h_k'(W_k * v)        (1)
    P(h_kj = 1 | v) = exp(I_kj) / (1 + sum_j' exp(I_kj')),  I_k = c_k + W_k * v  (2)
    P(p = 1 | v) = 1 - 1 / (1 + sum_j exp(I_kj))                               (3)

with j' over the block of j; a pooling unit p is on if any unit of its block is. Without pooling (2) is the
sigmoid. It is the RBM whose weights are the unrolled filters. Filters stay within the image: pixels at the
border are covered by fewer of them, and Z depends on the size of the image.

Reference: Desjardins and Bengio 2008; Lee, Grosse, Ranganath and Ng 2009. Rows A13, A14, A16.
"""

from __future__ import annotations

from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Stage
from simulacra.models.boltzmann.convolutional.maps import Maps
from simulacra.models.boltzmann.convolutional.shared_filters import Convolutional, biases_from_data
from simulacra.models.boltzmann.machine.learning import Learning, estimator_for
from simulacra.models.boltzmann.machine.needs import need_images


class ConvRBM(Convolutional):
    """Convolutional restricted Boltzmann machine over binary or real images.

    Its code is the pooled probabilities (3). Its density is exact if either side has at most 2^20 states.
    Larger ones have an energy, and annealed importance sampling brackets log Z.

    Args:
        space: space of binary or real images (channels, height, width); standardize real ones.
        filters: number of filters, each with one bias.
        kernel: side of a filter.
        pool: side of the blocks in which at most one unit is on; 1 has no pooling. It must divide
            height - kernel + 1 and width - kernel + 1.
        scale: standard deviation of a pixel given the hidden units, for real images.
        chains: number of persistent chains.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for a sample, starting from independent units.
        lr: learning rate.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under the model: `pcd`, `cd`, `tempering` or `exact`.
        temperatures: number of parallel chains of `tempering`.
        sparsity_target: wanted share of positions at which a hidden unit is on; None has no target.
        sparsity_cost: weight of the sparsity term for the hidden biases.

    Raises:
        ValueError: if the space holds no binary or real images, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = ConvRBM(Binary((1, 8, 8)), filters=5, kernel=3, pool=2)
        >>> model.filters().shape, model.encode(model.sample(2, seed=0)).shape
        (torch.Size([5, 1, 3, 3]), torch.Size([2, 45]))
    """

    def __init__(
        self,
        space: Space,
        filters: int = 32,
        kernel: int = 5,
        pool: int = 2,
        scale: float = 1.0,
        chains: int = 100,
        gibbs_steps: int = 1,
        burn_in: int = 1000,
        lr: float = 0.01,
        momentum: float = 0.0,
        estimator: str = "pcd",
        temperatures: int = 10,
        sparsity_target: float | None = None,
        sparsity_cost: float = 1.0,
        *,
        seed: int = 0,
    ):
        need_images("a convolutional RBM", space)
        channels, height, width = space.shape
        maps = Maps(channels, (height, width), filters, kernel, pool)
        chosen = estimator_for(estimator, None)
        learning = Learning(chosen, gibbs_steps, chains, temperatures, lr=lr, momentum=momentum)
        super().__init__(space, ("h",), [maps], scale, learning, burn_in, 1, sparsity_target, sparsity_cost)

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which initializes the biases from the data.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return None if i else Stage("train", [self.player()], self.length, start=Initial(biases_from_data))
