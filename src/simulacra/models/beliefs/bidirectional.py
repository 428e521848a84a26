"""The bidirectional Helmholtz machine: the geometric mean of a directed net p and a recognition net q.

    p*(x, h) = sqrt(p(x, h) q(x, h)) / Z,   q(x, h) = q(h|x) p*(x)                                (1)
    p*(x) = p~(x) / Z^2,   p~(x) = (sum_h sqrt(p(x, h) q(h|x)))^2                                 (2)
    p~(x) = (E_q sqrt w)^2 <= p(x),   w = p(x, h) / q(h|x),   h ~ q(h|x)                          (3)
    log p*(x) >= log p~(x) >= E 2 log (1/k) sum_j sqrt(w_j),   h_j ~ q(h|x)                       (4)
    d log p~(x) = E sum_j v_j d log p(x, h_j) + (v_j - 1/k) d log q(h_j|x),   v_j ~ sqrt(w_j)     (5)
    Z^2 = E sqrt(q(h|x) / p(x, h)) sqrt(p(x, h') / q(h'|x)),   (x, h) ~ p,  h' ~ q(h|x)           (6)

Z is 1 if q(h|x) is the posterior of p, otherwise less (3). The bound (4) therefore holds for log p*(x) and
for log p(x); it is no mean of importance weights of p. The weights v_j sum to one; (5) is exact as k grows,
and the -1/k lowers its variance. Samples of p* are draws of p, resampled by the ratio in (6).

Reference: Bornschein, Shabanian, Fischer and Bengio, Bidirectional Helmholtz Machines, 2016. Row B7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import ClassVar

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.bounds import TightensBound, weight_blocks
from simulacra.core.capabilities.general import Completes
from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.gradients import normalized, with_value
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng
from simulacra.core.random.resampling import kept
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Update
from simulacra.models.beliefs.estimators.choice import ADAM
from simulacra.models.beliefs.stacks.generative import PROPOSALS, in_pieces
from simulacra.models.beliefs.stacks.layers import Kind
from simulacra.models.beliefs.stacks.net import Net

INNER = 4  # draws of h' for each candidate x in (6)
BLOCK = 1000  # draws of (6) that are computed at once


@dataclass(frozen=True)
class Proposals(Sampling):
    """Options of drawing by resampling.

    Args:
        proposals: draws of p from which one sample is chosen; None: as many as the model says.

    Raises:
        ValueError: if it is below 1.
    """

    proposals: int | None = None

    def __post_init__(self) -> None:
        if self.proposals is not None:
            check_proposals(self.proposals)


class BiHM(Net, TightensBound, Completes):
    """Bidirectional Helmholtz machine: the normalized geometric mean of p and q, equation (1).

    Args:
        space: space of one observation.
        condition: space of the condition c of p(x | c); None for p(x).
        hidden: sizes of the layers h_1 (next to x) to h_L.
        k: draws of h for each row and step.
        layers: kind of the layers of p above x: `sbn` (independent units), `darn` or `nade`.
        recognition: kind of the layers of q.
        visible: kind of the layer of x: `sbn` takes the space's distribution with independent entries; `darn`
            and `nade` are for binary spaces.
        proposals: draws of p from which one sample of p* is chosen; 1 draws from p.

    Raises:
        ValueError: if an option is out of range, or options do not fit the space.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> BiHM(Binary((6,)), hidden=(5, 3)).sample(4).shape
        torch.Size([4, 6])
    """

    bound_name: ClassVar[str] = "BiHM bound"
    drawing = Proposals

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: tuple[int, ...] = (200,),
        k: int = 10,
        layers: Kind = "sbn",
        recognition: Kind = "sbn",
        visible: Kind = "sbn",
        proposals: int = 16,
        *,
        seed: int = 0,
    ):
        super().__init__(space, condition, hidden, layers, recognition, visible)
        if k < 2:
            more = build_with(k=10)
            raise Refusal(f"k is {k}, but q learns from differences between draws: take {more}.", more)
        check_proposals(proposals)
        self.k, self.proposals = k, proposals

    def updates(self) -> list[Update]:
        """Returns the only update, which moves p and q by equation (5)."""
        return [Update("bound", ("",), partial(negative_bound, k=self.k), optimizer=ADAM)]

    def bound(self, x: Tensor, c: Tensor | None, rng: Rng, k: int) -> Tensor:
        """Returns 2 log (1/k) sum_j sqrt(w_j) of equation (4), in nats, float64, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            k: number of draws.
        """
        # (4)
        sums = (log_root_sum(log_w) for log_w in weight_blocks(self, x, c, rng, k))
        return 2 * (reduce(torch.logaddexp, sums) - math.log(k))

    @property
    def sampling(self) -> Sampling:
        """The model's own options of drawing, under which its samples are scored."""
        return Proposals(self.proposals)

    def draw(self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None) -> Tensor:
        """Draws from p* by resampling: one of `proposals` draws of p, shape (B, *).

        The draw is exact as proposals grow in number.

        Args:
            rng: source of random numbers, with one row for each sample.
            c: conditions, shape (B, *), or None.
            how: options of drawing; None: the model's own.
        """
        given = how.proposals if isinstance(how, Proposals) else None
        n = given or self.proposals
        h = self.ancestors(rng, c, k=n)
        x = self.x_given.draw(self.beside(h[0], c), rng)
        return x[:, 0] if n == 1 else kept(x, self.log_ratio(x, h, c, rng), rng)

    def log_ratio(self, x: Tensor, h: Sequence[Tensor], c: Tensor | None, rng: Rng) -> Tensor:
        """Returns the log of the ratio in (6), averaged over `INNER` draws h', in nats, shape (B, k).

        Its mean over (x, h) ~ p is Z^2, and p(x, h) times it has the marginal p~(x).

        Args:
            x: observations, shape (B, k, *).
            h: layers from h_1 to h_L of each of them, each of shape (B, k, m).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
        """
        # (6)
        return self.log_mean_root(x, c, rng) - self.log_w(x, h, c) / 2

    def log_w(self, x: Tensor, h: Sequence[Tensor], c: Tensor | None) -> Tensor:
        """Returns log p(x, h) - log q(h|x) of pairs, in nats, shape (B, k).

        Args:
            x: observations, shape (B, k, *).
            h: layers from h_1 to h_L of each of them, each of shape (B, k, m).
            c: conditions, shape (B, *), or None.
        """
        log_p, log_q = self.paired(x, h, c)
        return log_p - log_q

    def paired(self, x: Tensor, h: Sequence[Tensor], c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Returns log p(x, h) and log q(h|x) of pairs, in nats, each of shape (B, k).

        Args:
            x: observations, shape (B, k, *).
            h: layers from h_1 to h_L of each of them, each of shape (B, k, m).
            c: conditions, shape (B, *), or None.
        """
        # each pair is a row with one draw
        k = x.shape[1]
        rows, units = x.flatten(0, 1), [a.flatten(0, 1).unsqueeze(1) for a in h]
        of = None if c is None else c.repeat_interleave(k, 0)
        log_p, log_q = self.log_joint(rows, units, of), self.log_q(units, rows, of)
        return log_p.view(-1, k), log_q.view(-1, k)

    def log_mean_root(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Returns log (1/n) sum_j sqrt(w_j) over n = `INNER` draws h' ~ q(h|x), in nats, shape (B, k).

        Args:
            x: observations, shape (B, k, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
        """
        k = x.shape[1]
        u = self.evidence(x.flatten(0, 1)).squeeze(1).unflatten(0, (-1, k))
        roots = [self.log_w(x, self.upward(u, c, rng.at("inner", j), k).h, c) / 2 for j in range(INNER)]
        return torch.stack(roots).logsumexp(0) - math.log(INNER)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with missing entries drawn from p*(x_missing|x_known), by importance resampling.

        Each of `PROPOSALS` candidates is h ~ q(h|x_known), then x_missing ~ p(.|h_1, x_known) entry by entry,
        where q reads zeros for missing entries. One is kept with probability in proportion to
        sqrt(p(x, h) q(h|x) p~(x)) over the probability of the proposal. The draw is exact as candidates and
        `INNER` grow in number.

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        return in_pieces(self._fill, self.space)(x, known, rng, c)

    def _fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None) -> Tensor:
        drawn = self.recognize(x, c, rng, PROPOSALS, known)
        candidates, log_known = self.x_given.completed(x, known, self.beside(drawn.h[0], c), rng)
        log_p, log_q = self.paired(candidates, drawn.h, c)
        # p(x_missing|h_1, x_known) is p(x|h_1) over the terms of the known entries
        log_h = torch.stack(self.log_p_layers(drawn.h, c)).sum(0)
        proposal = torch.stack(drawn.log_q).sum(0) + (log_p - log_h) - log_known
        target = (log_p + log_q) / 2 + self.log_mean_root(candidates, c, rng)
        return kept(candidates, target - proposal, rng)


def check_proposals(proposals: int) -> None:
    """Raises ValueError if the number of proposals is below 1.

    Args:
        proposals: draws of p from which one sample is chosen.
    """
    if proposals < 1:
        some = build_with(proposals=16)
        raise Refusal(f"proposals is {proposals}, but a sample is one of 1 or more: take {some}.", some)


def negative_bound(model: BiHM, batch: Batch, rng: Rng, k: int) -> Terms:
    """Computes the negative of the bound (4) in nats, shape (B,), with the gradient of equation (5).

    Args:
        model: a bidirectional Helmholtz machine.
        batch: rows of data.
        rng: source of random numbers.
        k: draws of each row, two or more.
    """
    drawn = model.recognize(batch.x, batch.c, rng, k)
    log_q = torch.stack(drawn.log_q).sum(0)
    log_p = model.log_joint(batch.x, drawn.h, batch.c)
    log_w = (log_p - log_q).detach()
    v = normalized(log_w / 2)
    # (5)
    surrogate = (v * log_p + (v - 1 / k) * log_q).sum(1)
    return Terms({"bound": -with_value(surrogate, 2 * (log_root_sum(log_w) - math.log(k)))})


def log_root_sum(log_w: Tensor) -> Tensor:
    """Returns log sum_j sqrt(w_j), shape (B,).

    Args:
        log_w: log w_j in nats, shape (B, k).
    """
    return (log_w / 2).logsumexp(1)


@dataclass(frozen=True)
class Normalizer:
    """An estimate of Z^2 of equation (2), the sum of p~(x) over all x.

    Args:
        squared: Z^2, at most 1 but for sampling error.
        error: its standard error.
        draws: number of draws.
    """

    squared: float
    error: float
    draws: int

    @property
    def nats(self) -> float:
        """-2 log Z: log p*(x) is log p~(x) plus this."""
        return -math.log(self.squared)


@torch.no_grad()
def normalizer(model: BiHM, draws: int = 10_000, c: Tensor | None = None, seed: int = 0) -> Normalizer:
    """Estimates Z^2 by equation (6).

    Args:
        model: a bidirectional Helmholtz machine.
        draws: number of draws of p, two or more.
        c: the condition whose Z is estimated, shape (1, *), in the model's space; None: no condition.
        seed: seed of the draws.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> normalizer(BiHM(Binary((6,)), hidden=(5,)), draws=100).squared < 1.2
        True
    """
    ratios = []
    for first in range(0, draws, BLOCK):
        rng = Rng(seed, "normalizer", rows=range(first, min(first + BLOCK, draws)), device=model.device)
        given = None if c is None else c.expand(len(rng.rows), *c.shape[1:])
        h = model.ancestors(rng, given)
        # without a condition, one row of units may stand for all
        x = model.x_given.draw(model.beside(h[0], given), rng)
        ratios.append(to_float64(model.log_ratio(x, h, given, rng)).exp().flatten())
    ratio = torch.cat(ratios)
    return Normalizer(float(ratio.mean()), float(ratio.std()) / math.sqrt(draws), draws)
