"""The restricted Boltzmann machine with persistent chains.

    E(v, h) = -b'v - c'h - v'W h                                               (1)
    F(v) = -b'v - sum_j softplus(c_j + (W'v)_j),   p(v) = exp(-F(v)) / Z       (2)
    P(h_j = 1 | v) = sigmoid(c_j + (W'v)_j),  P(v_i = 1 | h) = sigmoid(b_i + (W h)_i)
    -d log p(v) = dF(v) - E_model dF(v')                                       (3)

The expectation under the model is taken over chains that persist between updates.

Reference: Smolensky 1986; Tieleman 2008 (persistent contrastive divergence); Salakhutdinov and
Murray 2008 (log Z over the smaller layer). Rows A2, A4, A5.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core import moments
from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities import HasDensity, HasEnergy, Samples, StepsChain
from simulacra.core.model import Model
from simulacra.core.optimisers import SGD
from simulacra.core.precision import precise
from simulacra.core.random import Rng
from simulacra.core.space import Binary, Space
from simulacra.core.training import Source, Stage, Update

EXACT_UNITS = 20  # a layer of so many units is summed over: 2^20 states
STATES = 2**14  # states summed at once


class RBM(Model, Samples, HasDensity, HasEnergy, StepsChain):
    """Restricted Boltzmann machine over binary data.

    Its density is exact where the smaller layer has at most 20 units; larger ones have an energy
    only.

    Args:
        space: a binary space.
        hidden: number of hidden units.
        chains: number of persistent chains.
        gibbs_steps: Gibbs sweeps of the chains before each update.
        burn_in: Gibbs sweeps from random states for a sample.
        lr: learning rate.

    Raises:
        ValueError: if the space is not binary.

    Example:
        >>> RBM(Binary((4,)), hidden=3).log_prob(torch.zeros(1, 4)).kind
        'exact'
    """

    sharded = ("persistent",)
    persistent: Tensor

    def __init__(
        self,
        space: Space,
        hidden: int = 64,
        chains: int = 100,
        gibbs_steps: int = 1,
        burn_in: int = 1000,
        lr: float = 0.05,
    ):
        super().__init__(space)
        if not isinstance(space, Binary):
            raise ValueError(
                f"an RBM needs binary data, but the space is {space}: load the data with binarize='dynamic'."
            )
        for name, value in (("hidden", hidden), ("chains", chains), ("gibbs_steps", gibbs_steps)):
            if value < 1:
                raise ValueError(f"{name} is {value}, but it must be at least 1.")
        d = space.dims
        self.gibbs_steps, self.burn_in, self.lr = gibbs_steps, burn_in, lr
        self.W = nn.Parameter(0.01 * torch.randn(d, hidden))
        self.b = nn.Parameter(torch.zeros(d))
        self.c = nn.Parameter(torch.zeros(hidden))
        self.register_buffer("persistent", (torch.rand(chains, d) < 0.5).to(self.W.dtype))
        if min(d, hidden) > EXACT_UNITS:
            self.remove(HasDensity)

    def stage(self, i: int, past: list) -> Stage | None:
        """One player whose chains advance before each move; biases begin at the data's."""
        pcd = Update("pcd", ("",), contrast, before=advance, optimizer=SGD(lr=self.lr))
        return Stage("train", [pcd], self.length, start=biases_from_data) if i == 0 else None

    def free_energy(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """F of equation (2) in nats, shape (B,)."""
        v = self.features(x).flatten(1)
        return -(v @ self.b) - F.softplus(self.c + v @ self.W).sum(1)

    def hidden_given_visible(self, v: Tensor) -> Tensor:
        """P(h = 1 | v), shape (B, hidden)."""
        return torch.sigmoid(self.c + v @ self.W)

    def visible_given_hidden(self, h: Tensor) -> Tensor:
        """P(v = 1 | h), shape (B, visible)."""
        return torch.sigmoid(self.b + h @ self.W.T)

    def log_z(self) -> Tensor:
        """log Z in nats, exact, summed over the states of the smaller layer in float64."""
        W, b, c = precise(self.W), precise(self.b), precise(self.c)
        if len(b) < len(c):
            W, b, c = W.T, c, b
        # now Z = sum over h of exp(c'h) prod_i (1 + exp(b_i + W_i h))
        total = W.new_full((), -torch.inf)
        for start in range(0, 2 ** len(c), STATES):
            h = binary_states(start, min(start + STATES, 2 ** len(c)), len(c)).to(W)
            values = h @ c + F.softplus(b + h @ W.T).sum(1)
            total = torch.logaddexp(total, values.logsumexp(0))
        return total

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """-F(x) - log Z in nats, shape (B,)."""
        return -precise(self.free_energy(x)) - self.log_z()

    def start_chain(self, rng: Rng) -> Tensor:
        """Fair coin flips, shape (B, visible)."""
        half = torch.full((1, self.space.dims), 0.5, dtype=self.dtype, device=self.device)
        return rng.bernoulli("start", half)

    def step(self, state: Tensor, rng: Rng) -> Tensor:
        """One block Gibbs sweep: h given v, v given h."""
        return sweep(self, state, rng, rng.rows)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """`burn_in` sweeps from coin flips, shape (B, *)."""
        v = self.start_chain(rng)
        for t in range(self.burn_in):
            v = self.step(v, rng.at(t))
        return v.unflatten(1, self.space.shape)


def binary_states(start: int, stop: int, n: int) -> Tensor:
    """The states number `start` to `stop` of n bits, shape (stop - start, n)."""
    numbers = torch.arange(start, stop).unsqueeze(1)
    return (numbers >> torch.arange(n)) & 1


def sweep(model: RBM, v: Tensor, rng: Rng, rows: range) -> Tensor:
    """h ~ p(h|v), v ~ p(v|h) for chains at the global positions `rows`."""
    h = rng.bernoulli("h", model.hidden_given_visible(v), rows=rows)
    return rng.bernoulli("v", model.visible_given_hidden(h), rows=rows)


def biases_from_data(model: RBM, source: Source, rng: Rng) -> None:
    """b = logit of the mean of each pixel, and chains from that law: W learns what is left."""
    p = moments.mean(model, source, rng).clamp(0.01, 0.99).to(model.b)
    model.b.copy_(torch.logit(p))
    rows = rng.shard("persistent", model.persistent)
    model.persistent.copy_(rng.bernoulli("chains", p.expand(len(rows), -1), rows=rows))


def advance(model: RBM, batch: Batch, rng: Rng) -> None:
    """Move the persistent chains."""
    v, rows = model.persistent, rng.shard("persistent", model.persistent)
    for t in range(model.gibbs_steps):
        v = sweep(model, v, rng.at(t), rows)
    model.persistent.copy_(v)


def contrast(model: RBM, batch: Batch, rng: Rng) -> Terms:
    """Equation (3): free energy of the data up, of the chains down, each per row."""
    data, chains = (
        model.free_energy(batch.x),
        model.free_energy(model.persistent.unflatten(1, model.space.shape)),
    )
    return Terms({"data": data, "chains": -chains})
