"""Squared error and R^2 of reconstructions.

    R^2 = 1 - sum |x - decode(encode(x))|^2 / sum |x - mean x|^2

It is no likelihood: an identity map has R^2 = 1 and models nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.inputs.chunks import rows_within
from simulacra.core.interface import CHUNK
from simulacra.core.model import Model
from simulacra.core.spaces.plain import Levels, Space
from simulacra.core.storage.records import Record
from simulacra.data.dataset import Dataset
from simulacra.evaluation.rows import condition_of, count, subset


@dataclass
class Reconstruction(Record):
    """Squared errors of reconstructions, in features of the raw space.

    Features are levels scaled to [0, 1] (or by the deviation of the training rows if those use a small part
    of the levels), and one-hot classes.

    Args:
        mse: mean squared error of an entry.
        error: its standard error over rows.
        explained: R^2, relative to the mean of the reconstructed rows.
        rows: number of rows.
        unit: number of levels that one unit of the features stands for; None for at most 256 levels.
    """

    mse: float
    error: float
    explained: float
    rows: int
    unit: float | None = None


def reconstruction(
    model: Model, data: Dataset, split: str = "test", seed: int = 0, limit: int | None = None
) -> Reconstruction:
    """Reconstructs random rows of a split and measures the squared error.

    Args:
        model: model that encodes and decodes.
        data: data set.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of rows and of all draws.
        limit: number of rows; None: all.

    Raises:
        ValueError: if the model does not encode and decode.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> run = reconstruction(simulacra.PCA(data.space, latent=2), data)
        >>> round(run.explained, 4)
        1.0
    """
    sums, squares, known = torch.zeros(()), torch.zeros(()), torch.zeros(())
    rows: list[Tensor] = []
    for pair in reconstructed(model, data, split, seed, limit):
        x, back, there = (t.flatten(1) for t in (pair.x, pair.back, pair.known))
        rows.append(torch.stack([(there * (x - back).square()).sum(1), there.sum(1)]))
        sums, squares, known = (
            sums + (there * x).sum(0),
            squares + (there * x * x).sum(0),
            known + there.sum(0),
        )
    spread = float((squares - sums.square() / known.clamp_min(1)).sum())
    lost, entries = torch.cat(rows, 1)
    errors, mse = float(lost.sum()), float(lost.sum() / entries.sum())
    # standard error of a ratio of sums over rows, by the delta method
    error = float((lost - mse * entries).square().sum().sqrt() / entries.sum())
    explained = 1 - errors / spread if spread > 0 else float(errors == 0)
    return Reconstruction(mse, error, explained, count(data[split], limit), _unit(data.preprocessing.raw))


def _unit(raw: Space) -> float | None:
    return raw.place[1] if isinstance(raw, Levels) and raw.levels > 256 else None


@dataclass(frozen=True)
class Pair:
    """Rows and their reconstructions, as features of the raw space, float64 on the CPU, shape (B, *).

    Args:
        x: the rows.
        back: decode(encode(x)).
        known: 1 where x is observed, otherwise 0; errors count at observed entries only.
    """

    x: Tensor
    back: Tensor
    known: Tensor


def reconstructed(
    model: Model, data: Dataset, split: str, seed: int = 0, limit: int | None = None
) -> Iterator[Pair]:
    """Yields the rows of a split with their reconstructions, block by block.

    Args:
        model: model that encodes and decodes.
        data: data set.
        split: `train`, `valid` or `test`.
        seed: seed of the choice of rows and of all draws.
        limit: number of rows, chosen at random; None: all.

    Raises:
        ValueError: if the model does not encode and decode.
    """
    if not (model.supports(can.Encodes) and model.supports(can.Decodes)):
        raise can.MissingCapability(f"{type(model).__name__} does not encode and decode.")
    chosen, raw = subset(data[split], limit, seed), data.preprocessing.raw
    for index in torch.arange(len(chosen)).split(rows_within(raw, CHUNK)):
        rows = chosen.rows(index)
        back = model.reconstruct(rows.x, condition_of(model, rows.c), seed, rows.known).cpu()
        x = raw.measured(rows.x.cpu(), torch.float64)
        known = torch.ones_like(x) if rows.known is None else raw.features_known(rows.known.cpu()).to(x.dtype)
        yield Pair(x, raw.measured(back, torch.float64), known)
