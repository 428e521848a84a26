"""Models that denoise, translate, predict and classify by formulas, for tests of the methods on files."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from simulacra import Classifies, Denoises, HasDensity, Model, Predicts, Rng, Samples, Translates
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space


class Shifts(Model, Samples, HasDensity, Denoises, Translates, Predicts):
    """Standard normal numbers; noise is a shift, and classes have signs.

    Args:
        space: what one observation is.
        targets: number of classes that `translate` leads to, 2, or 0 for one target.

    Reference: Nobody and Nemo 1999.
    """

    def __init__(self, space: Space, targets: int = 2):
        super().__init__(space)
        self.source = space
        self.targets = Categorical((), 2, ("same", "mirrored")) if targets else None

    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Sum of the logarithms of standard normal densities, in nats, shape (B,)."""
        return torch.distributions.Normal(0.0, 1.0).log_prob(x.float()).flatten(1).sum(1)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Standard normal numbers, shape (B, *)."""
        return rng.normal("x", *self.space.shape)

    def clean(self, x: Tensor, rng: Rng, c: Tensor | None = None, level: float | None = None) -> Tensor:
        """x without `level` and with a small number of its own, shape (B, *)."""
        return x - (0.5 if level is None else level) + 0.1 * rng.normal("noise", *self.space.shape)

    def carry(self, x: Tensor, rng: Rng, to: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """x, or its mirror image for the class 1, shape (B, *)."""
        sign = -torch.ones(len(x)) if to is None else 1.0 - 2.0 * to.float()
        return x * sign.view(-1, *[1] * (x.dim() - 1))

    def response(self, x: Tensor) -> Tensor:
        """Sum and mean of the entries, shape (B, 2)."""
        return torch.stack([x.flatten(1).sum(1), x.flatten(1).mean(1)], 1)


class Sorts(Model, Classifies):
    """Two classes by the sign of the first entry.

    Args:
        space: what one observation is.

    Reference: Nobody and Nemo 1999.
    """

    def __init__(self, space: Space):
        super().__init__(space)
        self.w = nn.Parameter(torch.tensor([[-1.0, 1.0]]))

    def label_logits(self, x: Tensor) -> Tensor:
        """Minus and plus the first entry, shape (B, 2)."""
        return x.flatten(1)[:, :1].float() * self.w
