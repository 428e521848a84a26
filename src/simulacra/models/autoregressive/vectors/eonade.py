"""EoNADE and deep NADE: one network for the conditionals of all orders, trained on random orders.

The inputs of the network are the known entries, zeros elsewhere, and the mask of known entries:

    a = c + sum_(i in S) (W_i f(x_i) + U_i)                                      (1)
    h = phi(... W^2 phi(a) + c^2 ...)                                            (2)
    p(x_i | x_S): parameters b_i + V_i h                                         (3)

With one hidden layer a draw or a score costs O(d H) as in NADE, since (1) grows by one term per entry; with
more it costs O(d H^2). Loss, ensemble and completion are those of `Orderless`.

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
from simulacra.core.updates import Initial, Stage, Update
from simulacra.models.autoregressive.vectors.orderless import (
    EnsembleKeywords,
    Orderless,
    bias_from_data,
    orderless_loss,
    random_known,
)


class EoNADE(Orderless):
    """NADE for all orders, with an ensemble over orders; deep if it has several hidden layers.

    Args:
        space: space of one observation; all entries have the same kind of distribution.
        condition: space of the condition c of p(x | c); None for p(x).
        hidden: sizes of the hidden layers; one layer is EoNADE, several are deep NADE.
        activation: activation of the hidden layers.
        options: options of the likelihood and of the ensemble, listed in `Orderless`.

    Raises:
        ValueError: if there is no hidden layer, or the likelihood does not fit the space.

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
        """Returns the only update: all parameters minimize the orderless loss."""
        return [Update("orderless", ("",), negative_log_likelihood)]

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage; it initializes the bias of a Bernoulli output from the mean of the data.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("train", self.updates(), self.length, start=Initial(bias_from_data)) if i == 0 else None

    def given(self, x: Tensor, known: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the distribution parameters of each entry given the known ones, shape (B, P, *shape).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        m = known.reshape(len(x), -1, 1)
        f = self.features_by_entry(x)
        # missing entries may be NaN: select with where instead of multiplying by the mask
        u = torch.cat([torch.where(m, f, torch.zeros_like(f)), m.to(f.dtype)], 2)
        return self.net(u, self.condition_features(c)).reshape(len(x), -1, *self.space.shape)

    def begin(self, n: int, c: Tensor | None = None) -> Tensor:
        """Returns a of (1) without known entries, shape (n, H).

        Args:
            n: number of rows.
            c: conditions, shape (n, *), or None.
        """
        return self.net.start(n, self.condition_features(c))

    def numbers_of(self, state: Tensor, i: Tensor) -> Tensor:
        """Returns the distribution parameters of entry i, shape (B, P).

        Args:
            state: state of B rows.
            i: index of the entry in each row, shape (B,), or (1,) for all rows.
        """
        return self.net.read(state, i)

    def put(self, state: Tensor, i: Tensor, value: Tensor) -> Tensor:
        """Returns a of (1) with entry i added, shape (B, H).

        Args:
            state: state of B rows.
            i: index of the entry in each row, shape (B,), or (1,) for all rows.
            value: values of the entry, shape (B,).
        """
        f = self.features_of_value(value)
        return self.net.add(state, i, torch.cat([f, torch.ones_like(f[:, :1])], 1))


def negative_log_likelihood(model: EoNADE, batch: Batch, rng: Rng) -> Terms:
    """Computes an unbiased estimate of the mean of -log p(x|o) over all orders, in nats, shape (B,)."""
    known = random_known(model, rng)
    numbers = model.given(batch.x, known, batch.c)
    return Terms({"nll": orderless_loss(model, numbers, batch.x, known)})
