"""An autoregressive model over the columns of a table of mixed kinds.

    log p(x) = sum_j log p(x_j | x_before j),     each conditional from a small network of its own     (1)
    p(x_j | .) = sum_k w_k N(m_k, s_k^2) on normal scores, or softmax over values or classes           (2)
    p(x) = (1/O) sum_o p(x | order o)                                                                  (3)

The likelihood of a number on normal scores is the mass of its cell (`core.spaces.numeric`), so that (1) is
the exact log probability of a mixed row. Missing columns are integrated out by importance sampling: columns
are drawn in order, with the known ones held fixed,

    E prod over known j of p(x_j | x_before j) = p(x_known)                                            (4)

The product is an importance weight, for bounds, completions, and training on incomplete rows, each completed
by a weighted draw (Monte Carlo EM, `tables.training`). Training begins at regressions (`tables.regressions`).

Reference: Uria et al. 2013 and 2014 (mixtures, ensembles of orders); rows H6, H12.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.ancestral import Adjusted, adjusted, allowed, ancestral
from simulacra.core.capabilities.general import (
    WEIGHED,
    Completes,
    HasConditionals,
    HasImportanceWeights,
    TakesCondition,
    TakesMissing,
)
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.distributions.column_heads import ColumnHeads, Conditionals, check_columns, columns_of
from simulacra.core.distributions.elementary import Distribution
from simulacra.core.distributions.heads import LikelihoodHead
from simulacra.core.model import Model
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.random.resampling import effective, kept, say_effective
from simulacra.core.scores.likelihood import ENTRIES
from simulacra.core.spaces.column_features import ColumnFeatures
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Epochs, Initial, Stage, Update
from simulacra.models.autoregressive.heads import check_any_order
from simulacra.models.autoregressive.tables.column_orders import (
    check_sizes,
    order_of,
    orderings,
    replay,
    usual_orders,
)
from simulacra.models.autoregressive.tables.regressions import NUMBERS, begin_at_regressions
from simulacra.models.autoregressive.tables.training import negative_log_likelihood
from simulacra.nets.columnwise import ColumnNets

BOUND = 64  # importance samples of the validation bound
WORK = 5e7  # largest number of multiplications of this bound per row; wide tables take fewer samples
COSINE: Mapping[str, Any] = {"lr": 3e-3, "schedule": "cosine", "clip": 5.0}
RECOMMENDED: Mapping[str, Any] = {"least_steps": 3000, **COSINE, "patience": 20}


class Tabular(Model, HasConditionals, HasImportanceWeights, Completes, TakesCondition, TakesMissing):
    """Autoregressive model over the columns of a table, with exact log p of mixed rows.

    Args:
        space: a table, or a vector of numbers or classes.
        condition: space of the condition c of p(x | c); None for p(x).
        hidden: sizes of the hidden layers of each column's network.
        mixtures: number of components of each number's distribution, equation (2).
        dropout: dropout rate of the hidden layers.
        order: names of columns in sampling order; the others follow in the table's order.
        orders: number O of orders whose densities are averaged, equation (3); those after the first are
            random. None takes three, or one if `order` is given or there are more than 64 columns.
        order_seed: seed of the random orders.
        candidates: number of weighted draws from which a completion resamples one.

    Raises:
        ValueError: if the space is neither a table nor a vector, a column has a kind without a likelihood
            here, a size is below 1, or `order` names a column twice or one that does not exist.

    Example:
        >>> from simulacra.core.spaces.classes import Categorical
        >>> from simulacra.core.spaces.composite import Table
        >>> from simulacra.core.spaces.plain import Real
        >>> model = Tabular(Table(age=Real(), sex=Categorical((), 2, ("f", "m"))), hidden=(8,))
        >>> model.log_prob([[30.0, 1.0]]).kind
        'exact'
    """

    drawing, entry_by_entry = Adjusted, True
    length = Epochs(20)
    orderings: Tensor

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: tuple[int, ...] = (64, 64),
        mixtures: int = 5,
        dropout: float = 0.1,
        order: tuple[str, ...] | None = None,
        orders: int | None = None,
        order_seed: int = 0,
        candidates: int = 128,
        *,
        seed: int = 0,
    ):
        super().__init__(space, condition)
        check_columns("Tabular", space)
        check_any_order("Tabular", space)
        orders = usual_orders(space, order) if orders is None else orders
        check_sizes(hidden, mixtures, orders, candidates)
        self.candidates, self.hidden = candidates, hidden
        self.columns = columns_of(space)
        self.heads = ColumnHeads(self.columns, mixtures)
        self.sight = ColumnFeatures(space, condition, self.columns)
        every = orderings(order_of(space, order), orders, order_seed)
        self.register_buffer("orderings", torch.tensor(every))
        outputs = self.heads.outputs
        seen, given = self.sight.seen, self.sight.given
        locations = [mixtures * isinstance(column, NUMBERS) for column in self.columns]
        make = partial(
            ColumnNets, seen, outputs, hidden=hidden, condition=given, dropout=dropout, locations=locations
        )
        self.nets = nn.ModuleList([make(order=o) for o in every])
        self.added = tuple(f"nets.{o}.regression" for o in range(orders))
        self.head = LikelihoodHead("columns", (max(outputs), space.dims), self._build)
        if orders > 1:
            self.remove(HasConditionals)

    # ---- training

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Recommended options: at least 3,000 steps, with early stopping on the validation rows."""
        return RECOMMENDED

    def updates(self) -> list[Update]:
        """Returns the only update: the networks of all orders minimize the negative log-likelihood."""
        return [Update("likelihood", ("",), negative_log_likelihood, optimizer=Adam(weight_decay=1e-4))]

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, in which columns start at their marginals, numbers at regressions.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        start = Initial(begin_at_regressions)
        return Stage("train", self.updates(), self.length, start=start) if i == 0 else None

    # ---- scores

    def log_density(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Computes log p(x|c) by equations (1) and (3) in nats, shape (B,).

        Args:
            x: rows, shape (B, columns).
            c: conditions of the rows, shape (B, *), or None.
            known: True where observed, shape (B, columns); None for all. The value is exact if these columns
                come first in every order, see `marginalizes`.
        """
        f, each = self.sight.of(x, c, self.dtype), []
        for net in self.nets:
            # (1)
            entries = self.heads.entries(net(f), x)
            each.append(
                (entries if known is None else entries.where(known, torch.zeros_like(entries))).sum(1)
            )
        # (3)
        return torch.stack(each, 1).logsumexp(1) - math.log(len(each))

    def marginalizes(self, known: Tensor) -> bool:
        """Returns True if the known columns come first in every order, so that the others drop out of (1)."""
        return all(bool(allowed(order, known).all()) for order in self.orderings)

    def log_weights(
        self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None
    ) -> Tensor:
        """Computes k importance weights of p(x_known) by equation (4), as logs in nats, shape (B, k).

        Args:
            x: rows, shape (B, columns).
            c: conditions of the rows, or None.
            rng: source of random numbers.
            k: number of importance samples.
            known: True where observed; None for all, where every weight is log p(x).
        """
        if known is None:
            return self.log_density(x, c).unsqueeze(1).expand(-1, k)
        rng = rng.per_row()
        each = [self.weighted(o, x, known, rng.at("order", o), k, c)[1] for o in range(len(self.nets))]
        return torch.stack(each).logsumexp(0) - math.log(len(each))

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns the log of the mean of up to `BOUND` weights, in nats, shape (B,).

        With a single weight the bound would favour independent columns: a column drawn before a known one
        could not use its value.

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            known: True where observed, shape (B, *); None for all.
        """
        # chosen per row, not per batch: a score must not depend on the batch size
        one = len(self.nets) * self.sight.width * len(self.columns) * self.hidden[0]
        k = min(BOUND, max(4, int(WORK // one)))
        return self.log_weights(x, c, rng, k, known).logsumexp(1) - math.log(k)

    # ---- sampling

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Samples rows column by column, each in one of the orders, shape (B, columns).

        Args:
            rng: source of random numbers, which has the number of rows.
            c: condition, or None.
            how: options of drawing; None: the model's own.
            watch: called after each column with the number of columns drawn, their total, x so far and True
                for the columns that are drawn; None: never.
        """
        if len(self.nets) == 1:
            return ancestral(self, rng, c, watch=watch, how=how)
        nothing = torch.zeros(len(rng.rows), self.space.dims, dtype=self.dtype, device=self.device)
        each = [
            self.weighted(o, nothing, nothing.bool(), rng.at("order", o), 1, c, how)[0][:, 0]
            for o in range(len(self.nets))
        ]
        which = (rng.uniform("order") * len(each)).long().clamp_max(len(each) - 1).to(self.device)
        x = torch.stack(each, 1)[torch.arange(len(which), device=self.device), which]
        if watch is not None:
            replay(x, self.orderings[which], watch)
        return x

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with missing columns drawn given the known ones, shape (B, columns).

        One of `candidates` draws is resampled by its weight (4). If the known columns come first in a single
        order, one draw is exact.

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        k = 1 if len(self.nets) == 1 and self.marginalizes(known) else self.candidates
        size = max(1, 8 * ENTRIES // (k * self.sight.width))
        found, numbers = [], []
        for i in range(0, len(x), size):
            rows = slice(i, i + size)
            given = None if c is None else c[rows]
            filled, log_w = self._completed(x[rows], known[rows], rng.on(rng.rows[rows]), k, given)
            found.append(filled)
            numbers.append(effective(log_w))
        say_effective(torch.cat(numbers), log_w.shape[1])
        return torch.cat(found)

    def weighted_fills(
        self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None, k: int, method: str | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns candidates of all orders with their weights (4), shapes (B, n, columns) and (B, n).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
            k: number of draws that they replace; n is `WEIGHED` k, or that of a completion if it is larger.
            method: not used.
        """
        return self._candidates(x, known, rng.per_row(), max(WEIGHED * k, self.candidates), c)

    def _candidates(
        self, x: Tensor, known: Tensor, rng: Rng, k: int, c: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        n = max(1, k // len(self.nets))
        each = [self.weighted(o, x, known, rng.at("order", o), n, c) for o in range(len(self.nets))]
        return torch.cat([x for x, _ in each], 1), torch.cat([log_w for _, log_w in each], 1)

    def _completed(
        self, x: Tensor, known: Tensor, rng: Rng, k: int, c: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Returns a completion of each row, and the log-weights of all candidates, shape (B, candidates)."""
        candidates, log_w = self._candidates(x, known, rng := rng.per_row(), k, c)
        chosen = kept(candidates, log_w, rng)
        if len(self.nets) == 1:
            # take the first of equal candidates, so that a row does not depend on missing entries of others
            exact = allowed(self.orderings[0], known).unsqueeze(1)
            chosen = torch.where(exact, candidates[:, 0], chosen)
        return torch.where(known, x.to(candidates.dtype), chosen), log_w

    def weighted(
        self,
        o: int,
        x: Tensor,
        known: Tensor,
        rng: Rng,
        k: int,
        c: Tensor | None,
        how: Sampling | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Draws rows in order o with the known columns held fixed.

        Args:
            o: index of the order.
            x: rows, shape (B, columns); missing entries may have any value.
            known: True where observed, shape (B, columns).
            rng: source of random numbers, per row.
            k: number of draws of each row.
            c: conditions of the rows, or None.
            how: options of drawing the missing columns; None: the model's own.

        Returns:
            Completed rows, shape (B, k, columns), and log-weights (4) in nats, shape (B, k).
        """
        net = self.nets[o]
        assert isinstance(net, ColumnNets)
        x = self.space.filled(x, known)
        f = self.sight.of(x, c, self.dtype)[:, net.arrangement].unsqueeze(1).repeat(1, k, 1)
        drawn = x.to(self.dtype).unsqueeze(1).repeat(1, k, 1)
        log_w = drawn.new_zeros(len(x), k)
        for j in self.orderings[o].tolist():
            p = self.heads.heads[j].build(net.arranged(f, j))
            there = known[:, j : j + 1]
            if bool(there.any()):
                log_w = log_w + torch.where(there, p.entries(drawn[..., j]), torch.zeros_like(log_w))
            if not bool(there.all()):
                value = self.heads.finite(adjusted(p, how).sample(rng, f"column-{j}").to(self.dtype), j)
                drawn[..., j] = torch.where(there, drawn[..., j], value)
                shown, start = self.sight.column(j, drawn[..., j], self.dtype), net.sees[j]
                f[..., start : start + shown.shape[-1]] = shown
        return drawn, log_w

    # ---- conditionals, in the single order

    @property
    def order(self) -> Tensor:
        """Indices of the columns in sampling order, shape (columns,)."""
        return self.orderings[0]

    def head_at(self, t: int) -> LikelihoodHead:
        """Returns the likelihood head of the t-th column of the order."""
        return self.heads.heads[int(self.order[t])]

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the distribution parameters of each column given the preceding ones, shape (B, P, columns).

        P is the largest number of parameters; columns with fewer leave the rest unused.

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        return self.nets[0](self.sight.of(x, c, self.dtype)).mT

    def begin(self, n: int, c: Tensor | None = None) -> Tensor:
        """Returns the sampling state of n rows without known columns: their features, shape (n, F).

        Args:
            n: number of rows.
            c: conditions, shape (n, *), or None.
        """
        f = torch.zeros(n, sum(self.sight.seen), dtype=self.dtype, device=self.device)
        return self.sight.beside(f, c)

    def next_parameters(self, state: Tensor, t: int) -> Tensor:
        """Returns the distribution parameters of the t-th column of the order, shape (n, P).

        Args:
            state: state before the entry.
            t: position of the entry in the order, from 0.
        """
        return cast(ColumnNets, self.nets[0]).column(state, int(self.order[t]))

    def advance(self, state: Tensor, t: int, value: Tensor) -> Tensor:
        """Returns the state (n, F) with the features of a value (n,) of the t-th column of the order.

        Args:
            state: state before the entry.
            t: position of the entry in the order, from 0.
            value: values of the entry, shape (B,).
        """
        j = int(self.order[t])
        at, seen = self.sight.at(j), self.sight.column(j, value, self.dtype)
        return torch.cat([state[:, : at.start], seen, state[:, at.stop :]], 1)

    def _build(self, p: Tensor) -> Distribution:
        return Conditionals(p.mT, self.heads)
