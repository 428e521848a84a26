"""Belief nets: layers of binary units above x, with a recognition net.

    p(x, h) = p(x|h_1) p(h_1|h_2) ... p(h_(L-1)|h_L) p(h_L)                                       (1)
    q(h|x) = q(h_1|x) q(h_2|h_1) ... q(h_L|h_(L-1))                                               (2)
    log p(x) >= E_q log p(x, h) - log q(h|x),   w_j = p(x, h_j) / q(h_j|x),  h_j ~ q(h|x)         (3)

The code of `encode` and `decode` is the layer h_1 next to x: its mean under q, and E[x|h_1].

Reference: Neal 1992; Saul, Jaakkola and Jordan 1996; Bornschein and Bengio 2015 (equation 3). Row B1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.bounds import HasRates
from simulacra.core.capabilities.general import (
    Completes,
    Encodes,
    HasImportanceWeights,
    HasPrior,
    Samples,
    TakesCondition,
    TakesMissing,
)
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.random.resampling import kept
from simulacra.core.scores.likelihood import ENTRIES
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Space
from simulacra.core.updates import Source, Stage
from simulacra.models.beliefs.layers import LAYERS, Kind, Layer
from simulacra.models.beliefs.visible import IndependentEntries, OrderedEntries, Visible

TABLES: Mapping[str, Any] = {"least_steps": 3000, "lr": 2e-3, "schedule": "cosine"}
PROPOSALS = 128  # draws of h from which a completion resamples one
RATE_DRAWS = 8  # draws of h over which a rate is averaged


@dataclass
class Draws:
    """Draws h ~ q(h|x) of each row.

    Args:
        h: the layers from h_1 to h_L, each of shape (B, k, m).
        log_q: log q of each layer given the layer below, in nats, each of shape (B, k).
    """

    h: list[Tensor]
    log_q: list[Tensor]


class Net(
    Model, Samples, HasImportanceWeights, HasRates, Encodes, HasPrior, Completes, TakesCondition, TakesMissing
):
    """Abstract base of belief nets: the stacks p and q of (1) and (2); subclasses choose the training.

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
        super().__init__(space, condition)
        check_stack(space, hidden, {"layers": layers, "recognition": recognition, "visible": visible})
        self.hidden, self.code_size = tuple(hidden), hidden[0]
        self.part_names = tuple(f"h{i + 1}" for i in range(len(hidden)))
        c = math.prod(condition.features_shape) if condition else 0
        self.x_given = visible_layer(space, hidden[0] + c, visible)
        above = [LAYERS[layers](b + c, a) for a, b in pairwise(hidden)]
        self.p = nn.ModuleList([*above, LAYERS[layers](c, hidden[-1])])
        sizes = (math.prod(space.features_shape), *hidden)
        self.q = nn.ModuleList(LAYERS[recognition](a + c, b) for a, b in pairwise(sizes))
        if visible != "sbn":
            self.remove(TakesMissing)
        if condition is not None:
            self.remove(HasPrior)

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Recommended options for tables: at least 3,000 steps, and a rate decaying from 0.002."""
        return TABLES if isinstance(self.space, Table) else {}

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, whose start sets the biases of x to the marginals of the data.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("train", self.updates(), self.length, start=start_at_marginals) if i == 0 else None

    # ---- the stacks

    @property
    def p_layers(self) -> list[Layer]:
        """The layers p(h_i|h_(i+1)) from h_1 to h_L."""
        return cast(list[Layer], list(self.p))

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

    def beside(self, u: Tensor, c: Tensor | None) -> Tensor:
        """Returns the context u with the features of the condition appended, shape (B, k, n).

        Args:
            u: units or features, shape (B, k, m).
            c: conditions, shape (B, *), or None.
        """
        if self.condition is None or c is None:
            return u
        f = self.condition.vectors(c, self.dtype).unsqueeze(1)
        return torch.cat([u.expand(f.shape[0], -1, -1), f.expand(-1, u.shape[1], -1)], -1)

    def recognize(self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None) -> Draws:
        """Draws h ~ q(h|x) k times for each row; log q is differentiable, h is not.

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            k: draws for each row.
            known: True where observed, shape (B, *); None for all.
        """
        u = self.evidence(x, known)
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

    def log_p_layers(self, h: Sequence[Tensor], c: Tensor | None = None) -> list[Tensor]:
        """Returns log p(h_i|h_(i+1)) of each layer from h_1 to h_L in nats, each of shape (B, k).

        Args:
            h: the layers from h_1 to h_L, each of shape (B, k, m).
            c: conditions, shape (B, *), or None.
        """
        above = [*h[1:], h[-1][:, :1, :0]]
        return [p.log_prob(a, self.beside(u, c)) for p, a, u in zip(self.p_layers, h, above)]

    def log_joint(
        self, x: Tensor, h: Sequence[Tensor], c: Tensor | None = None, known: Tensor | None = None
    ) -> Tensor:
        """Returns log p(x, h) of equation (1) in nats, shape (B, k).

        Args:
            x: observations, shape (B, *).
            h: the layers from h_1 to h_L, each of shape (B, k, m).
            c: conditions, shape (B, *), or None.
            known: True where observed, shape (B, *): p(x|h_1) is then that of these entries. None for all.
        """
        # (1)
        log_x = self.x_given.log_prob(x, self.beside(h[0], c), known)
        return torch.stack([log_x, *self.log_p_layers(h, c)]).sum(0)

    def ancestors(self, rng: Rng, c: Tensor | None = None, name: str = "p") -> list[Tensor]:
        """Draws h ~ p(h), a layer after another from the top; returns h_1 to h_L, each (B, 1, m).

        Args:
            rng: source of random numbers, with one row for each draw.
            c: conditions, shape (B, *), or None.
            name: prefix of the names of the draws.
        """
        # one row serves all, so that an exported graph has any number of them
        u = torch.empty(1, 1, 0, dtype=self.dtype, device=self.device)
        h: list[Tensor] = []
        for i in range(len(self.hidden), 0, -1):
            u = self.p_layers[i - 1].draw(self.beside(u, c), rng, f"{name}{i}")
            h.insert(0, u)
        return h

    # ---- capabilities

    def log_weights(
        self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None
    ) -> Tensor:
        """Returns log p(x, h_j) - log q(h_j|x) of equation (3) of k draws, in nats, shape (B, k).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            k: number of importance samples.
            known: True where observed, shape (B, *); None for all.
        """
        drawn = self.recognize(x, c, rng, k, known)
        # (3)
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

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns E[x|h_1 = z], shape (B, *).

        Args:
            z: values of h_1, or means of them, shape (B, hidden[0]).
            c: conditions, shape (B, *), or None.
        """
        return self.x_given.mean(self.beside(z.unsqueeze(1), c).squeeze(1))

    def prior(self, rng: Rng, name: str = "z") -> Tensor:
        """Draws h_1 ~ p(h_1), shape (B, hidden[0]).

        Args:
            rng: source of random numbers, with one row for each draw.
            name: prefix of the names of the draws.
        """
        return self.ancestors(rng, None, name)[0].squeeze(1)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Draws h from the top, then x ~ p(x|h_1), shape (B, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: conditions, shape (B, *), or None.
        """
        h = self.ancestors(rng, c)
        return self.x_given.draw(self.beside(h[0], c), rng).squeeze(1)

    def rates(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns estimates of E_q log q(h_i|h_(i-1)) - log p(h_i|h_(i+1)) of each layer, in nats, (B, L).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            known: True where observed, shape (B, *); None for all.
        """
        drawn = self.recognize(x, c, rng, RATE_DRAWS, known)
        pairs = zip(drawn.log_q, self.log_p_layers(drawn.h, c))
        return torch.stack([(log_q - log_p).mean(1) for log_q, log_p in pairs], 1)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with missing entries drawn from p(x_missing|x_known), by importance resampling.

        Each of `PROPOSALS` candidates is h ~ q(h|x_known), then x_missing ~ p(.|h_1, x_known) entry by entry.
        One is kept with probability in proportion to its weight, the terms of the known entries times
        p(h) / q(h|x_known). The draw is exact as the number of candidates grows.

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        x, size = self.space.filled(x, known), max(1, ENTRIES // (self.space.dims * PROPOSALS))
        pieces = [slice(i, i + size) for i in range(0, len(x), size)]
        done = [self._fill(x[i], known[i], rng.on(rng.rows[i]), None if c is None else c[i]) for i in pieces]
        return torch.cat(done)

    def _fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None) -> Tensor:
        drawn = self.recognize(x, c, rng, PROPOSALS, known)
        candidates, log_x = self.x_given.completed(x, known, self.beside(drawn.h[0], c), rng)
        log_p = torch.stack(self.log_p_layers(drawn.h, c)).sum(0)
        return kept(candidates, log_x + log_p - torch.stack(drawn.log_q).sum(0), rng)


def visible_layer(space: Space, context: int, kind: Kind) -> Visible:
    """Returns the layer p(x|u) of a kind.

    Args:
        space: space of one observation.
        context: number of the context's entries.
        kind: `sbn`, `darn` or `nade`.
    """
    return IndependentEntries(space, context) if kind == "sbn" else OrderedEntries(space, context, kind)


def check_stack(space: Space, hidden: tuple[int, ...], kinds: Mapping[str, str]) -> None:
    """Raises ValueError if a size is not positive, a kind is unknown, or a kind does not fit the space.

    Args:
        space: space of one observation.
        hidden: sizes of the layers.
        kinds: kind of layer for each option.
    """
    if not hidden or min(hidden) < 1:
        raise ValueError(f"hidden is {hidden}, but a belief net needs one layer or more, such as (200,).")
    for name, kind in kinds.items():
        if kind not in LAYERS:
            raise ValueError(f"{name} is {kind!r}, but layers are {', '.join(map(repr, LAYERS))}.")
    if kinds["visible"] != "sbn" and not isinstance(space, Binary):
        other = build_with(visible="sbn")
        raise Refusal(f"visible is {kinds['visible']!r}, but the space is {space}: take {other}.", other)


def start_at_marginals(model: Net, source: Source, rng: Rng) -> None:
    """Sets the biases of the visible layer to the marginals of the data.

    Args:
        model: a belief net.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    model.x_given.start(model, source, rng)
