"""NADE-k: missing entries are inferred in k steps, similar to mean-field inference.

Given the known entries x_S, the missing ones start at the mean of the data and are improved k times by the
same network:

    v^0_i = f(x_i) for i in S, E_data f(x_i) otherwise                           (1)
    h^s = phi(c + sum_i W_i v^(s-1)_i)   (further hidden layers may follow)      (2)
    p^s(x_i): parameters b_i + V_i h^s                                           (3)
    v^s_i = f(x_i) for i in S, E_p^s f(x_i) otherwise                            (4)
    p(x_i | x_S) = p^k(x_i)                                                      (5)

k = 1 is the single step of an order-agnostic NADE. An entry costs k passes over all entries, so a draw or
a score costs O(k d^2 H). Training starts with the mean loss of all steps and ends with that of the last.

Reference: Raiko, Yao, Cho and Bengio, Iterative Neural Autoregressive Distribution Estimator (NADE-k),
2014. Rows H10, H19.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.distributions import elementary as d
from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real, Space
from simulacra.core.updates import Epochs, Source, Stage, Update
from simulacra.models.autoregressive.vectors.orderless import (
    EnsembleKeywords,
    Orderless,
    bias_from_data,
    by_entry,
    orderless_loss,
    random_known,
)


@dataclass(frozen=True)
class Seen:
    """The sampling state: the known entries of some rows.

    Args:
        f: features of the entries, shape (B, d, features); arbitrary values for missing entries.
        known: True where known, shape (B, d).
        c: features of the condition, shape (B, features), or None.
    """

    f: Tensor
    known: Tensor
    c: Tensor | None


class NADEK(Orderless):
    """NADE-k: an orderless NADE that infers missing entries in k steps.

    Args:
        space: space of one observation: binary, levels, real or categorical.
        condition: space of the condition c of p(x | c); None for p(x).
        k: number of inference steps.
        hidden: sizes of the hidden layers.
        activation: activation of the hidden layers.
        pretraining: share of training with a loss on every step; after it only the last step has one.
        options: options of the likelihood and of the ensemble, listed in `Orderless`.

    Raises:
        ValueError: if the space has no expected features, or an option is out of range.

    Example:
        >>> model = NADEK(Binary((6,)), k=3, hidden=(8,))
        >>> [model.stage(i, []).name for i in range(2)]
        ['pretrain', 'fine-tune']
    """

    mean: Tensor

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        k: int = 5,
        hidden: tuple[int, ...] = (500,),
        activation: str = "tanh",
        pretraining: float = 0.25,
        *,
        seed: int = 0,
        **options: Unpack[EnsembleKeywords],
    ):
        super().__init__(space, condition, **options)
        if not isinstance(space, (Binary, Levels, Real, Categorical)):
            raise ValueError(
                f"NADEK puts expected values where entries are missing, which binary, grey-level, real and "
                f"categorical entries have, but the space is {space}: take EoNADE."
            )
        if k < 1:
            raise ValueError(f"k is {k}, but NADEK needs at least one inference step.")
        if not 0 <= pretraining < 1:
            raise ValueError(f"pretraining is {pretraining}, but a share of training lies in [0, 1).")
        self.k, self.pretraining = k, pretraining if k > 1 else 0.0
        self.net = self.network(0, hidden, activation)
        self.register_buffer("mean", torch.zeros(space.dims, self.entry_features))

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns stage i: one with a loss on all steps, then one with a loss on the last.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        n, share = self.length.n, self.pretraining
        stages = [Stage("pretrain", [Update("steps", ("",), all_steps)], Epochs(share * n), means_from_data)]
        last = Stage("fine-tune", [Update("last", ("",), last_step)], Epochs((1 - share) * n))
        if not share:
            last.start, stages = means_from_data, []
        return [*stages, last, None][i]

    def given(self, x: Tensor, known: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the distribution parameters of each entry given the known ones, shape (B, P, *shape).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        return self.steps(x, known, c)[-1]

    def steps(self, x: Tensor, known: Tensor, c: Tensor | None = None) -> list[Tensor]:
        """Returns the distribution parameters after each of the k steps, each of shape (B, P, *shape).

        Args:
            x: observations, shape (B, *shape); missing entries may have any value.
            known: True where known, shape (B, *shape).
            c: conditions, or None.
        """
        f = self.features_by_entry(x)
        seen = Seen(f, known.reshape(len(x), -1), self.condition_features(c))
        v, found = self._first(seen), []
        for _ in range(self.k - 1):
            numbers = self.net(v, seen.c)
            found.append(numbers)
            v = self._improved(seen, numbers)
        # (5)
        found.append(self.net(v, seen.c))
        return [numbers.reshape(len(x), -1, *self.space.shape) for numbers in found]

    def begin(self, n: int, c: Tensor | None = None) -> Seen:
        """Returns the sampling state of n rows without known entries.

        Args:
            n: number of rows.
            c: conditions, shape (n, *), or None.
        """
        known = torch.zeros(n, self.space.dims, dtype=torch.bool, device=self.device)
        return Seen(self.mean.expand(n, -1, -1), known, self.condition_features(c))

    def numbers_of(self, state: Seen, i: Tensor) -> Tensor:
        """Returns the distribution parameters of entry i after k steps, shape (B, P).

        Args:
            state: state of B rows.
            i: index of the entry in each row, shape (B,), or (1,) for all rows.
        """
        v = self._first(state)
        for _ in range(self.k - 1):
            v = self._improved(state, self.net(v, state.c))
        # (5), for one entry only
        return self.net.read(self.net.first(v, state.c), i)

    def put(self, state: Seen, i: Tensor, value: Tensor) -> Seen:
        """Returns the state with entry i added to the known ones.

        Args:
            state: state of B rows.
            i: index of the entry in each row, shape (B,), or (1,) for all rows.
            value: values of the entry, shape (B,).
        """
        here = torch.arange(self.space.dims, device=i.device) == i.unsqueeze(1)
        f = torch.where(here.unsqueeze(2), self.features_of_value(value).unsqueeze(1), state.f)
        return Seen(f, state.known | here, state.c)

    def _first(self, seen: Seen) -> Tensor:
        # (1)
        return torch.where(seen.known.unsqueeze(2), seen.f, self.mean)

    def _improved(self, seen: Seen, numbers: Tensor) -> Tensor:
        p = self.head.build(numbers.reshape(len(numbers), -1, *self.space.shape))
        # (4)
        return torch.where(seen.known.unsqueeze(2), seen.f, by_entry(self._expected(p), self.space.dims))

    def _expected(self, p: d.Distribution) -> Tensor:
        """Returns E_p f(x); the features are linear in x, or one-hot."""
        if isinstance(self.space, Categorical):
            assert isinstance(p, d.Categorical)
            return p.probs
        return self.features(p.mean)


def last_step(model: NADEK, batch: Batch, rng: Rng) -> Terms:
    """Computes the orderless loss after the last step, in nats, shape (B,)."""
    known = random_known(model, rng)
    return Terms({"nll": orderless_loss(model, model.given(batch.x, known, batch.c), batch.x, known)})


def all_steps(model: NADEK, batch: Batch, rng: Rng) -> Terms:
    """Computes the mean of the orderless losses after each step, in nats, shape (B,)."""
    known = random_known(model, rng)
    losses = [orderless_loss(model, p, batch.x, known) for p in model.steps(batch.x, known, batch.c)]
    return Terms({"nll": torch.stack(losses).mean(0)}, {"last": losses[-1].detach()})


def means_from_data(model: NADEK, source: Source, rng: Rng) -> None:
    """Sets the mean features of (1), and the output biases that fit them.

    Args:
        model: the model.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    flat = moments.mean(model, source, rng)
    model.mean.copy_(by_entry(flat.unsqueeze(0), model.space.dims)[0])
    bias_from_data(model, source, rng)
