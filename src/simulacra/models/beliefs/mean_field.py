"""A small sigmoid belief net without a recognition net: the bound of mean field theory.

    log p(x) >= L(theta; m, xi),   m and xi after a fixed number of sweeps                        (1)

m are the means of independent hidden units, xi a parameter of each unit that has parents; the equations are
in `coordinate_ascent`. The bound is a function of x without noise. Training ascends it in theta at fixed m
and xi. A sweep costs about d n exponentials for each pair of layers of d and n units, and moves the n units
one after another: the bound is for small nets.

Reference: Saul, Jaakkola and Jordan, Mean Field Theory for Sigmoid Belief Networks, 1996. Row B3.
"""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.bounds import HasBound, HasRates
from simulacra.core.capabilities.general import Completes, Encodes, TakesMissing
from simulacra.core.errors.other_data import of_discrete
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.likelihood import ENTRIES
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.plain import Binary, Space
from simulacra.core.updates import Update
from simulacra.models.beliefs.coordinate_ascent import Factors, Level, Stack, ascended, bound
from simulacra.models.beliefs.estimators.choice import ADAM
from simulacra.models.beliefs.stacks.generative import PROPOSALS, RATE_DRAWS, Draws, Generative, in_pieces
from simulacra.models.beliefs.stacks.independent import Independent
from simulacra.models.beliefs.stacks.visible import IndependentEntries


class MeanFieldSBN(Generative, HasBound, HasRates, Encodes, Completes, TakesMissing):
    """Sigmoid belief net of binary data with the mean-field bound of Saul, Jaakkola and Jordan.

    Args:
        space: binary space of one observation.
        condition: space of the condition c of p(x | c); None for p(x).
        hidden: sizes of the layers h_1 (next to x) to h_L.
        steps: sweeps of the ascent in m and xi, the same for every row.

    Raises:
        ValueError: if the space is not binary, or a size or `steps` is not positive.

    Example:
        >>> model = MeanFieldSBN(Binary((6,)), hidden=(5, 3))
        >>> model.log_prob(torch.ones(2, 6)).kind
        'lower'
    """

    elbo_name: ClassVar[str] = "mean-field bound of Saul et al."

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: tuple[int, ...] = (10,),
        steps: int = 10,
        *,
        seed: int = 0,
    ):
        if not isinstance(space, Binary):
            frames = isinstance(space, Sequence)
            mend = of_discrete(space) if frames else "a BeliefNet takes such data"
            raise ValueError(f"the mean-field bound needs binary data, but the space is {space}: {mend}.")
        super().__init__(space, condition, hidden)
        if steps < 1:
            more = build_with(steps=10)
            raise Refusal(f"steps is {steps}, but the bound needs one sweep or more: take {more}.", more)
        self.steps = steps
        self.part_names = tuple(f"h{i + 1}" for i in range(len(hidden)))

    def updates(self) -> list[Update]:
        """Returns the only update, which ascends the bound (1) in theta."""
        return [Update("bound", ("",), negative_bound, optimizer=ADAM)]

    @property
    def weights(self) -> list[Tensor]:
        """Weights of x, h_1, ..., h_(L-1), which read the layer above and the condition, each (m, n)."""
        visible = cast(IndependentEntries, self.x_given)
        return cast(list[Tensor], [visible.shift.U, *(p.shift.U for p in self.p_layers[:-1])])

    @property
    def biases(self) -> list[Tensor]:
        """Biases of x, h_1, ..., h_(L-1), each of shape (m,)."""
        visible = cast(IndependentEntries, self.x_given)
        return cast(list[Tensor], [visible.shift.b, *(p.shift.b for p in self.p_layers[:-1])])

    def stack(self, x: Tensor, c: Tensor | None, known: Tensor | None = None) -> Stack:
        """Returns biases and weights of all layers at given observations; conditions shift the biases.

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            known: True where observed, shape (B, *); None for all.
        """
        there = torch.ones_like(x, dtype=torch.bool) if known is None else known
        f = torch.where(there, self.features(x), torch.zeros((), dtype=self.dtype, device=x.device))
        of_c = self.beside(f.new_zeros(1, 1, 0), c).squeeze(1)
        seen = [there.unsqueeze(1).flatten(1).to(f.dtype), *([f.new_ones(1, 1)] * (len(self.hidden) - 1))]
        # (b + U_c c) + U h
        levels = [
            Level(b + of_c @ U[:, n:].T, U[:, :n], counted)
            for U, b, n, counted in zip(self.weights, self.biases, self.hidden, seen)
        ]
        return Stack(f.unsqueeze(1).flatten(1), levels, self.p_layers[-1].shift(of_c))

    @torch.no_grad()
    def factors(self, stack: Stack) -> Factors:
        """Returns m and xi after `steps` sweeps.

        Args:
            stack: the net and its observations.
        """
        return ascended(stack, self.steps)

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns the bound (1) in nats, without noise, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: not used.
            known: True where observed, shape (B, *); None for all.
        """
        size = max(1, ENTRIES // max(level.numel() for level in self.weights))
        cut = lambda t, i: None if t is None else t[i : i + size]
        stacks = (self.stack(x[i : i + size], cut(c, i), cut(known, i)) for i in range(0, len(x), size))
        return torch.cat([bound(stack, self.factors(stack)) for stack in stacks])

    def infer(self, x: Tensor, c: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Returns the means m of h_1, shape (B, hidden[0]).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            known: True where observed, shape (B, *); None for all.
        """
        return self.factors(self.stack(x, c, known)).logits[0].sigmoid()

    def propose(self, x: Tensor, c: Tensor | None, rng: Rng, k: int, known: Tensor | None = None) -> Draws:
        """Draws h from independent units with means m, k times for each row.

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            k: draws for each row.
            known: True where observed, shape (B, *); None for all.
        """
        logits = self.factors(self.stack(x, c, known)).logits
        q = [Independent(a.unsqueeze(1)) for a in logits]
        h = [units.sample(rng, f"q{i + 1}", k) for i, units in enumerate(q)]
        return Draws(h, [units.log_prob(a) for units, a in zip(q, h)])

    def rates(self, x: Tensor, c: Tensor | None, rng: Rng, known: Tensor | None = None) -> Tensor:
        """Returns estimates of E_q log q(h_i) - log p(h_i|h_(i+1)) of each layer, in nats, shape (B, L).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            known: True where observed, shape (B, *); None for all.
        """
        return self.rates_of(self.propose(x, c, rng, RATE_DRAWS, known), c)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with missing entries drawn from p(x_missing|x_known), by importance resampling.

        Each of `PROPOSALS` candidates is h with means m, which are those of the known entries, then
        x_missing ~ p(.|h_1). One is kept with probability in proportion to p(x_known, h) / q(h).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        return in_pieces(self._fill, self.space)(x, known, rng, c)

    def _fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None) -> Tensor:
        return self.resampled(self.propose(x, c, rng, PROPOSALS, known), x, known, rng, c)


def negative_bound(model: MeanFieldSBN, batch: Batch, rng: Rng) -> Terms:
    """Computes the negative bound (1) in nats, shape (B,), with the gradient at fixed m and xi.

    Args:
        model: a belief net with the mean-field bound.
        batch: rows of data.
        rng: not used.
    """
    return Terms({"bound": -model.elbo(batch.x, batch.c, rng, batch.known)})
