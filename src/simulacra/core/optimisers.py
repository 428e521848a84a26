"""Optimisers as values: what to build, and a learning rate that is a pure function of progress."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn

Schedule = Callable[[float], float]


def constant(progress: float) -> float:
    """Factor 1 throughout."""
    return 1.0


def cosine(progress: float) -> float:
    """From 1 to 0 along half a cosine."""
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def linear(progress: float) -> float:
    """From 1 to 0 along a line."""
    return max(1.0 - progress, 0.0)


def burda(progress: float) -> float:
    """Eight rungs 10^(-i/7), rung i lasting 3^i of 3280 passes (Burda et al. 2015)."""
    passes = progress * 3280
    return 10 ** (-next((i for i in range(8) if passes < (3 ** (i + 1) - 1) / 2), 7) / 7)


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "cosine": cosine,
    "linear": linear,
    "burda": burda,
}


def warmed(schedule: Schedule, share: float) -> Schedule:
    """`schedule` after a linear rise over the first `share` of the progress."""
    return lambda progress: min(1.0, (progress + 1e-12) / share) * schedule(progress)


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015), fused; AdamW where `weight_decay` is positive.

    Args:
        lr: learning rate at factor 1.
        schedule: factor of the learning rate as a function of the stage's progress in [0, 1].
        clip: largest norm of the gradient, or None.
    """

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    schedule: Schedule = constant
    clip: float | None = None

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The torch optimiser over `parameters`."""
        kind = torch.optim.AdamW if self.weight_decay else torch.optim.Adam
        return kind(
            list(parameters),
            lr=self.lr,
            betas=self.betas,
            eps=self.eps,
            weight_decay=self.weight_decay,
            fused=True,
        )


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, with momentum where it is positive."""

    lr: float = 1e-2
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: Schedule = constant
    clip: float | None = None

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The torch optimiser over `parameters`."""
        return torch.optim.SGD(
            list(parameters),
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            fused=True,
        )
