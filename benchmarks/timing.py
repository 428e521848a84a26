"""Interleaved timing: on a shared machine only ratios within one run are meaningful."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch


@dataclass
class Row:
    """One claim with its measurement.

    Args:
        what: what was measured.
        measured: the result as text.
        wanted: the target as text.
        holds: True if the result meets the target.
        note: sizes, and how it was measured.
    """

    what: str
    measured: str
    wanted: str
    holds: bool
    note: str


def interleaved(
    actions: Mapping[str, Callable[[], object]],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Returns the seconds of each action, run in turn A B A B ... after one warm-up of each.

    Args:
        actions: the actions by name.
        repeats: number of runs of each.
        clock: `time.process_time` excludes the time of other programs; it is for work that neither waits nor
            starts processes.
    """
    for action in actions.values():
        action()
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeats):
        for name, action in actions.items():
            began = clock()
            action()
            seconds[name].append(clock() - began)
    return seconds


def ratio(seconds: Mapping[str, list[float]], a: str, b: str) -> tuple[float, float, float]:
    """Returns the lowest, median and highest of the pairwise ratios a / b.

    Args:
        seconds: seconds of each action, as `interleaved` returns them.
        a: name of the numerator.
        b: name of the denominator.
    """
    pairs = [x / y for x, y in zip(seconds[a], seconds[b])]
    return min(pairs), statistics.median(pairs), max(pairs)


def median(values: list[float]) -> float:
    """Returns the median."""
    return statistics.median(values)


def matrix_rate(repeats: int = 50) -> float:
    """Returns the best rate of an fp32 product of 1280 x 200 with 200 x 784, in GFLOP/s."""
    a, b = torch.randn(1280, 200), torch.randn(200, 784)
    seconds = interleaved({"product": lambda: a @ b}, repeats)["product"]
    return 2 * 1280 * 200 * 784 / min(seconds) / 1e9
