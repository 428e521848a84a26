"""The deep Boltzmann machine: several hidden layers, undirected throughout.

    E(v, h) = -b_0'v - sum_l b_l'h_l - v'W_1 h_1 - sum_l h_(l-1)' W_l h_l           (1)
    log p(v) >= E_q[-E(v, h)] + H(q) - log Z,   q(h) = prod_lj q(h_lj)              (2)

Learning maximizes (2): q by mean field for each row, then, with q held fixed,

    -d (2) = d E_q[E(v, h)] - E_model d E                                           (3)

whose second term is taken over persistent chains of block Gibbs sampling: odd layers, even layers. Centring
subtracts the running means of the layers; without it the upper layers hardly learn unless each layer is
pretrained.

Reference: Salakhutdinov and Hinton 2009; Montavon and Mueller 2012 (centred). Row A10.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.capabilities.chains import ChainSampler
from simulacra.core.numerics.exchange import row_mean
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Source, Stage
from simulacra.models.boltzmann.deep.layered import Layered, biases_from_data
from simulacra.models.boltzmann.machine.denoising import Denoiser, noise_of
from simulacra.models.boltzmann.machine.energy_model import Layers
from simulacra.models.boltzmann.machine.learning import Learning, estimator_for, few
from simulacra.models.boltzmann.restricted.bipartite import MEAN_RATE


class DBM(Layered, Denoiser, ChainSampler):
    """Deep Boltzmann machine over binary data.

    Its bound is computed if the odd layers together, or the even ones including the visible one, have at
    most 20 units.

    Args:
        space: a `Binary` space.
        hidden: sizes of the hidden layers, bottom to top; two or more.
        mean_field_steps: mean field updates of all layers.
        chains: number of persistent chains.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps for a sample or a completion, starting from independent units.
        lr: learning rate.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under the model: `pcd`, `cd`, `tempering` or `exact`.
        temperatures: number of parallel chains of `tempering`.
        centred: if True, layers are centred at their running means.

    Raises:
        ValueError: if the space is not binary, or an option is out of range.

    Example:
        >>> import torch
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = DBM(Binary((4,)), hidden=(3, 2))
        >>> model.log_prob(torch.zeros(1, 4)).kind, model.encode(torch.zeros(1, 4)).shape
        ('lower', torch.Size([1, 2]))
    """

    sharded = ("persistent",)

    def __init__(
        self,
        space: Space,
        hidden: tuple[int, ...] = (500, 500),
        mean_field_steps: int = 10,
        chains: int = 100,
        gibbs_steps: int = 5,
        burn_in: int = 1000,
        lr: float = 0.05,
        momentum: float = 0.0,
        estimator: str = "pcd",
        temperatures: int = 10,
        centred: bool = True,
        *,
        seed: int = 0,
    ):
        super().__init__(space, None, hidden, mean_field_steps, burn_in)
        chosen = estimator_for(estimator, None)
        self.learning = Learning(chosen, gibbs_steps, chains, temperatures, centred, lr, momentum)
        self.learning.prepare(self)
        self.corruption = noise_of(self.units["v"])

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which initializes the biases from the data.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        if i:
            return None
        return Stage("train", [self.learning.update(before=recentre)], self.length, start=Initial(begin))

    def positive(self, batch: Batch, rng: Rng) -> Tensor:
        """Computes the bound's energy, whose gradient is the first term of (3), in nats, shape (B,).

        Args:
            batch: rows of data.
            rng: source of random numbers.
        """
        return self.bound_energy(batch.x, batch.c, rng, batch.known)

    def first_means(self, v: Tensor, c: Tensor | None = None) -> Layers:
        """Returns v and the hidden means after one pass upwards, at which denoising begins.

        Args:
            v: noisy visible units, shape (B, units).
            c: not used.
        """
        return self.upwards({"v": v}, {})

    def start_from(self, batch: Batch, rng: Rng) -> Layers:
        """Returns the data with samples of q in the upper layers of the state.

        Args:
            batch: rows of data.
            rng: source of random numbers.
        """
        q = self.posterior_means(batch.x, batch.c, batch.known)
        return {name: rng.bernoulli(f"start {name}", q[name]) for name in self.rest}


def begin(model: DBM, source: Source, rng: Rng) -> None:
    """Initializes biases from the data, offsets from the biases, then the chains.

    Args:
        model: the machine.
        source: the training split.
        rng: random numbers of the preprocessing and of the chains.
    """
    biases_from_data(model, source, rng)
    if model.learning.centred:
        for i in range(len(model.names)):
            # for small W the mean of the hidden units is 1/2
            model.offset(i).copy_(torch.sigmoid(model.b[i]))
    model.learning.start(model, rng)


def recentre(model: DBM, batch: Batch, rng: Rng) -> None:
    """Moves the offsets towards the means of the batch, and the biases such that p(v) does not change."""
    if not model.learning.centred:
        return
    part = few(batch)
    q = model.posterior_means(part.x, part.c, part.known)
    by = [MEAN_RATE * row_mean(model.away(q, i)) for i in range(len(model.names))]
    for i, w in enumerate(model.W):
        model.b[i].add_(w @ by[i + 1])
        model.b[i + 1].add_(by[i] @ w)
    for i, step in enumerate(by):
        model.offset(i).add_(step)
