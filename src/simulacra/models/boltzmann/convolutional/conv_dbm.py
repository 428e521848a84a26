"""The convolutional deep Boltzmann machine with probabilistic max pooling, which can complete missing pixels.

    E(v, h) = -b'v - c_1'h_1 - h_1'(W_1 * v) - c_2'h_2 - h_2'(W_2 * p_1) - ...   (1)
    P(h_1 = 1 | v, h_2) = exp(I + T) / (1 + sum over the block of exp(I + T))   (2)

with p_1 the pooling units of h_1, I the input of a unit from below and T that of its block from above: local
evidence and the arrangement of the parts are inferred jointly. Learning is greedy at first: the lowest layer,
then each layer above those below it, which are fixed; then all layers jointly. The positive phase is a mean
field, the negative one chains of the whole machine.

Filters are shared over positions, but the sizes of maps and blocks depend on the size of the image, and so
does Z: a trained machine accepts images of one size. Pixels at the border are covered by fewer filters.

Reference: Lee, Grosse, Ranganath and Ng 2009; Salakhutdinov and Hinton 2009. Rows A14, A15.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from simulacra.core.capabilities.general import HasBound, HasBoundEnergy
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Epochs, Initial, Stage
from simulacra.models.boltzmann.convolutional.maps import Maps
from simulacra.models.boltzmann.convolutional.shared_filters import Convolutional, biases_from_data
from simulacra.models.boltzmann.machine.learning import Learning, estimator_for
from simulacra.models.boltzmann.machine.needs import need_images


class ConvDBM(Convolutional, HasBound, HasBoundEnergy):
    """Convolutional deep Boltzmann machine over binary or real images.

    It has a bound on its log-density if the odd or the even layers together have at most 2^20 states.

    Args:
        space: space of binary or real images (channels, height, width); standardize real ones.
        filters: number of filters of each layer, from bottom to top.
        kernels: side of the filters of each layer.
        pools: side of the pooling blocks of each layer; 1 has no pooling. It must divide the sides of the
            layer's maps.
        scale: standard deviation of a pixel given the hidden units, for real images.
        mean_field_steps: mean field updates of each layer in the positive phase.
        chains: number of persistent chains.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for a sample or a completion, starting from independent units.
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
        >>> model = ConvDBM(Binary((1, 8, 8)), filters=(5, 7))
        >>> [model.stage(i, []).name for i in range(3)]
        ['layer-1', 'layer-2', 'joint']
    """

    length = Epochs(20)

    def __init__(
        self,
        space: Space,
        filters: tuple[int, ...] = (24, 32),
        kernels: tuple[int, ...] = (3, 3),
        pools: tuple[int, ...] = (2, 1),
        scale: float = 1.0,
        mean_field_steps: int = 10,
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
        need_images("a convolutional DBM", space)
        maps = layers_of(space, filters, kernels, pools)
        names = tuple(f"h{i + 1}" for i in range(len(maps)))
        chosen = estimator_for(estimator, None)
        learning = Learning(chosen, gibbs_steps, chains, temperatures, lr=lr, momentum=momentum)
        super().__init__(
            space, names, maps, scale, learning, burn_in, mean_field_steps, sparsity_target, sparsity_cost
        )
        if not self.summable:
            self.remove(HasBound)

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns stage i: the lowest layer, each layer above it in turn, then all layers jointly.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        player, last = self.player(), len(self.maps)
        if i == last:
            return Stage("joint", [player], self.length)
        if i > last:
            return None
        params = (f"maps.{i}.", "b") if i == 0 else (f"maps.{i}.",)
        return Stage(
            f"layer-{i + 1}",
            [replace(player, params=params)],
            self.length,
            # the layers above have weights near zero until their own stage
            start=Initial(biases_from_data) if i == 0 else None,
        )

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Computes a lower bound on log p(x) in nats, shape (B,): minus `bound_energy` minus the exact log Z.

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
        """
        return -to_float64(self.bound_energy(x, c, rng)) - self.log_z()


def layers_of(
    space: Space, filters: tuple[int, ...], kernels: tuple[int, ...], pools: tuple[int, ...]
) -> list[Maps]:
    """Builds the layers, each on the pooling units of the one below.

    Args:
        space: space of images.
        filters: number of filters of each layer, from bottom to top.
        kernels: side of the filters of each layer.
        pools: side of the pooling blocks of each layer.

    Raises:
        ValueError: if there are fewer than two layers, the lengths differ, or a layer does not fit the one
            below.
    """
    if not len(filters) == len(kernels) == len(pools) >= 2:
        raise ValueError(
            f"filters, kernels and pools are for {len(filters)}, {len(kernels)} and {len(pools)} layers, but "
            "each of at least two layers needs one of each: take a ConvRBM for a single layer."
        )
    channels, height, width = space.shape
    size, below, maps = (height, width), "images", []
    for i, (number, kernel, pool) in enumerate(zip(filters, kernels, pools)):
        maps.append(Maps(channels, size, number, kernel, pool, below))
        channels, size, below = number, maps[-1].pooled_size, f"the pooled maps of layer {i + 1},"
    return maps
