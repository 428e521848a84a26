"""The fully visible belief network: logistic, or with hidden units that go from left to right.

    p(x) = prod_i p(x_i | x_1 .. x_i-1)                                        (1)

Linear: logistic regression of each entry on those before it, d (d + 1) / 2 numbers for binary x.

    logit p(x_i = 1 | x_<i) = b_i + sum_{j < i} W_ij x_j                       (2)

Neural: one network for all entries. Group j of hidden units reads the entries up to j, and its features
serve every entry behind j.

    h_j = tanh(c_j + sum_{k <= j} V_jk x_k)                                    (3)
    logit p(x_i = 1 | x_<i) = b_i + sum_{j < i} (W_ij x_j + U_ij h_j)          (4)

Entries are numbered by the order. Where they are not binary, (2) and (4) give each number of their
distribution.

Reference: Frey, Graphical Models for Machine Learning and Digital Communication, 1998 (logistic);
Bengio and Bengio, Modeling High-Dimensional Discrete Data with Multi-Layer Neural Networks, 2000
(neural). Rows C10, H6-H8.
"""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from simulacra.core.spaces.plain import Space
from simulacra.models.autoregressive.ordered import EntryKeywords, Ordered
from simulacra.nets.autoregressive.masked import Known, MaskedNet, lowest_degree


class FVBN(Ordered):
    """Fully visible belief network (auto-regressive network), logistic or neural.

    A draw multiplies as often as one pass: (2) costs O(d) an entry, (4) O(d hidden).

    Args:
        space: what one observation is.
        condition: what the condition is, an input of every output and every group; None for p(x).
        hidden: hidden units of each group; 0: the logistic network (2), whose likelihood is concave.
        activation: of the hidden units: `tanh`, `sigmoid`, `relu`, `silu`, `softplus` or `leaky-relu`.
        entries: options of the order and of p(x_i | x_<i): see `Ordered`.

    Raises:
        ValueError: if `hidden` is negative, the activation unknown or the order no permutation.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = FVBN(Binary((4,)), hidden=3)
        >>> x = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4)
        >>> round(float(model.log_prob(x).values.exp().sum()), 4)
        1.0
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: int = 0,
        activation: str = "tanh",
        *,
        seed: int = 0,
        **entries: Unpack[EntryKeywords],
    ):
        super().__init__(space, condition, **entries)
        if hidden < 0:
            raise ValueError(f"hidden is {hidden}, but a group has 0 (the logistic network) or more units.")
        d = space.dims
        # the last entry is nobody's input; without a condition group 0 would be a constant
        groups = torch.arange(lowest_degree(d, condition), d).repeat_interleave(hidden)
        layers = [groups.unsqueeze(0)] if hidden else []
        self.net = MaskedNet(
            space, condition, self.per_entry, self.order, layers, activation, direct=bool(hidden)
        )

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Equation (2) or (4) for all entries at once, shape (B, P, *shape)."""
        return self.net(x, c)

    def begin(self, n: int, c: Tensor | None = None) -> Known:
        """The state of n rows of which nothing is drawn yet."""
        return self.net.begin(n, c)

    def next_parameters(self, state: Known, t: int) -> Tensor:
        """Equation (2) or (4) for entry o(t), shape (B, P)."""
        return self.net.next(state)

    def advance(self, state: Known, t: int, value: Tensor) -> Known:
        """The state after entry o(t) took `value`: one more group of (3)."""
        return self.net.advance(state, value)
