"""EoNADE and deep NADE: one network for the conditionals of all orders, trained on random ones.

The network sees what is known, zeros elsewhere, and which entries these are:

    a = c + sum_(i in S) (W_i f(x_i) + U_i)                                      (1)
    h = phi(... W^2 phi(a) + c^2 ...)                                            (2)
    p(x_i | x_S): numbers b_i + V_i h                                            (3)

With one hidden layer a draw or a score costs O(d H) as in NADE, since (1) grows by a term an entry; with
more it costs O(d H^2). Loss, ensemble and completion are those of every orderless model.

Reference: Uria, Murray and Larochelle, A Deep and Tractable Density Estimator, 2014 (EoNADE, orderless
training, equations 4 to 9). Rows H12, H13, H19.
"""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Stage, Update
from simulacra.models.autoregressive.vectors.orderless import (
    EnsembleKeywords,
    Orderless,
    bias_from_data,
    orderless_loss,
    random_known,
)


class EoNADE(Orderless):
    """NADE for all orders: an ensemble of them, deep where it has several hidden layers.

    Args:
        space: what one observation is; its entries share one kind of distribution.
        condition: what the condition is; None for p(x).
        hidden: sizes of the hidden layers; one makes EoNADE, several make deep NADE.
        activation: of the hidden layers.
        options: observation and ensemble: see `Orderless`.

    Raises:
        ValueError: if there is no hidden layer, or the observation does not fit the space.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = EoNADE(Binary((6,)), hidden=(8, 8), ensemble=3)
        >>> x = model.sample(2)
        >>> known = torch.tensor([False, True, False, True, True, False])
        >>> bool((model.complete(x, known)[:, known] == x[:, known]).all())
        True
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: tuple[int, ...] = (500,),
        activation: str = "relu",
        *,
        seed: int = 0,
        **options: Unpack[EnsembleKeywords],
    ):
        super().__init__(space, condition, **options)
        self.net = self.network(1, hidden, activation)

    def updates(self) -> list[Update]:
        """One player: all parameters descend the orderless loss."""
        return [Update("orderless", ("",), negative_log_likelihood)]

    def stage(self, i: int, past: list) -> Stage | None:
        """One stage; a Bernoulli output begins at the mean of the data."""
        return Stage("train", self.updates(), self.length, start=bias_from_data) if i == 0 else None

    def given(self, x: Tensor, known: Tensor, c: Tensor | None = None) -> Tensor:
        """The numbers of each entry's distribution given the known entries, shape (B, P, *shape)."""
        m = known.reshape(len(x), -1, 1)
        f = self.features_by_entry(x)
        # what is missing may be anything: chosen, not multiplied away
        u = torch.cat([torch.where(m, f, torch.zeros_like(f)), m.to(f.dtype)], 2)
        return self.net(u, self.condition_features(c)).reshape(len(x), -1, *self.space.shape)

    def begin(self, n: int, c: Tensor | None = None) -> Tensor:
        """a of (1) where nothing is known, shape (n, H)."""
        return self.net.start(n, self.condition_features(c))

    def numbers_of(self, state: Tensor, i: Tensor) -> Tensor:
        """The numbers of the distribution of entry i, shape (B, P)."""
        return self.net.read(state, i)

    def put(self, state: Tensor, i: Tensor, value: Tensor) -> Tensor:
        """a of (1) with entry i, shape (B, H)."""
        f = self.features_of_value(value)
        return self.net.add(state, i, torch.cat([f, torch.ones_like(f[:, :1])], 1))


def negative_log_likelihood(model: EoNADE, batch: Batch, rng: Rng) -> Terms:
    """An unbiased estimate of the mean of -log p(x|o) over all orders, in nats."""
    known = random_known(model, rng)
    numbers = model.given(batch.x, known, batch.c)
    return Terms({"nll": orderless_loss(model, numbers, batch.x, known)})
