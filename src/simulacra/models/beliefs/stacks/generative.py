"""The directed net p of a belief net: layers of binary units above x.

    p(x, h) = p(x|h_1) p(h_1|h_2) ... p(h_(L-1)|h_L) p(h_L)                                       (1)

A code z that `decode` takes is the layer h_1 next to x; it gives E[x|h_1 = z].

Reference: Neal 1992; Saul, Jaakkola and Jordan 1996. Row B1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.general import HasPrior, Samples, TakesCondition, TakesMissing
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.random.resampling import kept
from simulacra.core.scores.likelihood import ENTRIES
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Space
from simulacra.core.updates import Initial, Source, Stage
from simulacra.models.beliefs.stacks.conditional import Layer
from simulacra.models.beliefs.stacks.layers import LAYERS, Kind
from simulacra.models.beliefs.stacks.visible import IndependentEntries, OrderedEntries, Visible

TABLES: Mapping[str, Any] = {"least_steps": 3000, "lr": 2e-3, "schedule": "cosine"}
PROPOSALS = 128  # draws of h from which a completion resamples one
RATE_DRAWS = 8  # draws of h over which a rate is averaged


@dataclass
class Draws:
    """Draws of h for each row, with their probabilities under q.

    Args:
        h: the layers from h_1 to h_L, each of shape (B, k, m).
        log_q: log q of each layer, in nats, each of shape (B, k).
    """

    h: list[Tensor]
    log_q: list[Tensor]


class Generative(Model, Samples, HasPrior, TakesCondition):
    """Abstract base of models whose p is the net (1); subclasses choose inference and training.

    A condition c is a further context of every layer.

    Args:
        space: space of one observation.
        condition: space of the condition c of p(x | c); None for p(x).
        hidden: sizes of the layers h_1 (next to x) to h_L.
        layers: kind of the layers of p above x: `sbn` (independent units), `darn` or `nade`.
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
        visible: Kind = "sbn",
    ):
        super().__init__(space, condition)
        check_stack(space, hidden, {"layers": layers, "visible": visible})
        self.hidden, self.code_size = tuple(hidden), hidden[0]
        c = self.context
        self.x_given = visible_layer(space, hidden[0] + c, visible)
        above = [LAYERS[layers](b + c, a) for a, b in pairwise(hidden)]
        self.p = nn.ModuleList([*above, LAYERS[layers](c, hidden[-1])])
        if condition is not None:
            self.remove(HasPrior)
        if visible != "sbn" and isinstance(self, TakesMissing):
            self.remove(TakesMissing)

    @property
    def context(self) -> int:
        """Number of features of the condition, which every layer reads."""
        return math.prod(self.condition.features_shape) if self.condition else 0

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
        return (
            Stage("train", self.updates(), self.length, start=Initial(start_at_marginals)) if i == 0 else None
        )

    @property
    def p_layers(self) -> list[Layer]:
        """The layers p(h_i|h_(i+1)) from h_1 to h_L."""
        return cast(list[Layer], list(self.p))

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

    def ancestors(self, rng: Rng, c: Tensor | None = None, name: str = "p", k: int = 1) -> list[Tensor]:
        """Draws h ~ p(h), a layer after another from the top; returns h_1 to h_L, each (B, k, m).

        Args:
            rng: source of random numbers, with one row for each draw.
            c: conditions, shape (B, *), or None.
            name: prefix of the names of the draws.
            k: draws for each row.
        """
        # one row serves all, so that an exported graph has any number of them
        u = torch.empty(1, 1, 0, dtype=self.dtype, device=self.device)
        h: list[Tensor] = []
        for i in range(len(self.hidden), 0, -1):
            u = self.p_layers[i - 1].draw(self.beside(u, c), rng, f"{name}{i}", k)
            h.insert(0, u)
        return h

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

    def rates_of(self, drawn: Draws, c: Tensor | None = None) -> Tensor:
        """Returns the mean of log q - log p(h_i|h_(i+1)) over draws, of each layer, in nats, shape (B, L).

        Args:
            drawn: draws of each row.
            c: conditions, shape (B, *), or None.
        """
        pairs = zip(drawn.log_q, self.log_p_layers(drawn.h, c))
        return torch.stack([(log_q - log_p).mean(1) for log_q, log_p in pairs], 1)

    def resampled(self, drawn: Draws, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None) -> Tensor:
        """Returns x with missing entries drawn given one of the draws of h, shape (B, *).

        The missing entries are drawn from p(.|h_1, x_known) for each h; one of them is kept with probability
        in proportion to its weight p(x_known, h) / q(h).

        Args:
            drawn: draws of each row.
            x: observations, shape (B, *).
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
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
    visible = kinds.get("visible", "sbn")
    if visible != "sbn" and not isinstance(space, Binary):
        other = build_with(visible="sbn")
        raise Refusal(f"visible is {visible!r}, but the space is {space}: take {other}.", other)


def start_at_marginals(model: Generative, source: Source, rng: Rng) -> None:
    """Sets the biases of the visible layer to the marginals of the data.

    Args:
        model: a belief net.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    model.x_given.start(model, source, rng)


def in_pieces(fill: Callable[..., Tensor], space: Space) -> Callable[..., Tensor]:
    """Returns a function that completes rows in pieces, whose `PROPOSALS` candidates a row fit into memory.

    Args:
        fill: function (x, known, rng, c) that completes rows.
        space: space of one observation.
    """
    size = max(1, ENTRIES // (space.dims * PROPOSALS))

    def pieces(x: Tensor, known: Tensor, rng: Rng, c: Tensor | None) -> Tensor:
        x = space.filled(x, known)
        parts = [slice(i, i + size) for i in range(0, len(x), size)]
        return torch.cat(
            [fill(x[i], known[i], rng.on(rng.rows[i]), None if c is None else c[i]) for i in parts]
        )

    return pieces
