"""The local dimension of data and of what a model generates: the manifold hypothesis, measured.

Observations lie near a surface of few dimensions, and a generator maps its codes onto one. Both dimensions
are those of `core.numerics.dimension`, of as many rows each: the density of rows sets the smallest scale.

Reference: Fukunaga and Olsen 1971. Row D20.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.numerics.dimension import Curve, local_dimension
from simulacra.core.random.keyed import Rng
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.rows import condition_of, feature_blocks, features, samples_like, subset

ROWS = 1000  # largest number of rows of each kind


@dataclass(frozen=True)
class Dimensions(Record):
    """Local dimensions of the data and of generated rows, as many of each.

    Args:
        data: of training rows.
        samples: of samples; None if the model does not sample.
        decoded: of the expectations of x given codes of the prior, which lie on the surface itself where
            samples have noise; None if samples are decoded codes.
    """

    data: Curve
    samples: Curve | None = None
    decoded: Curve | None = None

    @property
    def curves(self) -> dict[str, Curve]:
        """The curves that were measured, by the name of their rows."""
        named = {"data": self.data, "samples": self.samples, "decoded codes": self.decoded}
        return {name: curve for name, curve in named.items() if curve is not None}


def dimensions(
    model: Model, data: Dataset, n: int = ROWS, seed: int = 0, split: str = "test", limit: int | None = None
) -> Dimensions:
    """Measures the local dimension of training rows and of as many generated rows.

    Args:
        model: model; its samples are measured if it draws them.
        data: data set of numbers.
        n: largest number of rows of each kind.
        seed: seed of the choice of rows and of all draws.
        split: rows whose conditions generated rows are given.
        limit: a further largest number of rows; None: none.

    Raises:
        ValueError: if there are fewer than five rows.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> dimensions(simulacra.VAE(data.space, latent=1, hidden=()), data, n=300).decoded.found
        1.0
    """
    n = min(n, ROWS, len(data.train), n if limit is None else limit)
    x = torch.cat(list(feature_blocks(model, subset(data.train, n, seed), seed)))
    samples = decoded = None
    if model.supports(can.Samples):
        samples = local_dimension(features(model, samples_like(model, data[split], n, seed)), seed=seed)
        if model.supports(can.HasPosterior) and model.supports(can.Decodes):
            decoded = local_dimension(features(model, _decoded(model, data[split], n, seed)), seed=seed)
    return Dimensions(local_dimension(x, seed=seed), samples, decoded)


def _decoded(model: Model, split: Split, n: int, seed: int) -> Tensor:
    """Returns the expectations of x given codes of the prior N(0, I), in raw units, shape (n, *)."""
    size = can.able(model, can.Decodes).code_size
    with evaluating(model):
        z = Rng(seed, "dimension", rows=range(n), device=model.device).normal("z", size, dtype=model.dtype)
    rows = torch.arange(n) % len(split)
    return model.decode(z, condition_of(model, split.rows(rows).c))


def dimension_rows(found: Dimensions) -> list[tuple[str, str]]:
    """Returns name and value of each dimension, in words."""
    return [(f"local dimension of {name}", curve.words) for name, curve in found.curves.items()]
