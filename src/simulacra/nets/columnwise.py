"""Small networks, one for each column of a table, each with the columns before it as inputs.

    h_j^1 = relu(W_j^1 (m_j * f) + b_j^1)
    h_j^l = relu(W_j^l h_j^(l-1) + b_j^l),   p_j = V_j h_j^L + b_j + (r_j' (m_j * f)) e_j          (1)

f holds the features of all columns and of the condition; the mask m_j keeps those of the condition and of
the columns before j. The regression r_j moves the parameters where e_j is 1, those of a location; it is 0 at
first, and no training changes it. The networks of all columns are computed together by batched matrix
products.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, pairwise

import numpy as np
import torch
from torch import Tensor, nn

from simulacra.nets.layers import Dropout

QUIET = 0.3  # factor of the last layer's initial weights, so that columns start near their marginals


class ColumnNets(nn.Module):
    """The networks of equation (1) for all columns.

    Args:
        seen: number of features of each column.
        outputs: number of parameters of each column's distribution.
        order: indices of the columns in their order.
        hidden: sizes of the hidden layers, the same for each column.
        condition: number of features of the condition, which follow those of the columns; 0 without one.
        dropout: dropout rate of the hidden layers.
        locations: for each column, how many of its first parameters the regression moves; None: none.

    Example:
        >>> nets = ColumnNets([1, 2], [3, 2], [1, 0], (4,))
        >>> nets(torch.zeros(5, 3)).shape
        torch.Size([5, 2, 3])
    """

    mask: Tensor
    arrangement: Tensor
    regression: Tensor
    moved: Tensor

    def __init__(
        self,
        seen: Sequence[int],
        outputs: Sequence[int],
        order: Sequence[int],
        hidden: Sequence[int] = (64, 64),
        condition: int = 0,
        dropout: float = 0.0,
        locations: Sequence[int] | None = None,
    ):
        super().__init__()
        self.outputs = list(outputs)
        sight = _sight(seen, order, condition)
        self.register_buffer("mask", torch.tensor(sight, dtype=torch.get_default_dtype()))
        # features in the order in which columns come to see them, and how many of them each column sees
        places = torch.tensor(np.argsort(-sight.sum(0), kind="stable"))
        self.register_buffer("arrangement", places, persistent=False)
        self.sees = sight.sum(1).tolist()
        d, width, most = len(seen), self.mask.shape[1], max(outputs)
        sizes = [width, *hidden, most]
        self.weights = nn.ParameterList([torch.empty(d, b, a) for a, b in pairwise(sizes)])
        self.biases = nn.ParameterList([torch.zeros(d, b) for b in sizes[1:]])
        self.register_buffer("regression", torch.zeros(d, width))
        self.register_buffer("moved", _moved(outputs, locations or [0] * d), persistent=False)
        self.dropout = Dropout(dropout)
        self._begin()

    @torch.no_grad()
    def _begin(self) -> None:
        """Initializes weights as `nn.Linear` does for the unmasked inputs, and scales down the last layer."""
        for weight, bias in zip(self.weights, self.biases):
            first = weight is self.weights[0]
            fan = self.mask.sum(1) if first else torch.full((len(weight),), float(weight.shape[2]))
            bound = fan.clamp_min(1).rsqrt().to(weight).view(-1, 1, 1)
            weight.uniform_(-1, 1).mul_(bound)
            bias.uniform_(-1, 1).mul_(bound[:, 0])
        self.weights[-1].mul_(QUIET)
        self.biases[-1].zero_()

    def forward(self, f: Tensor) -> Tensor:
        """Returns the parameters of all columns for features (B, F), shape (B, columns, most parameters)."""
        d, h, _ = self.weights[0].shape
        masked = (self.weights[0] * self.mask.unsqueeze(1)).flatten(0, 1)
        y = torch.addmm(self.biases[0].flatten(), f, masked.T).unflatten(1, (d, h))
        for weight, bias in zip(self.weights[1:], self.biases[1:]):
            y = self.dropout(torch.relu(y))
            y = torch.baddbmm(bias.unsqueeze(1), y.transpose(0, 1), weight.mT).transpose(0, 1)
        return y + (f @ (self.regression * self.mask).T).unsqueeze(2) * self.moved

    def column(self, f: Tensor, j: int) -> Tensor:
        """Parameters of column j alone for features (*, F), shape (*, its parameters); without dropout."""
        return self._of(f * self.mask[j], self.weights[0][j], self.regression[j], j)

    def arranged(self, f: Tensor, j: int) -> Tensor:
        """Returns `column` for features in the order of `arrangement`; reads only those that j sees."""
        n = self.sees[j]
        at = self.arrangement[:n]
        return self._of(f[..., :n], self.weights[0][j][:, at], self.regression[j, at], j)

    def _of(self, f: Tensor, first: Tensor, regression: Tensor, j: int) -> Tensor:
        """Returns the parameters of column j from its inputs f, by its first layer and its regression."""
        n = self.outputs[j]
        y = nn.functional.linear(f, first, self.biases[0][j])
        # slices of parameter lists are new modules
        for weight, bias in islice(zip(self.weights, self.biases), 1, None):
            y = nn.functional.linear(torch.relu(y), weight[j], bias[j])
        return y[..., :n] + (f @ regression).unsqueeze(-1) * self.moved[j, :n]


def _moved(outputs: Sequence[int], locations: Sequence[int]) -> Tensor:
    """Row j: 1 at the parameters of column j that its regression moves, shape (columns, most parameters)."""
    return (torch.arange(max(outputs)) < torch.tensor(locations).unsqueeze(1)).to(torch.get_default_dtype())


def _sight(seen: Sequence[int], order: Sequence[int], condition: int) -> np.ndarray:
    """Row j: True at the features of the condition and of the columns before j, shape (columns, F)."""
    place = np.argsort(order)
    before = np.repeat(place, seen)[None] < place[:, None]
    return np.concatenate([before, np.ones((len(seen), condition), dtype=bool)], 1)
