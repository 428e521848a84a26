"""Pairs and models of pairs whose scores are known: x = a c + s e, c and e standard normal.

x has variance 1, of which the source tells a^2 = 36 %.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities.general import Samples, TakesCondition
from simulacra.core.model import Model
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real, Space
from simulacra.data.dataset import Dataset
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.measures.measure import Case, Evidence
from simulacra.evaluation.measures.pairs import HEEDING, TRANSLATED
from simulacra.evaluation.measures.registry import evidence_of

SHAPE = (1, 4, 4)
A, S = 0.6, 0.8


class Sampler(Model, Samples, TakesCondition):
    """Draws slope c + scale spread e.

    Args:
        space: space of x.
        condition: space of the source.
        slope: a for the truth; 0 ignores the source.
        scale: s for the truth; 0 draws no noise.
        spread: 1 for the truth; 0 draws noise and ignores it.
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        slope: float = A,
        scale: float = S,
        spread: float = 1.0,
    ):
        super().__init__(space, condition)
        self.slope, self.scale, self.spread = slope, scale, spread

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns slope c + scale spread e, shape (B, *)."""
        assert c is not None
        y = self.slope * c
        if not self.scale:
            return y
        return y + self.scale * self.spread * rng.normal("e", *self.space.shape, dtype=y.dtype)


def regression(
    n: int = 600,
    slope: float = A,
    scale: float = S,
    shape: tuple[int, ...] = SHAPE,
    seed: int = 0,
    **more: Any,
) -> Dataset:
    """Returns pairs x = slope c + scale e."""
    c, e = torch.randn(2, n, *shape, generator=torch.Generator().manual_seed(seed))
    x = slope * c + scale * e
    return from_tensors(x, Real(shape), c=c, condition=Preprocessing(Real(shape)), **more)


def model_of(data: Dataset, **arguments: float) -> Sampler:
    """Returns a model with the preprocessing of the data."""
    model = Sampler(data.space, data.condition, **arguments)
    model.preprocessing, model.conditioning = data.preprocessing, data.conditioning
    return model


def translations(seed: int, **arguments: float) -> Evidence:
    """Measures what the translations of 200 held-out sources depend on."""
    data = regression(600, seed=seed, test=1 / 3)
    case = Case(model_of(data, **arguments), data, seed=seed)
    return evidence_of((TRANSLATED, HEEDING), case)
