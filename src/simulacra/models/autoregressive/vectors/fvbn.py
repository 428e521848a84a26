"""The fully visible belief network: logistic, or with groups of hidden units in the order of the entries.

    p(x) = prod_i p(x_i | x_1 .. x_i-1)                                        (1)

Linear: logistic regression of each entry on the preceding ones, d (d + 1) / 2 parameters for binary x.

    logit p(x_i = 1 | x_<i) = b_i + sum_{j < i} W_ij x_j                       (2)

Neural: one network for all entries. Group j of hidden units has the entries up to j as inputs, and every
later entry uses its features.

    h_j = tanh(c_j + sum_{k <= j} V_jk x_k)                                    (3)
    logit p(x_i = 1 | x_<i) = b_i + sum_{j < i} (W_ij x_j + U_ij h_j)          (4)

Entries are numbered by the order. If they are not binary, (2) and (4) give each parameter of their
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

    A draw takes as many multiplications as one pass: (2) costs O(d) an entry, (4) O(d hidden).

    Args:
        space: space of one observation.
        condition: space of the condition, an input of every output and every group; None for p(x).
        hidden: hidden units of each group; 0 is the logistic network (2), whose log-likelihood is concave.
        activation: activation of the hidden units: `tanh`, `sigmoid`, `relu`, `silu`, `softplus` or
            `leaky-relu`.
        entries: options of the order and of p(x_i | x_<i), listed in `Ordered`.

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
        # the last entry is no input; without a condition group 0 would be constant
        groups = torch.arange(lowest_degree(d, condition), d).repeat_interleave(hidden)
        layers = [groups.unsqueeze(0)] if hidden else []
        self.net = MaskedNet(
            space, condition, self.per_entry, self.order, layers, activation, direct=bool(hidden)
        )

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Computes equation (2) or (4) for all entries at once, shape (B, P, *shape).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        return self.net(x, c)

    def begin(self, n: int, c: Tensor | None = None) -> Known:
        """Returns the sampling state of n rows before the first entry.

        Args:
            n: number of rows.
            c: conditions, shape (n, *), or None.
        """
        return self.net.begin(n, c)

    def next_parameters(self, state: Known, t: int) -> Tensor:
        """Computes equation (2) or (4) for entry o(t), shape (B, P).

        Args:
            state: state before the entry.
            t: not used.
        """
        return self.net.next(state)

    def advance(self, state: Known, t: int, value: Tensor) -> Known:
        """Returns the state after entry o(t) took `value`, with one more group of (3).

        Args:
            state: state before the entry.
            t: not used.
            value: values of the entry, shape (B,).
        """
        return self.net.advance(state, value)
