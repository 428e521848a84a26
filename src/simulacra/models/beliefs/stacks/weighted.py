"""Belief nets that importance weights score: the bound, and completion by resampling.

    log p(x) >= E_q log p(x, h) - log q(h|x),   w_j = p(x, h_j) / q(h_j|x),  h_j ~ q(h|x)         (1)

Reference: Bornschein and Bengio 2015 (equation 3). Rows B1, B5.
"""

from __future__ import annotations

from torch import Tensor

from simulacra.core.capabilities.general import Completes, HasImportanceWeights, TakesMissing
from simulacra.core.random.keyed import Rng
from simulacra.models.beliefs.stacks.generative import PROPOSALS, in_pieces
from simulacra.models.beliefs.stacks.net import Net


class WeightedNet(Net, HasImportanceWeights, Completes, TakesMissing):
    """Abstract base of belief nets with the arguments of `Net` and the importance-weighted bound of p."""

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
