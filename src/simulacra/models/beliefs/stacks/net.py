"""Belief nets with a recognition net: the stacks p and q.

    p(x, h) = p(x|h_1) p(h_1|h_2) ... p(h_(L-1)|h_L) p(h_L)                                       (1)
    q(h|x) = q(h_1|x) q(h_2|h_1) ... q(h_L|h_(L-1))                                               (2)

The code of `encode` is the mean of the layer h_1 next to x under q.

Reference: Dayan, Hinton, Neal and Zemel 1995; Bornschein and Bengio 2015.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.bounds import HasRates
from simulacra.core.capabilities.general import Encodes
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.models.beliefs.stacks.conditional import Layer
from simulacra.models.beliefs.stacks.generative import RATE_DRAWS, Draws, Generative, check_stack
from simulacra.models.beliefs.stacks.layers import LAYERS, Kind


class Net(Generative, HasRates, Encodes):
    """Abstract base of belief nets with the stacks p and q of (1) and (2); subclasses choose the training.

    A condition c is a further context of every layer.

    Args:
        space: space of one observation.
        condition: space of the condition c of p(x | c); None for p(x).
        hidden: sizes of the layers h_1 (next to x) to h_L.
        layers: kind of the layers of p above x: `sbn` (independent units), `darn` or `nade`.
        recognition: kind of the layers of q.
        visible: kind of the layer of x: `sbn` takes the space's distribution with independent entries; `darn`
            and `nade` are for binary spaces without missing entries.

    Raises:
        ValueError: if a size is not positive, a kind unknown, or a kind does not fit the space.
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: tuple[int, ...] = (200,),
        layers: Kind = "sbn",
        recognition: Kind = "sbn",
        visible: Kind = "sbn",
    ):
        check_stack(space, hidden, {"recognition": recognition})
        super().__init__(space, condition, hidden, layers, visible)
        self.part_names = tuple(f"h{i + 1}" for i in range(len(hidden)))
        sizes = (math.prod(space.features_shape), *hidden)
        self.q = nn.ModuleList(LAYERS[recognition](a + self.context, b) for a, b in pairwise(sizes))

    @property
    def q_layers(self) -> list[Layer]:
        """The layers q(h_i|h_(i-1)) from h_1 to h_L."""
        return cast(list[Layer], list(self.q))

    def evidence(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Returns the features of x that q reads, with zeros where x is missing, shape (B, 1, n).

        Args:
            x: observations, shape (B, *).
            known: True where observed, shape (B, *); None for all.
        """
        f = self.features(x)
        if known is not None:
            f = torch.where(self.space.features_known(known), f, torch.zeros_like(f))
        return f.unsqueeze(1).flatten(1).unsqueeze(1)

    def recognize(self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None) -> Draws:
        """Draws h ~ q(h|x) k times for each row; log q is differentiable, h is not.

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            k: draws for each row.
            known: True where observed, shape (B, *); None for all.
        """
        return self.upward(self.evidence(x, known), c, rng, k)

    def upward(self, u: Tensor, c: Tensor | None, rng: Rng, k: int) -> Draws:
        """Draws h ~ q(h|x), a layer after another from x; log q is differentiable, h is not.

        Args:
            u: features of x, shape (B, 1, n) or, for an x of each draw, (B, k, n).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            k: draws for each row.
        """
        h: list[Tensor] = []
        log_q: list[Tensor] = []
        # (2)
        for i, layer in enumerate(self.q_layers):
            q = layer.given(self.beside(u, c))
            u = q.sample(rng, f"q{i + 1}", k)
            h.append(u)
            log_q.append(q.log_prob(u))
        return Draws(h, log_q)

    def log_q(
        self, h: Sequence[Tensor], x: Tensor, c: Tensor | None = None, known: Tensor | None = None
    ) -> Tensor:
        """Returns log q(h|x) of equation (2) in nats, shape (B, k).

        Args:
            h: the layers from h_1 to h_L, each of shape (B, k, m).
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            known: True where observed, shape (B, *); None for all.
        """
        below = [self.evidence(x, known), *h[:-1]]
        terms = [q.log_prob(a, self.beside(u, c)) for q, a, u in zip(self.q_layers, h, below)]
        return torch.stack(terms).sum(0)

    def log_weights(
        self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None
    ) -> Tensor:
        """Returns log p(x, h_j) - log q(h_j|x) of k draws h_j ~ q(h|x), in nats, shape (B, k).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            k: number of draws.
            known: True where observed, shape (B, *); None for all.
        """
        drawn = self.recognize(x, c, rng, k, known)
        return self.log_joint(x, drawn.h, c, known) - torch.stack(drawn.log_q).sum(0)

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns log p(x, h) - log q(h|x) with one h ~ q, in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            known: True where observed, shape (B, *); None for all.
        """
        return self.log_weights(x, c, rng, 1, known)[:, 0]

    def infer(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Returns the mean of q(h_1|x), shape (B, hidden[0]).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            known: True where observed, shape (B, *); None for all.
        """
        return self.q_layers[0].given(self.beside(self.evidence(x, known), c)).means.squeeze(1)

    def rates(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns estimates of E_q log q(h_i|h_(i-1)) - log p(h_i|h_(i+1)) of each layer, in nats, (B, L).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            known: True where observed, shape (B, *); None for all.
        """
        return self.rates_of(self.recognize(x, c, rng, RATE_DRAWS, known), c)
