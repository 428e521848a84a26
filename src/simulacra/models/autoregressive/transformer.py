"""Transformer: causal attention over texts, and over images and other discrete data in raster order.

    p(x|c) = prod_t p(x_o(t) | x_o(1), ..., x_o(t-1), c)                         (1)
    a_t = sum_(s <= t) softmax_s(q_t . k_s / sqrt(m)) v_s                        (2)

Every entry looks at all entries before it: those that matter are found by their content, through the products
of queries q and keys k, however far back they stand. All conditionals are computed in one pass, at O(T^2) a
row. Drawing keeps the keys and values in memory that is allocated once, so an entry costs O(T) for (2), which
is little beside the matrices of the layers up to some thousand entries.

Texts go from their first token to their end; images row by row, pixel by pixel, channel by channel.

Reference: Vaswani et al., Attention Is All You Need, 2017, equation 1 (2); Radford et al. 2018, 2019; Parmar
et al., Image Transformer, 2018. Rows H18, H19.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Unpack

import torch
from torch import Tensor

from simulacra.core.capabilities.ancestral import ancestral, complete
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.codes import codes_of
from simulacra.core.spaces.plain import Space
from simulacra.models.autoregressive.codes import Coded, softmax_of_few
from simulacra.models.autoregressive.images.raster import raster_order
from simulacra.models.autoregressive.ordered import EntryKeywords
from simulacra.nets.sequences.causal_transformer import CausalTransformer, Context
from simulacra.nets.sequences.transformer import check_sizes, part, slices

AT_ONCE = 2**24  # hidden features that are computed at once where no gradient is needed (64 MB in fp32)
REMEMBERED = 2**27  # keys and values of rows that are drawn at once (512 MB in fp32)


class Transformer(Coded):
    """Causal transformer over tokens, pixels or numbers, optionally conditional, with exact log p.

    Args:
        space: space of one observation; all entries have the same kind of distribution. Entries of up to 256
            levels, and classes and tokens of any number, have embeddings.
        condition: space of the condition c of p(x | c), such as a class; None for p(x).
        layers: number of layers of attention and hidden units.
        heads: number of heads of the attention, which divides the width.
        width: number of features of an entry in each layer.
        entries: options of the order and of p(x_t | x_<t), listed in `Ordered`; without an order, images are
            in raster order. `auto` takes `categorical` for up to 256 levels.

    Raises:
        ValueError: if a size is below 1, the heads do not divide the width, entries are of several kinds, or
            the likelihood or the order does not fit the space.

    Example:
        >>> from simulacra import Tokens
        >>> space = Tokens((3,), 3, ("<end>", "a", "b"))
        >>> model = Transformer(space, layers=1, heads=2, width=6)
        >>> texts = ["", "a", "b", *(x + y for x in "ab" for y in "ab")]
        >>> texts += [x + y for x in ("aa", "ab", "ba", "bb") for y in "ab"]
        >>> round(float(model.log_prob(texts).values.exp().sum()), 4)
        1.0
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        layers: int = 4,
        heads: int = 4,
        width: int = 128,
        *,
        seed: int = 0,
        **entries: Unpack[EntryKeywords],
    ):
        check_sizes(layers, heads, width)
        entries["likelihood"] = softmax_of_few(space, entries.get("likelihood", "auto"))
        super().__init__(space, condition, **entries)
        order = entries.get("order")
        image = order is None and len(space.shape) == 3
        if image:
            self.ordering = raster_order(space.shape)
        # nothing has to be sorted
        self._straight = space.shape[0] == 1 if image else order is None or list(order) == sorted(order)
        self.codes = codes_of(space)
        size = math.prod(condition.features_shape) if condition else 0
        self.net = CausalTransformer(self.codes, self.per_entry, space.dims, layers, heads, width, size)

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Recommended: a rate that falls to 0, and gradients clipped at 1."""
        return {"schedule": "cosine", "clip": 1.0}

    @property
    def any_width(self) -> bool:
        """True if the network takes entries in the order in which rows hold them."""
        return self._straight

    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the distribution parameters of each entry given the preceding ones, shape (B, P, *).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
        """
        u, f = self.inputs(x.unsqueeze(1).flatten(1)), self._given(c)
        if self._straight:
            y = self._outputs(u, f)
        else:
            y = self._outputs(u[:, self.ordering], f).index_select(1, self.ordering.argsort())
        y = y.transpose(1, 2)
        return y.unflatten(2, x.shape[1:]) if self.space.shape else y.squeeze(2)

    def begin(self, n: int, c: Tensor | None = None) -> Context:
        """Returns the sampling state before the first entry, with memory for all.

        Args:
            n: number of rows.
            c: conditions, shape (n, *), or None.
        """
        return self.net.begin(n, self._given(c))

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Samples x entry by entry in the order, shape (B, *), as many rows at once as memory is meant for.

        Args:
            rng: source of random numbers, which has the number of rows.
            c: condition, or None.
            how: options of drawing; None: the model's own.
            watch: called after each entry with the number of entries drawn, their total, x so far and True
                for the entries that are drawn, of all rows at once; None: never.
        """
        if watch is not None:
            return ancestral(self, rng, c, watch=watch, how=how)
        return torch.cat([ancestral(self, _on(rng, at), part(c, at), how=how) for at in self._rows(rng)])

    def fill(
        self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None, how: Sampling | None = None
    ) -> Tensor:
        """Returns x with missing entries drawn given the known ones, by `ancestral.complete`.

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
            how: options of drawing; None: the model's own.
        """
        return torch.cat(
            [complete(self, x[at], known[at], _on(rng, at), part(c, at), how) for at in self._rows(rng)]
        )

    def _outputs(self, u: Tensor, f: Tensor | None) -> Tensor:
        """Returns the outputs, shape (B, d, P)."""
        return self.net.in_parts(u, f, AT_ONCE)

    def _rows(self, rng: Rng) -> list[slice]:
        """Returns the rows that are drawn at once."""
        return slices(len(rng.rows), REMEMBERED // (2 * len(self.net.blocks) * self.net.P.numel()))

    def _given(self, c: Tensor | None) -> Tensor | None:
        return None if self.condition is None or c is None else self.condition.vectors(c, self.dtype)


def _on(rng: Rng, at: slice) -> Rng:
    return rng.on(rng.rows[at])
