"""The deep belief network: an RBM on top, and directed layers below it.

    p(v, h) = p(v | h_1) p(h_1 | h_2) ... p(h_(L-1), h_L),   the last by an RBM      (1)
    p(h_(l-1) | h_l) = sigmoid(b_l + W_l h_l),   q(h_l | h_(l-1)) = sigmoid(c_l + W_l'h_(l-1))

Each layer is trained as an RBM on draws of the layer below it, by q. An RBM over h_1, h_2 replaces what the
first one says of h_1; with as many units in h_2 as in v it may begin as the first one upside down,

    W_2 = W_1',  b_2 = c_1,  c_2 = b_1,                                              (2)

which says the same of h_1, so that p(v) is unchanged and training can only improve the bound

    log p(v) >= E_q [log p(v, h_1, ..., h_(L-1)) - log q(h_1, ..., h_(L-1) | v)]     (3)

where p(h_(L-1)) = exp(-F(h_(L-1))) / Z, with F and Z of the RBM on top.

Reference: Hinton, Osindero and Teh 2006. Row A9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch
from simulacra.core.capabilities.general import (
    Encodes,
    HasAnnealingPath,
    HasBound,
    HasBoundEnergy,
    HasDensity,
    Samples,
)
from simulacra.core.distributions.elementary import Bernoulli
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Space
from simulacra.core.updates import Source, Stage
from simulacra.models.boltzmann.deep.layered import check_layers, entropy
from simulacra.models.boltzmann.machine.needs import need_binary
from simulacra.models.boltzmann.restricted.bipartite import biases_from_data
from simulacra.models.boltzmann.restricted.rbm import RBM


class DBN(Model, Samples, HasBound, HasBoundEnergy, Encodes, HasAnnealingPath):
    """Deep belief network over binary data, trained layer by layer.

    Its bound is computed where one of the two top layers has at most 20 units; annealing brackets log Z
    of larger ones, and `bound_energy` is the bound without it.

    Args:
        space: a binary space.
        hidden: sizes of the hidden layers, bottom to top; two or more.
        chains: number of persistent chains of each RBM.
        gibbs_steps: Gibbs sweeps for each update.
        burn_in: Gibbs sweeps of the top RBM from free units for a sample.
        lr: learning rate.
        momentum: share of the step before.
        estimator: of the expectation under an RBM: `pcd`, `cd`, `tempering` or `exact`.
        temperatures: of `tempering`.
        centred: whether the layers of each RBM are centred at their running means.

    Raises:
        ValueError: if the space is not binary, or an option does not fit.

    Example:
        >>> model = DBN(Binary((4,)), hidden=(3, 4))
        >>> [model.stage(i, []).name for i in range(2)], model.sample(5).shape
        (['layer-1', 'layer-2'], torch.Size([5, 4]))
    """

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
        """A stage for each RBM, on draws of the layer below."""
        if i == len(self.rbms):
            return None
        own = cast(Stage, self.layers[i].stage(0, [])).updates[0]
        assert own.before is not None
        loss, before = partial(_within, i, own.loss), partial(_within, i, own.before)
        update = replace(own, params=(f"rbms.{i}.",), loss=loss, before=before)
        start, view = partial(begin, level=i), partial(draws_below, level=i)
        return Stage(f"layer-{i + 1}", [update], self.length, start=start, view=view)

    # ---- capabilities

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """A draw of the top RBM, then layer by layer down: shape (B, *)."""
        h = self.top.draw(rng.at("top"))
        for i, rbm in reversed(list(enumerate(self.layers[:-1]))):
            h = rbm.units["v"].draw(rbm.field("v", {"h": h}), rng, f"down {i}")
        return h.reshape(h.shape[0], *self.space.shape)

    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """The means of the layers, each of those below it: of the top one, shape (B, units)."""
        h = self.features(x).flatten(1)
        for rbm in self.layers:
            h = rbm.hidden_given_visible(h)
        return h

    def bound_energy(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Minus (3) without log Z for one draw of q, in nats, shape (B,)."""
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
        """Equation (3) by one draw of q, log Z of the top RBM exact, in nats, shape (B,)."""
        return -to_float64(self.bound_energy(x, c, rng)) - self.top.log_z()

    # ---- annealing: the layers below are normalized, so that log Z is the top RBM's

    def start_chain(self, rng: Rng) -> Tensor:
        """Free units below the top, shape (B, units)."""
        return self.top.start_chain(rng)

    def base_log_z(self) -> Tensor:
        """log Z of the top RBM's free units in nats."""
        return self.top.base_log_z()

    def anneal(
        self, state: Tensor, before: float, after: float, rng: Rng, c: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """A step of the top RBM's path."""
        return self.top.anneal(state, before, after, rng)


def _within(level: int, call: Callable[[Any, Batch, Rng], Any], model: DBN, batch: Batch, rng: Rng) -> Any:
    """Apply an RBM's update to the one at `level`."""
    return call(model.layers[level], batch, rng)


def draws_below(model: DBN, batch: Batch, rng: Rng, level: int) -> Batch:
    """The batch with draws by q of the layer number `level` in place of x; that of number 0 is x."""
    x = model.features(batch.x).flatten(1)
    for i, rbm in enumerate(model.layers[:level]):
        x = Bernoulli(rbm.field("h", {"v": x}), 1).sample(rng, f"up {i}")
    return replace(batch, x=x)


@dataclass(frozen=True)
class Below:
    """A split of which one sees the draws of a layer.

    Args:
        source: the split.
        model: gives the draws.
        level: number of the layer.
    """

    source: Source
    model: DBN
    level: int

    def __len__(self) -> int:
        return len(self.source)

    def read(self, orders: Iterable[Tensor]) -> Iterator[Batch]:
        """Raw batches of the split."""
        return self.source.read(orders)

    def prepare(self, batch: Batch, rng: Rng) -> Batch:
        """The draws for a raw batch."""
        prepared = self.source.prepare(batch, rng).to(self.model.device)
        return draws_below(self.model, prepared, rng, self.level)

    def batch(self, index: Tensor, rng: Rng) -> Batch:
        """The draws for the rows `index`."""
        batch = self.source.batch(index, rng).to(self.model.device)
        return draws_below(self.model, batch, rng, self.level)


def begin(model: DBN, source: Source, rng: Rng, level: int) -> None:
    """The RBM at `level` begins as the one below upside down, otherwise with the biases of its data."""
    rbm = model.layers[level]
    if level and rbm.c.shape == model.layers[level - 1].b.shape:
        turn_over(model.layers[level - 1], rbm)
        rbm.learning.start(rbm, rng)
    else:
        biases_from_data(rbm, Below(source, model, level), rng)


@torch.no_grad()
def turn_over(below: RBM, rbm: RBM) -> None:
    """Equation (2): the visible units of one RBM become the hidden ones of the next."""
    rbm.W.copy_(below.W.T)
    rbm.b.copy_(below.c)
    rbm.c.copy_(below.b)
    rbm.mu.copy_(below.lam)
    rbm.lam.copy_(below.mu)
    rbm.base.copy_(rbm.b)
