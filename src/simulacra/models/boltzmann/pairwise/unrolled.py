"""A pairwise Markov random field whose approximate inference is trained end to end.

    p(x) = exp(sum_i b_i x_i + sum_(i~j) w_ij x_i x_j) / Z                     (1)

over the edges i~j of a chain or a grid. Given some entries, T rounds of inference approximate the marginals
of the others. Belief propagation sends messages, as log-odds, along each edge in both directions:

    m_(i->j) = log (1 + exp(n + w_ij)) / (1 + exp(n)),   n = b_i + sum_(k~i, k != j) m_(k->i)     (2)
    q_i = sigmoid(b_i + sum_(k~i) m_(k->i))                                    (3)

and m_(i->j) = w_ij x_i from an entry that is given. On a chain q is exact once T reaches the number of its
edges. Mean field iterates q_i = sigmoid(b_i + sum_(j~i) w_ij q_j), even sites then odd ones. Training does
not maximize the likelihood; it backpropagates the prediction loss through the T rounds,

    -sum_(i in S) log q_i(x_i),   q given the entries not in S                 (4)

for a random set S of each row, so that the parameters compensate for the approximation.

Reference: Stoyanov, Ropson and Eisner 2011; Brakel, Stroobandt and Schrauwen 2013. Row A12.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import Completes
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Source, Stage, Update
from simulacra.models.boltzmann.machine.biases import log_odds
from simulacra.models.boltzmann.machine.learning import check_at_least
from simulacra.models.boltzmann.pairwise.sitewise import Sitewise

Edges = Literal["chain", "grid"]
Inference = Literal["bp", "mean-field"]


class UnrolledMRF(Sitewise, Completes):
    """Pairwise Markov random field over binary data, trained to predict any entries from the others.

    Its density is exact with at most 20 entries. Completions draw each missing entry independently from its
    marginal after T rounds of inference.

    Args:
        space: a `Binary` space.
        edges: `grid` connects each pixel with its four neighbours; `chain` connects consecutive entries.
        steps: number T of rounds of inference.
        inference: `bp` or `mean-field`.
        predicted: probability that an entry belongs to S.
        burn_in: Gibbs sweeps for a sample, starting from independent units.

    Raises:
        ValueError: if the space is not binary, has no such edges, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = UnrolledMRF(Binary((1, 3, 4)), steps=5)
        >>> len(model.w), model.marginals(torch.zeros(2, 12), torch.zeros(2, 12, dtype=torch.bool)).shape
        (17, torch.Size([2, 12]))
    """

    tail: Tensor
    head: Tensor

    def __init__(
        self,
        space: Space,
        edges: str = "grid",
        steps: int = 10,
        inference: str = "bp",
        predicted: float = 0.5,
        burn_in: int = 200,
        *,
        seed: int = 0,
    ):
        check_at_least(1, steps=steps)
        check_options(edges, inference, predicted)
        super().__init__("a pairwise field", space, 0, burn_in)
        pairs = pairs_of(space, edges)
        self.steps, self.inference, self.predicted = steps, inference, predicted
        self.b = nn.Parameter(torch.zeros(space.dims))
        self.w = nn.Parameter(0.01 * torch.randn(len(pairs)))
        # all edges in one direction, then all in the other
        i, j = torch.tensor(pairs).T
        self.register_buffer("tail", torch.cat([i, j]), persistent=False)
        self.register_buffer("head", torch.cat([j, i]), persistent=False)
        self.even, self.odd = coloured(space.dims, pairs)

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the only stage, which initializes the biases from the data.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        update = Update("predict", ("",), predict)
        return Stage("train", [update], self.length, start=Initial(begin)) if i == 0 else None

    # ---- the field

    def score(self, x: Tensor) -> Tensor:
        """Computes log p of (1) without log Z in nats, shape (B,)."""
        n = len(self.w)
        # (1)
        return x @ self.b + (x[:, self.tail[:n]] * x[:, self.head[:n]]) @ self.w

    def differences(self, x: Tensor, sites: list[int]) -> Tensor:
        """Returns b_i + sum_j w_ij x_j at some sites, shape (B, len(sites)).

        Args:
            x: all units, shape (B, sites).
            sites: indices of the sites.
        """
        return (self.b + self._arriving(self._both() * x[:, self.tail]))[:, sites]

    @property
    def groups(self) -> list[list[int]]:
        """Two groups of sites such that neighbours are in different groups."""
        return [self.even, self.odd]

    def _both(self) -> Tensor:
        """Returns w for both directions of each edge, shape (2 edges,)."""
        return torch.cat([self.w, self.w])

    def _arriving(self, along: Tensor) -> Tensor:
        """Sums values of directed edges at the sites they lead to, shape (B, sites)."""
        return along.new_zeros(along.shape[0], self.sites).index_add(1, self.head, along)

    # ---- inference

    def fields(self, v: Tensor, known: Tensor) -> Tensor:
        """Computes the log-odds of the marginals after T rounds, differentiable, shape (B, sites).

        Args:
            v: entries, shape (B, sites); unknown ones may have any value.
            known: True for given entries, shape (B, sites).
        """
        return self._propagated(v, known) if self.inference == "bp" else self._mean_field(v, known)

    def _propagated(self, v: Tensor, known: Tensor) -> Tensor:
        w, n = self._both(), len(self.w)
        given, sure = w * v[:, self.tail], known[:, self.tail]
        m = torch.zeros_like(given)
        for _ in range(self.steps):
            there = (self.b + self._arriving(m))[:, self.tail]
            # (2): without the message in the opposite direction of the edge
            rest = there - torch.cat([m[:, n:], m[:, :n]], 1)
            m = torch.where(sure, given, F.softplus(rest + w) - F.softplus(rest))
        # (3)
        return self.b + self._arriving(m)

    def _mean_field(self, v: Tensor, known: Tensor) -> Tensor:
        w = self._both()
        field = self.b.expand(v.shape[0], -1)
        for _ in range(self.steps):
            for sites in self.groups:
                q = torch.where(known, v, torch.sigmoid(field))
                whole = self.b + self._arriving(w * q[:, self.tail])
                field = field.index_copy(1, torch.tensor(sites, device=v.device), whole[:, sites])
        return field

    def marginals(self, x: Tensor, known: Tensor) -> Tensor:
        """Returns the marginals q given the known entries, with these at their values, shape (B, sites).

        Args:
            x: observations, shape (B, *).
            known: True where known, shape (B, *).
        """
        v, there = self.visible(x), known.reshape(x.shape[0], -1)
        return torch.where(there, v, torch.sigmoid(self.fields(v, there)))

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with each missing entry drawn independently from its marginal, shape (B, *).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: not used.
        """
        q = self.marginals(self.space.filled(x, known), known)
        return self.observed(rng.bernoulli("x", q))


def predict(model: UnrolledMRF, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (4) in nats, shape (B,), for a random set S of each row."""
    v = model.visible(batch.x)
    asked = rng.bernoulli("ask", torch.full_like(v, model.predicted)).bool()
    # (4), from log-odds, because logs of the marginals may be infinite
    nats = F.binary_cross_entropy_with_logits(model.fields(v, ~asked), v, reduction="none")
    return Terms({"entries": (nats * asked).sum(1)})


def begin(model: UnrolledMRF, source: Source, rng: Rng) -> None:
    """Initializes the biases, and `base` for annealing, from the data.

    Args:
        model: the field.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    model.b.copy_(log_odds(model, source, rng))
    model.base.copy_(model.b)


def pairs_of(space: Space, edges: str) -> list[tuple[int, int]]:
    """Returns the edges as pairs of indices of flattened entries.

    Args:
        space: space of the data.
        edges: `chain` or `grid`.

    Raises:
        ValueError: if a grid has no images of one channel, or there is a single entry only.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> pairs_of(Binary((2, 2)), "grid")
        [(0, 1), (2, 3), (0, 2), (1, 3)]
    """
    if edges == "chain":
        found = list(pairwise(range(space.dims)))
    else:
        shape = (1, *space.shape) if len(space.shape) == 2 else space.shape
        if len(shape) != 3 or shape[0] != 1:
            chain = build_with(edges="chain")
            raise Refusal(
                f"edges is 'grid', but the space is {space}: a grid needs images of one channel; take "
                f"{chain}.",
                chain,
            )
        _, height, width = shape
        rows = [range(r * width, (r + 1) * width) for r in range(height)]
        found = [pair for row in rows for pair in pairwise(row)]
        found += [pair for above, below in pairwise(rows) for pair in zip(above, below)]
    if not found:
        raise ValueError(f"the space is {space}, but a pairwise field needs at least two entries.")
    return found


def coloured(n: int, pairs: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Splits the sites of a bipartite graph into two groups such that neighbours are in different groups.

    Args:
        n: number of sites.
        pairs: edges in the order of `pairs_of`; the last edge that leads to a site determines its group.
    """
    colour = [0] * n
    for i, j in pairs:
        colour[j] = 1 - colour[i]
    return [i for i in range(n) if not colour[i]], [i for i in range(n) if colour[i]]


def check_options(edges: str, inference: str, predicted: float) -> None:
    """Raises ValueError if an option of the pairwise field is not possible.

    Args:
        edges: `chain` or `grid`.
        inference: `bp` or `mean-field`.
        predicted: probability in (0, 1].
    """
    for name, value, choices in (("edges", edges, Edges), ("inference", inference, Inference)):
        if value not in get_args(choices):
            raise ValueError(f"{name} is {value!r}; choose from {', '.join(get_args(choices))}.")
    if not 0 < predicted <= 1:
        raise ValueError(f"predicted is {predicted}, but a share to predict lies above 0 and up to 1.")
