"""The loss of moment matching networks, its kernels and its noise.

    MMD^2 = 1/n^2 sum_ii' k(x_i, x_i') - 2/(nm) sum_ij k(x_i, y_j) + 1/m^2 sum_jj' k(y_j, y_j')          (1)
    k(x, y) = sum_s exp(-|x - y|^2 / 2 s^2)                                                              (2)
    loss = sqrt(MMD^2)                                                                                   (3)

A Gaussian kernel compares the moments of all orders at once: (1) is the squared distance of the means of
infinitely many features, and is 0 in expectation only if both distributions are equal. The root (3) keeps the
gradient large where the distance is small. Bandwidths s that are not given are multiples of the median
distance between training rows.

The loss is one statistic of the batch. Its expectation at equal distributions is of the order 1/n, and its
noise falls as 1/n, too: batches of about 1,000 rows work best, which the models recommend.

Reference: Li, Swersky and Zemel, Generative moment matching networks, 2015, equations 3, 4 and 8; Gretton et
al. 2012. Rows H1 to H3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from simulacra.core.distributions.divergences import mmd2, squared_distances
from simulacra.core.numerics.exchange import all_rows
from simulacra.core.random.keyed import Rng, some_of
from simulacra.core.updates import Source

FACTORS = (0.125, 0.25, 0.5, 1.0)  # bandwidths in units of the median distance
COMPARED = 512  # training rows whose distances give the median
SMALLEST = 1e-8  # of MMD^2 below which its root has no gradient
LARGE_BATCHES = {"batch_size": 1000}  # recommended options of training


def discrepancy(x: Tensor, y: Tensor, bandwidths: Tensor) -> Tensor:
    """Returns the loss (3) between the rows of all processes, shape ().

    Args:
        x: rows of data, shape (n, *).
        y: samples, shape (m, *).
        bandwidths: s of each kernel, shape (K,).

    Example:
        >>> x = torch.zeros(2, 1)
        >>> round(discrepancy(x, x + 100, torch.ones(1)).item(), 4)  # two points far apart: root of 2
        1.4142
    """
    x, y = all_rows(x.flatten(1)), all_rows(y.flatten(1))
    # distances do not change if all rows move; products of small numbers keep their digits
    centre = x.detach().mean(0)
    # (1), (3)
    return mmd2(x - centre, y - centre, bandwidths, unbiased=False, quick=True).clamp_min(SMALLEST).sqrt()


def uniform_noise(rng: Rng, name: str, size: int, dtype: torch.dtype) -> Tensor:
    """Draws noise that is uniform on [-1, 1), shape (B, size).

    Args:
        rng: source of random numbers.
        name: name of the draw.
        size: number of entries of a row.
        dtype: floating-point type.
    """
    return 2 * rng.uniform(name, size, dtype=dtype) - 1


def median_bandwidths(rows: Tensor) -> Tensor:
    """Returns `FACTORS` times the median distance between different rows, shape (4,).

    Args:
        rows: rows, shape (n, *), of which two or more differ.

    Raises:
        ValueError: if all rows are equal.

    Example:
        >>> median_bandwidths(torch.tensor([[0.0], [8.0]])).tolist()
        [1.0, 2.0, 4.0, 8.0]
    """
    squared = squared_distances(rows.flatten(1), rows.flatten(1))
    apart = squared[squared > 0]
    if not len(apart):
        raise ValueError(
            "all training rows are equal, so that no kernel has a width: give other rows, or "
            "bandwidths=(1.0,)."
        )
    return apart.median().sqrt() * torch.tensor(FACTORS, dtype=rows.dtype, device=rows.device)


def set_bandwidths(model: Any, source: Source, rng: Rng, seen: Callable[[Tensor], Tensor]) -> None:
    """Sets the model's bandwidths by the median distance, unless its constructor gave them.

    Args:
        model: model with a buffer `widths` and an argument `bandwidths`.
        source: the training split.
        rng: chooses `COMPARED` rows.
        seen: function from observations, shape (B, *), to what the loss compares.
    """
    if model.bandwidths:
        return
    index = some_of(len(source), COMPARED, rng.at("bandwidths"))
    batch = source.batch(index, rng.on(range(len(index)))).to(model.device)
    with torch.no_grad():
        model.widths.copy_(median_bandwidths(seen(batch.x)))


def check_bandwidths(bandwidths: tuple[float, ...]) -> Tensor:
    """Returns the initial widths of the kernels, shape (K,).

    Args:
        bandwidths: those given; () for those of the data.

    Raises:
        ValueError: if one is not above 0.
    """
    if any(not 0 < s < float("inf") for s in bandwidths):
        raise ValueError(
            f"bandwidths is {bandwidths}, but each is a distance above 0; () takes them from the data."
        )
    return torch.tensor(bandwidths or FACTORS)
