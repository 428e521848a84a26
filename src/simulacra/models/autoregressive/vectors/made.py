"""MADE, the masked autoencoder: all conditionals in one pass of a network of any depth.

    logit p(x_i = 1 | x_<i) = [b + (U * M_U) h^L + (A * M_A) x]_i              (1)
    h^l = f(c^l + (W^l * M_l) h^(l-1)),   h^0 = x                              (2)

The masks follow from degrees: that of entry i is its position in the order (from 1), that of a hidden unit is

    m^l(k) ~ U{min_k' m^(l-1)(k'), ..., d - 1}                                 (3)
    M_l = 1[m^l(k) >= m^(l-1)(k')],  M_U = 1[i > m^L(k)],  M_A = 1[i > j]      (4)

so that output i depends on the entries before i alone. Several masks share the weights: each step trains one
of them, and together they form the ensemble

    p(x) = (1/M) sum_k p(x | masks k)                                          (5)
    p(x_i | x_<i) = sum_k w_k p(x_i | x_<i, masks k),  w_k ~ p(x_<i | masks k) (6)

which factorizes in the same order. The ensembles of the paper also vary the order; these do not.

Reference: Germain, Gregor, Murray and Larochelle, MADE: Masked Autoencoder for Distribution Estimation,
2015. Rows C10, H14.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Unpack

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.distributions.elementary import Distribution, Mixture
from simulacra.core.distributions.heads import LikelihoodHead, likelihood_head
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Update
from simulacra.models.autoregressive.ordered import Ordered, OrderKeywords
from simulacra.nets.autoregressive.masked import Known, MaskedNet, lowest_degree


@dataclass(frozen=True)
class Drawn:
    """The sampling state.

    Args:
        parts: state of the network under each mask.
        log_w: log w of equation (6), up to a constant, in nats, shape (B, M).
    """

    parts: tuple[Known, ...]
    log_w: Tensor


class MADE(Ordered):
    """Masked autoencoder for distribution estimation.

    Scoring takes one pass for each mask. A draw computes each hidden unit once, as soon as its inputs are
    known: over all d entries it takes as many multiplications as one pass for each mask, in d (layers + 1)
    small matrix products.

    Args:
        space: space of one observation.
        condition: space of the condition, an input of every unit that reads x; None for p(x).
        hidden: sizes of the hidden layers.
        activation: `relu`, `tanh`, `silu`, `softplus`, `leaky-relu` or `sigmoid`.
        direct: if True, x is also connected to the outputs directly, the A of equation (1).
        masks: size M of the ensemble (5), which shares the weights; scores and draws cost M times as much.
        mask_seed: seed of the degrees (3).
        mixtures: number of components of a mixture likelihood.
        entries: options of the order and of p(x_i | x_<i), listed in `Ordered`.

    Raises:
        ValueError: if a size is not positive, the activation unknown or the order no permutation.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> model = MADE(Binary((4,)), hidden=(9, 7), order=(2, 0, 3, 1), masks=2)
        >>> x = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4)
        >>> round(float(model.log_prob(x).values.exp().sum()), 4)
        1.0
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: tuple[int, ...] = (500, 500),
        activation: str = "relu",
        direct: bool = True,
        masks: int = 1,
        mask_seed: int = 0,
        mixtures: int = 5,
        *,
        seed: int = 0,
        **entries: Unpack[OrderKeywords],
    ):
        super().__init__(space, condition, mixtures=mixtures, **entries)
        _check_sizes(hidden, masks)
        self.masks = masks
        rng = Rng(mask_seed, "degrees", rows=range(masks))
        degrees = sampled_degrees(rng, hidden, lowest_degree(space.dims, condition), space.dims)
        self.net = MaskedNet(space, condition, self.per_entry, self.order, degrees, activation, direct)
        self.single = self.head
        if masks > 1:
            # heads for the distributions of all masks at once, and for their mixture
            each = lambda shape: likelihood_head(
                replace(space, shape=(masks, *shape)), self.single.name, mixtures=mixtures
            )
            self.members, self.entry_members = each(space.shape), each(())
            self.head, self.entry_head = _ensemble(self.members), _ensemble(self.entry_members)

    def updates(self) -> list[Update]:
        """Returns the only update: all parameters minimize -log p(x) under the masks of the step."""
        return [Update("likelihood", ("",), negative_log_likelihood_of_one)]

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the parameters of equation (6) for all entries at once, shape (B, P, *shape).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        if self.masks == 1:
            return self.net(x, c)
        each = torch.stack([self.net(x, c, k) for k in range(self.masks)], 2)
        return torch.cat([self._log_w(each, x).unsqueeze(1), each], 1).flatten(1, 2)

    def _log_w(self, each: Tensor, x: Tensor) -> Tensor:
        """Returns log p(x_<i | masks k) of equation (6) in nats, shape (B, M, *shape)."""
        said = self.members.build(each).entries(x.unsqueeze(1))
        said = said.reshape(x.shape[0], self.masks, -1)[..., self.order]
        before = torch.cat([torch.zeros_like(said[..., :1]), said[..., :-1].cumsum(-1)], -1)
        return before[..., torch.argsort(self.order)].reshape(x.shape[0], *self.members.output[1:])

    def begin(self, n: int, c: Tensor | None = None) -> Drawn:
        """Returns the sampling state of n rows before the first entry.

        Args:
            n: number of rows.
            c: conditions, shape (n, *), or None.
        """
        parts = tuple(self.net.begin(n, c, k) for k in range(self.masks))
        return Drawn(parts, parts[0].units[0].new_zeros(n, self.masks))

    def next_parameters(self, state: Drawn, t: int) -> Tensor:
        """Returns the parameters of equation (6) for entry o(t), shape (B, P).

        Args:
            state: state before the entry.
            t: not used.
        """
        each = self._each(state)
        if self.masks == 1:
            return each.squeeze(2)
        return torch.cat([state.log_w.unsqueeze(1), each], 1).flatten(1)

    def advance(self, state: Drawn, t: int, value: Tensor) -> Drawn:
        """Returns the state after entry o(t) took `value`, shape (B,).

        Args:
            state: state before the entry.
            t: not used.
            value: values of the entry, shape (B,).
        """
        log_w = state.log_w
        if self.masks > 1:
            log_w = log_w + self.entry_members.build(self._each(state)).entries(value.unsqueeze(1))
        return Drawn(tuple(self.net.advance(part, value) for part in state.parts), log_w)

    def _each(self, state: Drawn) -> Tensor:
        """Returns the parameters of the next entry under each mask, shape (B, P, M)."""
        return torch.stack([self.net.next(part) for part in state.parts], 2)


def _check_sizes(hidden: tuple[int, ...], masks: int) -> None:
    if not hidden or min(hidden) < 1:
        raise ValueError(
            f"hidden is {tuple(hidden)}, but an autoencoder needs hidden layers of at least one unit; "
            "without any it is an fvbn."
        )
    if masks < 1:
        raise ValueError(f"masks is {masks}, but the network needs at least one choice of masks.")


def sampled_degrees(rng: Rng, hidden: Sequence[int], lowest: int, d: int) -> list[Tensor]:
    """Draws the degrees of the hidden units by equation (3).

    Args:
        rng: source of random numbers; each row is one choice of masks.
        hidden: sizes of the hidden layers.
        lowest: lowest degree in the first layer.
        d: number of entries.

    Returns:
        A tensor of degrees for each layer, shape (M, units).

    Example:
        >>> first, second = sampled_degrees(Rng(0, rows=range(2)), (50, 3), lowest=1, d=4)
        >>> first.shape, first.min().item(), first.max().item(), second.shape
        (torch.Size([2, 50]), 1, 3, torch.Size([2, 3]))
    """
    layers, least = [], torch.full((len(rng.rows), 1), lowest)
    for i, units in enumerate(hidden):
        u = rng.uniform(f"layer-{i}", units, dtype=torch.float64)
        # (3)
        layers.append(least + (u * (d - least)).long())
        least = layers[-1].min(1, keepdim=True).values
    return layers


def _ensemble(members: LikelihoodHead) -> LikelihoodHead:
    """Returns the head of the mixture of `members`, with log w as one more parameter of each member."""
    p, m, *shape = members.output
    build = partial(_mixture, members=members.build, m=m)
    return LikelihoodHead(members.name, ((p + 1) * m, *shape), build, m)


def _mixture(numbers: Tensor, members: Callable[[Tensor], Distribution], m: int) -> Mixture:
    whole = numbers.unflatten(1, (-1, m))
    each = members(whole[:, 1:])
    return Mixture(whole[:, 0], each, each.event_dims - 1)


def negative_log_likelihood_of_one(model: MADE, batch: Batch, rng: Rng) -> Terms:
    """Computes -log p(x|c, masks k) in nats, shape (B,), with a random k at each step."""
    k = int(rng.permutation("mask", model.masks)[0])
    return Terms({"nll": -model.single.build(model.net(batch.x, batch.c, k)).log_prob(batch.x)})
