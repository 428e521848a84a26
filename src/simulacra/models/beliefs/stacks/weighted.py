"""Belief nets that importance weights score: the bound, and completion by resampling.

    log p(x) >= E_q log p(x, h) - log q(h|x),   w_j = p(x, h_j) / q(h_j|x),  h_j ~ q(h|x)         (1)

Reference: Bornschein and Bengio 2015 (equation 3). Rows B1, B5.
"""

from __future__ import annotations

from torch import Tensor

from simulacra.core.capabilities.general import Completes, HasImportanceWeights, TakesMissing
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.models.beliefs.stacks.generative import PROPOSALS, in_pieces
from simulacra.models.beliefs.stacks.layers import Kind
from simulacra.models.beliefs.stacks.net import Net


class WeightedNet(Net, HasImportanceWeights, Completes, TakesMissing):
    """Abstract base of belief nets whose score is the importance-weighted bound of p.

    Args:
        space: space of one observation.
        condition: space of the condition c of p(x | c); None for p(x).
        hidden: sizes of the layers h_1 (next to x) to h_L.
        layers: kind of the layers of p above x: `sbn` (independent units), `darn` or `nade`.
        recognition: kind of the layers of q.
        visible: kind of the layer of x: `sbn` takes the space's distribution with independent entries; `darn`
            and `nade` are for binary spaces without missing entries.

    Raises:
        ValueError: if a size is not positive, a kind unknown, or a kind does not fit the space.
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        hidden: tuple[int, ...] = (200,),
        layers: Kind = "sbn",
        recognition: Kind = "sbn",
        visible: Kind = "sbn",
    ):
        super().__init__(space, condition, hidden, layers, recognition, visible)
        if visible != "sbn":
            self.remove(TakesMissing)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with missing entries drawn from p(x_missing|x_known), by importance resampling.

        Each of `PROPOSALS` candidates is h ~ q(h|x_known), then x_missing ~ p(.|h_1, x_known) entry by entry.
        One is kept with probability in proportion to its weight, the terms of the known entries times
        p(h) / q(h|x_known). The draw is exact as the number of candidates grows.

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        return in_pieces(self._fill, self.space)(x, known, rng, c)

    def _fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None) -> Tensor:
        return self.resampled(self.recognize(x, c, rng, PROPOSALS, known), x, known, rng, c)
