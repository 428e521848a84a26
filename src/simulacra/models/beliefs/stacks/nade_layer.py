"""A layer of binary units that read the units before them through a hidden layer.

    p(h_t = 1 | h_<t, u) = sg(b_t + U_t u + V_t sg(c + C u + W_<t h_<t))                    (1)

The context shifts both biases, b and c.

Reference: Larochelle and Murray 2011; Bornschein and Bengio 2015, section 4. Row B6.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.models.beliefs.stacks.conditional import Layer, Shift, repeated
from simulacra.models.beliefs.stacks.ordered import Ordered
from simulacra.nets.autoregressive.shared_hidden import SharedWeights


class NADELayer(Layer):
    """Units that read the units before them through a hidden layer, equation (1).

    Args:
        context: number of the context's entries; 0 for a prior.
        units: number m of units, which is also the size of the hidden layer.
    """

    def __init__(self, context: int, units: int):
        super().__init__(context, units, bias=False)
        self.net = SharedWeights(units, 1, units, 1)
        self.first = Shift(context, units, bias=False)

    def given(self, u: Tensor) -> NADEUnits:
        """Returns p(h|u).

        Args:
            u: contexts, shape (B, k, n).
        """
        return NADEUnits(self.net, self.shift(u), self.net.c + self.first(u))

    @property
    def bias(self) -> Tensor:
        """The bias b of each unit, shape (m,)."""
        return self.net.b.squeeze(1)


@dataclass
class NADEUnits(Ordered):
    """Units that read the units before them through a hidden layer; their state is its argument.

    Args:
        net: shared weights W and V.
        biases: U u, shape (B, k, m).
        first: c + C u, shape (B, k, H).
    """

    net: SharedWeights
    biases: Tensor
    first: Tensor

    def state(self, k: int) -> Tensor:
        """Returns c + C u, shape (B, k, H)."""
        return repeated(self.first, k)

    def logit(self, state: Tensor, t: int) -> Tensor:
        """Returns the logit of unit t, shape (B, k)."""
        return self.biases[..., t] + self.net.read(state, t).squeeze(-1)

    def advance(self, state: Tensor, t: int, value: Tensor) -> Tensor:
        """Returns the argument of the hidden layer after unit t, shape (B, k, H)."""
        return self.net.add(state, t, value.unsqueeze(-1))

    def logits(self, h: Tensor) -> Tensor:
        """Returns the logits (1) of all units, shape (B, k, m)."""
        k = max(h.shape[1], self.first.shape[1])
        rows = repeated(h, k).flatten(0, 1).unsqueeze(1)
        order = torch.arange(h.shape[-1], device=h.device)
        # (1)
        y = self.net(rows, order, repeated(self.first, k).flatten(0, 1))
        return self.biases + y.squeeze(1).unflatten(0, (-1, k))
