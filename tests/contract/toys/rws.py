"""Reweighted wake-sleep for a sigmoid belief net: p(h) p(x|h) with a recognition net q(h|x).

    w_j ~ p(x, h_j) / q(h_j|x),  sum_j w_j = 1,   h_j ~ q(h|x)                 (1)
    wake:   theta descends -sum_j w_j log p(x, h_j)                            (2)
    sleep:  phi descends -log q(h|x),  (x, h) ~ p                              (3)

What strains the contract: two updates over disjoint parameters, the second on dreamt data.

Reference: Hinton et al. 1995; Bornschein and Bengio 2015.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import HasImportanceWeights, Samples
from simulacra.core.distributions.elementary import Bernoulli
from simulacra.core.model import Model
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary
from simulacra.core.updates import Update


class WakeSleep(Model, Samples, HasImportanceWeights):
    """A belief net with one hidden layer.

    Args:
        space: a binary space.
        hidden: units of h.
        k: importance samples of equation (1); k=1 is plain wake-sleep.
    """

    def __init__(self, space: Binary, hidden: int = 5, k: int = 4):
        super().__init__(space)
        self.k, self.hidden = k, hidden
        self.prior = nn.Parameter(torch.zeros(hidden))
        self.p = nn.Linear(hidden, space.dims)
        self.q = nn.Linear(space.dims, hidden)

    def updates(self) -> list[Update]:
        """Wake moves the generative net, sleep the recognition net."""
        adam = Adam(lr=0.1)
        return [
            Update("wake", ("prior", "p."), wake, optimizer=adam),
            Update("sleep", ("q.",), sleep, optimizer=adam),
        ]

    def log_joint(self, x: Tensor, h: Tensor) -> Tensor:
        """log p(x, h) in nats, shape (B, k)."""
        return Bernoulli(self.prior, 1).log_prob(h) + Bernoulli(self.p(h), 1).log_prob(x)

    def infer_many(self, x: Tensor, rng: Rng, k: int) -> tuple[Tensor, Tensor]:
        """h_j ~ q(h|x) of shape (B, k, hidden), and log q(h_j|x)."""
        q = Bernoulli(self.q(x).unsqueeze(1).expand(-1, k, -1), 1)
        h = rng.bernoulli("h", q.mean)
        return h, q.log_prob(h)

    def log_weights(self, x: Tensor, c: Tensor | None, rng: Rng, k: int) -> Tensor:
        """log p(x, h_j) - log q(h_j|x), shape (B, k)."""
        x = self.features(x).flatten(1)
        h, log_q = self.infer_many(x, rng, k)
        return self.log_joint(x.unsqueeze(1), h) - log_q

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """The log weight of one draw, shape (B,)."""
        return self.log_weights(x, c, rng, 1).squeeze(1)

    def dream(self, rng: Rng) -> tuple[Tensor, Tensor]:
        """(x, h) ~ p."""
        h = rng.bernoulli("h", torch.sigmoid(self.prior).expand(len(rng.rows), -1))
        return rng.bernoulli("x", torch.sigmoid(self.p(h))), h

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """x of a dream, shape (B, *)."""
        return self.dream(rng)[0].unflatten(1, self.space.shape)


def wake(model: WakeSleep, batch: Batch, rng: Rng) -> Terms:
    """Equation (2), per example."""
    x = model.features(batch.x).flatten(1)
    with torch.no_grad():
        h, log_q = model.infer_many(x, rng, model.k)
    log_p = model.log_joint(x.unsqueeze(1), h)
    # (1)
    w = (log_p.detach() - log_q).softmax(1)
    return Terms({"loss": -(w * log_p).sum(1)})


def sleep(model: WakeSleep, batch: Batch, rng: Rng) -> Terms:
    """Equation (3), per dream: one for each row."""
    with torch.no_grad():
        x, h = model.dream(rng)
    return Terms({"loss": -Bernoulli(model.q(x), 1).log_prob(h)})
