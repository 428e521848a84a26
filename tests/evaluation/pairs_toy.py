"""Pairs and models of pairs whose scores are known: x = a c + s e, c and e standard normal."""

from __future__ import annotations

import torch
from torch import Tensor

from simulacra import Levels, Model, Real, from_tensors
from simulacra.core.capabilities.general import Samples, TakesCondition
from simulacra.core.preprocessing.chain import Preprocessing

SHAPE = (1, 4, 4)
A, S = 0.6, 0.8  # x has variance 1, of which the source tells 36 %


class Sampler(Model, Samples, TakesCondition):
    """Draws slope c + scale e, with e multiplied by `spread`.

    Args:
        space: space of x.
        condition: space of the source.
        slope: a for the truth; 0 ignores the source.
        scale: s for the truth; 0 draws no noise.
        spread: 1 for the truth; 0 draws noise and ignores it.
    """

    def __init__(self, space, condition=None, slope: float = A, scale: float = S, spread: float = 1.0):
        super().__init__(space, condition)
        self.slope, self.scale, self.spread = slope, scale, spread

    def draw(self, rng, c=None) -> Tensor:
        """Returns slope c + scale spread e, shape (B, *)."""
        y = self.slope * c
        if not self.scale:
            return y
        return y + self.scale * self.spread * rng.normal("e", *self.space.shape, dtype=y.dtype)


def regression(n: int = 600, slope: float = A, scale: float = S, shape=SHAPE, seed: int = 0, **more):
    """Pairs of real numbers."""
    g = torch.Generator().manual_seed(seed)
    c, e = torch.randn(2, n, *shape, generator=g)
    return from_tensors(slope * c + scale * e, Real(shape), c=c, condition=Preprocessing(Real(shape)), **more)


def pictures(n: int = 60, factor: int = 1, channels=(1, 1), side: int = 8, seed: int = 0):
    """Pairs of pictures of 256 levels; the source is negative, smaller by `factor`, or grey."""
    g = torch.Generator().manual_seed(seed)
    whole = torch.randint(0, 256, (n, max(channels), side, side), generator=g, dtype=torch.uint8)
    c = (255 - whole)[:, : channels[0], ::factor, ::factor].contiguous()
    x = whole[:, : channels[1]].contiguous()
    return from_tensors(x, Levels(x.shape[1:], 256), c=c, condition=Levels(c.shape[1:], 256))


def model_of(data, **arguments) -> Sampler:
    """A model with the preprocessing of the data."""
    model = Sampler(data.space, data.condition, **arguments)
    model.preprocessing, model.conditioning = data.preprocessing, data.conditioning
    return model
