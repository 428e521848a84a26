"""The deep belief network: an RBM on top, and directed layers below it.

    p(v, h) = p(v | h_1) p(h_1 | h_2) ... p(h_(L-1), h_L),   the last by an RBM      (1)
    p(h_(l-1) | h_l) = sigmoid(b_l + W_l h_l),   q(h_l | h_(l-1)) = sigmoid(c_l + W_l'h_(l-1))

Each layer is trained as an RBM on samples of the layer below it, drawn by q. An RBM over h_1, h_2 replaces
the prior of h_1 in the first one. With as many units in h_2 as in v it starts as the transposed first RBM,

    W_2 = W_1',  b_2 = c_1,  c_2 = b_1,                                              (2)

which has the same p(h_1), so that p(v) is unchanged and training can only improve the bound

    log p(v) >= E_q [log p(v, h_1, ..., h_(L-1)) - log q(h_1, ..., h_(L-1) | v)]     (3)

where p(h_(L-1)) = exp(-F(h_(L-1))) / Z, with F and Z of the RBM on top.

Reference: Hinton, Osindero and Teh 2006. Row A9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch
from simulacra.core.capabilities.chains import BurnIn
from simulacra.core.capabilities.general import (
    Encodes,
    HasAnnealingPath,
    HasBound,
    HasBoundEnergy,
    HasDensity,
    Samples,
)
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.distributions.elementary import Bernoulli
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Space
from simulacra.core.updates import Initial, Source, Stage
from simulacra.models.boltzmann.deep.below import Below
from simulacra.models.boltzmann.deep.layered import check_layers, entropy
from simulacra.models.boltzmann.machine.needs import need_binary
from simulacra.models.boltzmann.restricted.bipartite import biases_from_data
from simulacra.models.boltzmann.restricted.rbm import RBM


class DBN(Model, Samples, HasBound, HasBoundEnergy, Encodes, HasAnnealingPath):
    """Deep belief network over binary data, trained layer by layer.

    Its bound is computed if one of the two top layers has at most 20 units. For larger ones annealed
    importance sampling brackets log Z, and `bound_energy` is the bound without it.

    Args:
        space: a `Binary` space.
        hidden: sizes of the hidden layers, bottom to top; two or more.
        chains: number of persistent chains of each RBM.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps of the top RBM for a sample, starting from independent units.
        lr: learning rate.
        momentum: momentum of SGD.
        estimator: estimator of the expectation under an RBM: `pcd`, `cd`, `tempering` or `exact`.
        temperatures: number of parallel chains of `tempering`.
        centred: if True, the layers of each RBM are centred at their running means.

    Raises:
        ValueError: if the space is not binary, or an option is out of range.

    Example:
        >>> model = DBN(Binary((4,)), hidden=(3, 4))
        >>> [model.stage(i, []).name for i in range(2)], model.sample(5).shape
        (['layer-1', 'layer-2'], torch.Size([5, 4]))
    """

    drawing = BurnIn

    def __init__(
        self,
        space: Space,
        hidden: tuple[int, ...] = (500, 500),
        chains: int = 100,
        gibbs_steps: int = 1,
        burn_in: int = 1000,
        lr: float = 0.05,
        momentum: float = 0.0,
        estimator: str = "pcd",
        temperatures: int = 10,
        centred: bool = False,
        *,
        seed: int = 0,
    ):
        need_binary("a deep belief network", space)
        check_layers("a deep belief network", hidden)
        super().__init__(space)
        options: dict[str, Any] = {"chains": chains, "gibbs_steps": gibbs_steps, "burn_in": burn_in, "lr": lr}
        options |= {"momentum": momentum, "estimator": estimator}
        options |= {"temperatures": temperatures, "centred": centred}
        spaces = [space, *[Binary((n,)) for n in hidden]]
        self.rbms = nn.ModuleList(RBM(s, hidden=n, **options) for s, n in zip(spaces, hidden))
        if not self.top.supports(HasDensity):
            self.remove(HasBound)

    @property
    def layers(self) -> list[RBM]:
        """The RBMs, bottom to top."""
        return cast(list[RBM], list(self.rbms))

    @property
    def top(self) -> RBM:
        """The RBM on top."""
        return self.layers[-1]

    # ---- layer by layer

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns stage i, which trains RBM i on samples of the layer below.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        if i == len(self.rbms):
            return None
        own = cast(Stage, self.layers[i].stage(0, [])).updates[0]
        assert own.before is not None
        loss, before = partial(_within, i, own.loss), partial(_within, i, own.before)
        update = replace(own, params=(f"rbms.{i}.",), loss=loss, before=before)
        start, view = Initial(partial(begin, level=i)), partial(draws_below, level=i)
        return Stage(f"layer-{i + 1}", [update], self.length, start=start, view=view)

    # ---- capabilities

    @property
    def sampling(self) -> Sampling:
        """The top RBM's own options of drawing."""
        return self.top.sampling

    def looks(self, how: Sampling | None = None) -> int:
        """Returns the number of sweeps of the top RBM.

        Args:
            how: options of drawing; None: the model's own.
        """
        return self.top.looks(how)

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Samples the top RBM, then the layers below in turn, shape (B, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: not used.
            how: options of drawing; None: the model's own.
            watch: called after each sweep of the top RBM with what the layers below draw from its state;
                None: never.
        """

        def seen(t: int, total: int, h: Tensor, known: Tensor) -> None:
            assert watch is not None
            x = self._below(h, rng)
            watch(t, total, x, torch.ones_like(x, dtype=torch.bool))

        return self._below(self.top.draw(rng.at("top"), None, how, None if watch is None else seen), rng)

    def _below(self, h: Tensor, rng: Rng) -> Tensor:
        """Draws the layers below the top RBM in turn from its visible units, shape (B, *)."""
        for i, rbm in reversed(list(enumerate(self.layers[:-1]))):
            h = rbm.units["v"].draw(rbm.field("v", {"h": h}), rng, f"down {i}")
        return h.reshape(h.shape[0], *self.space.shape)

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the means of the top layer, by propagating those of the layers below, shape (B, units).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        h = self.features(x).flatten(1)
        for rbm in self.layers:
            h = rbm.hidden_given_visible(h)
        return h

    def bound_energy(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Computes minus (3) without log Z from one sample of q, in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: not used.
            rng: source of random numbers.
        """
        below = self.features(x).flatten(1)
        bound = below.new_zeros(len(x))
        for i, rbm in enumerate(self.layers[:-1]):
            q = Bernoulli(rbm.field("h", {"v": below}), 1)
            h = q.sample(rng, f"up {i}")
            # (3); the mean of -log q given the layer below is its entropy
            bound = bound + Bernoulli(rbm.field("v", {"h": h}), 1).log_prob(below) + entropy(q.mean)
            below = h
        return self.top.free_energy(below) - bound

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Computes (3) from one sample of q and the exact log Z of the top RBM, in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
        """
        return -to_float64(self.bound_energy(x, c, rng)) - self.top.log_z()

    # ---- annealing: the lower layers are normalized, so log Z is that of the top RBM

    def start_chain(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Draws independent visible units of the top RBM, shape (B, units).

        Args:
            rng: source of random numbers.
            c: not used.
        """
        return self.top.start_chain(rng)

    def base_log_z(self) -> Tensor:
        """Computes log Z of the top RBM's independent units in nats, shape ()."""
        return self.top.base_log_z()

    def anneal(
        self, state: Tensor, before: float, after: float, rng: Rng, c: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Takes one annealing step of the top RBM; see `Machine.anneal`.

        Args:
            state: state of the chains, shape (B, entries).
            before: position on the path, from 0 to 1.
            after: next position on the path.
            rng: source of random numbers.
            c: not used.
        """
        return self.top.anneal(state, before, after, rng)


def _within(level: int, call: Callable[[Any, Batch, Rng], Any], model: DBN, batch: Batch, rng: Rng) -> Any:
    """Applies a loss or hook of an RBM to the RBM at `level`."""
    return call(model.layers[level], batch, rng)


def draws_below(model: DBN, batch: Batch, rng: Rng, level: int) -> Batch:
    """Returns the batch with samples of layer number `level` by q instead of x; layer 0 is x.

    Args:
        model: the belief network.
        batch: rows of data.
        rng: source of random numbers.
        level: number of the layer.
    """
    x = model.features(batch.x).flatten(1)
    for i, rbm in enumerate(model.layers[:level]):
        x = Bernoulli(rbm.field("h", {"v": x}), 1).sample(rng, f"up {i}")
    return replace(batch, x=x)


def begin(model: DBN, source: Source, rng: Rng, level: int) -> None:
    """Initializes the RBM at `level` as the transposed one below, or from the mean of its data.

    Args:
        model: the belief network.
        source: the training split.
        rng: source of random numbers.
        level: number of the RBM.
    """
    rbm = model.layers[level]
    if level and rbm.c.shape == model.layers[level - 1].b.shape:
        turn_over(model.layers[level - 1], rbm)
        rbm.learning.start(rbm, rng)
    else:
        view = partial(draws_below, model, level=level)
        biases_from_data(rbm, Below(source, view, model.device), rng)


@torch.no_grad()
def turn_over(below: RBM, rbm: RBM) -> None:
    """Copies an RBM transposed into the next one, equation (2): visible units become hidden units.

    Args:
        below: the RBM to copy.
        rbm: the RBM that is overwritten.
    """
    rbm.W.copy_(below.W.T)
    rbm.b.copy_(below.c)
    rbm.c.copy_(below.b)
    rbm.mu.copy_(below.lam)
    rbm.lam.copy_(below.mu)
    rbm.base.copy_(rbm.b)
