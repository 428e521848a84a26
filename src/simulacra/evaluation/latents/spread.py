"""Compares the variance of a decoder with that of its errors, and edges in reconstructions and data.

The decoder's variance is the mean square of the noise that it adds to the expected x of a sampled code:

    E Var[x|z] = E (x - E[x|z])^2,   z ~ p(z), x ~ p(x|z)                        (1)

Both terms use the same z, so that differences between codes do not contribute. The optimal variance of a
Gaussian decoder is that of its residuals r = x - E[x|z], z ~ q(z|x). A decoder with a larger variance ignores
small changes of x: few latents are used, and its samples are noise around a blur. With D the differences of
neighbouring pixels,

    detail = E |D E[x|z]|^2 / E |D x|^2                                          (2)

is the share of the edges that reconstructions keep.

Reference: Theis et al. 2016; Huszar 2015; Rybkin et al. 2021 (optimal variance). Row E7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.export.noise import Recorded
from simulacra.core.inputs.chunks import Rows
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng, some_of
from simulacra.core.spaces.plain import Levels, Real
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.rows import blocks, count, prepared_condition, subset

ROWS = 500


@dataclass(frozen=True)
class Spread:
    """Standard deviations of an entry, in the features of the model's space.

    Args:
        decoder: of x given z by the model, equation (1); None if samples do not expose their code.
        residual: root mean square of x - E[x|z].
        detail: equation (2); None if rows are no images.
        rows: number of rows.
    """

    decoder: float | None
    residual: float
    detail: float | None
    rows: int = ROWS


def spread(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> Spread | None:
    """Evaluates equations (1) and (2) on at most 500 rows of `split`.

    Args:
        model: model that encodes and decodes.
        data: data set.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of rows and of all draws.
        limit: largest number of rows; None: 500.

    Returns:
        the numbers; None for classes, binary pixels and missing entries, or if the model does not encode and
        decode.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> found = spread(simulacra.VAE(data.space, latent=2, scale=3.0), data)
        >>> abs(found.decoder - 3.0) < 0.2
        True
    """
    if not measurable(model, data, split):
        return None
    rows = subset(data[split], min(ROWS, count(data[split], limit)), seed)
    x, shown = [], []
    with evaluating(model):
        for block in blocks(model, rows, seed):
            x.append(_features(model, block.y))
            shown.append(_features(model, _expected(model, block)))
        decoder = _decoder(model, rows, len(rows), seed)
    seen, means = torch.cat(x), torch.cat(shown)
    residual = math.sqrt(float((seen - means).square().mean()))
    return Spread(decoder, residual, _detail(model.space.image, seen, means), len(rows))


def measurable(model: Model, data: Dataset, split: str) -> bool:
    """Returns True if rows are numbers without missing entries that the model reconstructs with an error.

    Args:
        model: the model.
        data: data set.
        split: `train`, `valid` or `test`.
    """
    whole = data[split].known is None and len(data[split]) > 1
    varies = isinstance(model.space, (Real, Levels))
    return whole and varies and can.reconstructs(model)


def _features(model: Model, x: Tensor) -> Tensor:
    # in the model's space, because raw values are clipped to the range of their levels
    return model.space.features(x, torch.float64).cpu()


def _expected(model: Model, block: Rows) -> Tensor:
    """Returns E[x|z], with z ~ q(z|x) if there is a posterior."""
    if model.supports(can.HasPosterior):
        z = can.able(model, can.HasPosterior).posterior(block.y, block.c).sample(block.rng, "z")
    else:
        z = can.able(model, can.Encodes).infer(block.y, block.c)
    return can.able(model, can.Decodes).emit(z, block.c)


def _decoder(model: Model, split: Split, n: int, seed: int) -> float | None:
    """Returns the root of equation (1); None if a sample has no noise `z` that is its code."""
    if not (model.supports(can.HasPosterior) and model.supports(can.Samples)):
        return None
    decodes = can.able(model, can.Decodes)
    asked = Recorded()
    c = prepared_condition(model, split.rows(some_of(len(split), n, Rng(seed, "spread"))).c)
    rng = Rng(seed, "spread", rows=range(n), device=model.device, source=asked)
    x = can.able(model, can.Samples).draw(rng, c)
    z = asked.tensors.get("noise_z")
    # (1) needs the code of the sample itself
    if z is None or z.shape != (n, decodes.code_size):
        return None
    # (1)
    away = _features(model, x) - _features(model, decodes.emit(z.to(model.dtype), c))
    return math.sqrt(float(away.square().mean()))


def _detail(image: bool, x: Tensor, shown: Tensor) -> float | None:
    """Returns equation (2); None if rows are no images."""
    if not image:
        return None
    # (2)
    edges = [sum(float(rows.diff(dim=i).square().sum()) for i in (-1, -2)) for rows in (x, shown)]
    return edges[1] / edges[0] if edges[0] else None
