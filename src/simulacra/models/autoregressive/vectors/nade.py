"""NADE, the neural autoregressive distribution estimator: one-layer conditionals with shared weights.

    p(x) = prod_t p(x_o(t) | x_o(<t))                                          (1)
    h_t = sg(c + W_o(<t) x_o(<t))                                              (2)
    p(x_o(t) = 1 | x_o(<t)) = sg(b_t + V_t h_t)                                (3)

The argument of (2) grows by W_o(t) x_o(t) from one entry to the next, so log p(x) and its gradient
cost O(D H). Entries with more than two values have several features and several outputs.

Reference: Larochelle and Murray, The Neural Autoregressive Distribution Estimator, 2011 (equations 6
to 8, algorithm 1). Row H9.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from simulacra.core.numerics import moments
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Source, Stage
from simulacra.models.autoregressive.ordered import Ordered
from simulacra.nets.autoregressive.shared_hidden import SharedWeights


class NADE(Ordered):
    """Neural autoregressive distribution estimator over discrete entries.

    Args:
        space: space of one observation: binary, levels, classes or counts.
        hidden: number of hidden units.
        likelihood: distribution of an entry; `auto` takes the default of the space.
        mixtures: number of components of a `logistic-mixture`.
        order: indices of the flattened entries in sampling order; None is 0, 1, ..., d - 1.

    Raises:
        ValueError: if the space is not discrete, or the order is no permutation.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> NADE(Binary((6,)), hidden=4).log_prob(torch.zeros(2, 6)).kind
        'exact'
    """

    def __init__(
        self,
        space: Space,
        hidden: int = 500,
        likelihood: str = "auto",
        mixtures: int = 5,
        order: tuple[int, ...] | None = None,
        *,
        seed: int = 0,
    ):
        super().__init__(space, None, likelihood, mixtures, order)
        if not space.discrete:
            raise ValueError(f"NADE needs discrete entries, but the space is {space}: RNADE takes real ones.")
        if hidden < 1:
            raise ValueError(f"hidden is {hidden}, but NADE needs at least one hidden unit.")
        self.entry_space = replace(space, shape=())
        inputs = math.prod(self.entry_space.features_shape)
        self.net = SharedWeights(space.dims, inputs, hidden, self.per_entry)

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage; it initializes the bias of a Bernoulli output from the mean of the data.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("train", self.updates(), self.length, start=Initial(bias_from_data)) if i == 0 else None

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the parameters (3) of each entry, shape (B, P, *).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        f = self.features(x).reshape(x.shape[0], -1, self.space.dims)
        # (2), (3)
        return self.net(f, self.order).reshape(x.shape[0], self.per_entry, *self.space.shape)

    def begin(self, n: int, c: Tensor | None = None) -> Tensor:
        """Returns the argument of (2) before the first entry: c, shape (n, hidden).

        Args:
            n: number of rows.
            c: not used.
        """
        return self.net.start(n)

    def next_parameters(self, state: Tensor, t: int) -> Tensor:
        """Returns the parameters (3) of entry o(t), shape (B, P).

        Args:
            state: state before the entry.
            t: position of the entry in the order, from 0.
        """
        return self.net.read(state, t)

    def advance(self, state: Tensor, t: int, value: Tensor) -> Tensor:
        """Returns the argument of (2) after entry o(t) took `value`, shape (B, hidden).

        Args:
            state: state before the entry.
            t: position of the entry in the order, from 0.
            value: values of the entry, shape (B,).
        """
        return self.net.add(state, t, self.entry_space.features(value, self.dtype).reshape(len(value), -1))


def bias_from_data(model: NADE, source: Source, rng: Rng) -> None:
    """Initializes b at the log-odds of each entry's mean if the likelihood is Bernoulli.

    Args:
        model: the model.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    if model.head.name == "bernoulli":
        p = moments.mean(model, source, rng).clamp(1e-3, 1 - 1e-3)[model.order.to("cpu")]
        model.net.b.copy_(torch.logit(p).unsqueeze(1))
