"""A model in a package of its own: each entry of x has a distribution of its own.

log p(x) = sum_i log p(x_i | a_i)                                            (1)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from simulacra import Batch, Epochs, Model, Rng, Terms, Update
from simulacra.core.capabilities.general import HasDensity, Samples
from simulacra.core.capabilities.marker import Capability
from simulacra.core.distributions.elementary import Distribution
from simulacra.core.distributions.heads import likelihood_head
from simulacra.core.spaces.plain import Space


class ForgetsNeighbours(Capability):
    """Models every entry apart: a capability that the library does not know."""

    phrase = "models entries apart"


class Tiny(Model, Samples, HasDensity, ForgetsNeighbours):
    """Independent entries, each with its own distribution.

    Args:
        space: what one observation is.
        likelihood: distribution of an entry; `auto` takes the space's first.
        scale: what the parameters begin with: normal numbers of this deviation.

    Reference: Nobody and Nemo 1999.
    """

    length = Epochs(1)

    def __init__(self, space: Space, likelihood: str = "auto", scale: float = 0.1):
        super().__init__(space)
        self.head = likelihood_head(space, likelihood)
        self.a = nn.Parameter(scale * torch.randn(1, *self.head.output))

    def entries(self, n: int) -> Distribution:
        """The distribution of n rows."""
        return self.head.build(self.a.expand(n, *self.head.output))

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Equation (1) in nats, shape (B,)."""
        return self.entries(len(x)).log_prob(x)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """One x for each of `rng.rows`, shape (B, *)."""
        return self.entries(len(rng.rows)).sample(rng, "x")

    def updates(self) -> list[Update]:
        """One update of all parameters."""
        return [Update("tiny", ("",), negative_log_likelihood)]


def negative_log_likelihood(model: Tiny, batch: Batch, rng: Rng) -> Terms:
    """-log p(x) in nats, shape (B,)."""
    return Terms({"nll": -model.log_density(batch.x)})
