"""Compares the Frechet distance of features with torchmetrics, on the same rows in the same precision."""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor, nn

from benchmarks.timing import Row, interleaved, median, ratio
from simulacra.evaluation.samples.distances import frechet_distance

ROWS = 10_000


class Given(nn.Module):
    """A feature network for rows that are features already."""

    def __init__(self, features: int):
        super().__init__()
        self.num_features = features

    def forward(self, rows: Tensor) -> Tensor:
        """Returns the rows unchanged."""
        return rows


def features(d: int, seed: int) -> Tensor:
    """Returns correlated, non-negative rows like those of a last hidden layer, float64, shape (ROWS, d).

    Args:
        d: number of features.
        seed: seed of the rows, which also shifts their mean.
    """
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=generator, dtype=torch.float64) / math.sqrt(d)
    return (torch.randn(ROWS, d, generator=generator, dtype=torch.float64) @ mix + 0.1 * seed).relu()


def theirs(x: Tensor, y: Tensor) -> float:
    """Returns the distance of torchmetrics, with all rows of a side at once."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(Given(x.shape[1])).set_dtype(torch.float64)
    metric.update(x, real=True)
    metric.update(y, real=False)
    return float(metric.compute())


def distances(quick: bool) -> list[Row]:
    """Compares the distance with torchmetrics: faster, with the same value."""
    return [
        against_torchmetrics(256, 7 if quick else 25),
        *([] if quick else [against_torchmetrics(2048, 2)]),
    ]


def against_torchmetrics(d: int, repeats: int) -> Row:
    """Returns one row of the table: the ratio of times, and the difference of values.

    Args:
        d: number of features.
        repeats: number of interleaved repeats.
    """
    x, y = features(d, 1), features(d, 2)
    values: dict[str, float] = {}
    actions = {
        "ours": lambda: values.update(ours=frechet_distance(x, y)),
        "torchmetrics": lambda: values.update(torchmetrics=theirs(x, y)),
    }
    seconds = interleaved(actions, repeats, clock=time.process_time)
    low, mid, high = ratio(seconds, "torchmetrics", "ours")
    apart = abs(values["ours"] - values["torchmetrics"])
    return Row(
        f"Frechet distance of {d:,} features, torchmetrics / ours",
        f"{mid:.2f} ({low:.2f} to {high:.2f})",
        ">= 1",
        mid >= 1 and apart < 1e-4,
        f"2 x {ROWS:,} rows, float64, ours {1e3 * median(seconds['ours']):.0f} ms; the values, "
        f"{values['ours']:.4f}, are {apart:.0e} apart",
    )
