"""Forms of an entry as input of a network over series: one of a few values with an embedding, or a number."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from simulacra.core.spaces.codes import MOST_CODES
from simulacra.core.spaces.plain import Levels, Space
from simulacra.models.autoregressive.ordered import Ordered


class Coded(Ordered):
    """Abstract base of models whose network takes such inputs, and steps from entry to entry.

    Subclasses set `net`, whose `step` returns the state after an entry, with the distribution parameters of
    the next one as its `y`; and `codes`, the number of values of an entry, or 0 for numbers.
    """

    net: Any
    codes: int

    def next_parameters(self, state: Any, t: int) -> Tensor:
        """Returns the distribution parameters of entry o(t), shape (B, P).

        Args:
            state: state before the entry.
            t: not used.
        """
        y: Tensor = state.y
        return y

    def advance(self, state: Any, t: int, value: Tensor) -> Any:
        """Returns the state after entry o(t) took `value`.

        Args:
            state: state before the entry.
            t: position of the entry in the order, from 0.
            value: values of the entry, shape (B,).
        """
        return state if t + 1 == self.space.dims else self.net.step(state, t, self.inputs(value))

    def inputs(self, x: Tensor) -> Tensor:
        """Returns entries as codes for the embedding, or as features with a last dimension of 1.

        Args:
            x: entries, shape (B, *).
        """
        return x.long() if self.codes else self.features(x).unsqueeze(-1)


def softmax_of_few(space: Space, likelihood: str) -> str:
    """Returns `categorical` in place of `auto` for levels that have embeddings, otherwise the likelihood.

    Args:
        space: space of a series.
        likelihood: name of a distribution, or `auto`.
    """
    few = likelihood == "auto" and isinstance(space, Levels) and space.levels <= MOST_CODES
    return "categorical" if few else likelihood
