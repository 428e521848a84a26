"""Binary units that are drawn one after another, each given those before it.

Rows B6, H15.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from simulacra.core.random.keyed import Rng
from simulacra.models.beliefs.stacks.conditional import Conditional, Given
from simulacra.nets.autoregressive.within import drawn_in_order


class Ordered(Conditional):
    """Units that are drawn one after another, each given those before it."""

    biases: Tensor

    @abstractmethod
    def state(self, k: int) -> Tensor:
        """Returns the state before the first unit, shape (B, k, *).

        Args:
            k: draws for each row.
        """

    @abstractmethod
    def logit(self, state: Tensor, t: int) -> Tensor:
        """Returns the logit of unit t given the units before it, shape (B, k).

        Args:
            state: state before unit t.
            t: position of the unit.
        """

    @abstractmethod
    def advance(self, state: Tensor, t: int, value: Tensor) -> Tensor:
        """Returns the state after unit t took `value`.

        Args:
            state: state before unit t.
            t: position of the unit.
            value: shape (B, k).
        """

    @torch.no_grad()
    def sample(self, rng: Rng, name: str, k: int = 1, given: Given | None = None) -> Tensor:
        """Draws the units in their order, shape (B, k, m)."""
        u = rng.uniform(name, k, self.biases.shape[-1], dtype=self.biases.dtype)
        kept = None if given is None else given.at
        return drawn_in_order(u, self.state(k), self.logit, self.advance, kept)

    @property
    def means(self) -> Tensor:
        """Mean of each unit, with the units before it replaced by their means, shape (B, k, m)."""
        state, found = self.state(self.biases.shape[1]), []
        for t in range(self.biases.shape[-1]):
            found.append(self.logit(state, t).sigmoid())
            state = self.advance(state, t, found[-1])
        return torch.stack(found, -1)
