"""A layer of independent binary units.

    p(h_t = 1 | u) = sg(b_t + U_t u)                                                        (1)

Reference: Neal 1992. Row B1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.distributions.elementary import Bernoulli
from simulacra.core.random.keyed import Rng
from simulacra.models.beliefs.stacks.conditional import Conditional, Given, Layer, repeated


class SBNLayer(Layer):
    """Independent units, equation (1).

    Args:
        context: number of the context's entries; 0 for a prior.
        units: number of units.

    Example:
        >>> SBNLayer(3, 2).draw(torch.zeros(4, 1, 3), Rng(0, rows=range(4)), "h", k=5).shape
        torch.Size([4, 5, 2])
    """

    def given(self, u: Tensor) -> Independent:
        """Returns p(h|u).

        Args:
            u: contexts, shape (B, k, n).
        """
        # (1)
        return Independent(self.shift(u))


@dataclass
class Independent(Conditional):
    """Independent units.

    Args:
        biases: b + U u, shape (B, k, m).
    """

    biases: Tensor

    def logits(self, h: Tensor) -> Tensor:
        """Returns b + U u."""
        return self.biases

    @torch.no_grad()
    def sample(self, rng: Rng, name: str, k: int = 1, given: Given | None = None) -> Tensor:
        """Draws the units, shape (B, k, m)."""
        h = Bernoulli(repeated(self.biases, k), 1).sample(rng, name)
        return h if given is None else torch.where(given.known, given.values, h)

    @property
    def means(self) -> Tensor:
        """Mean of each unit, shape (B, k, m)."""
        return self.biases.sigmoid()
