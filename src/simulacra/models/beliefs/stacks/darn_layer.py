"""A layer of binary units with linear connections to the units before them.

    p(h_t = 1 | h_<t, u) = sg(b_t + U_t u + sum_(s<t) A_ts h_s)                             (1)

Reference: Gregor et al. 2014. Row H15.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from simulacra.models.beliefs.stacks.conditional import Layer, repeated
from simulacra.models.beliefs.stacks.ordered import Ordered
from simulacra.nets.autoregressive.within import Preceding


class DARNLayer(Layer):
    """Units with linear connections to the units before them, equation (1).

    Args:
        context: number of the context's entries; 0 for a prior.
        units: number of units.
    """

    def __init__(self, context: int, units: int):
        super().__init__(context, units)
        self.preceding = Preceding(units)

    def given(self, u: Tensor) -> DARNUnits:
        """Returns p(h|u).

        Args:
            u: contexts, shape (B, k, n).
        """
        return DARNUnits(self.preceding, self.shift(u))


@dataclass
class DARNUnits(Ordered):
    """Units with linear connections to the units before them; their state is the logits so far.

    Args:
        preceding: the connections.
        biases: b + U u, shape (B, k, m).
    """

    preceding: Preceding
    biases: Tensor

    def state(self, k: int) -> Tensor:
        """Returns b + U u, shape (B, k, m)."""
        return repeated(self.biases, k)

    def logit(self, state: Tensor, t: int) -> Tensor:
        """Returns the logit of unit t, shape (B, k)."""
        return state[..., t]

    def advance(self, state: Tensor, t: int, value: Tensor) -> Tensor:
        """Returns the logits with unit t added, shape (B, k, m)."""
        return self.preceding.add(state, t, value)

    def logits(self, h: Tensor) -> Tensor:
        """Returns the logits (1) of all units, shape (B, k, m)."""
        # (1)
        return self.biases + self.preceding(h)
