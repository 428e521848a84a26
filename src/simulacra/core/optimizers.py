"""Optimizers as configuration values, with a learning rate that is a pure function of progress."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Schedule = Callable[[float], float]


def constant(progress: float) -> float:
    """Returns the factor 1 throughout."""
    return 1.0


def cosine(progress: float) -> float:
    """Returns a factor that falls from 1 to 0 along half a cosine."""
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def linear(progress: float) -> float:
    """Returns a factor that falls linearly from 1 to 0."""
    return max(1.0 - progress, 0.0)


def burda(progress: float) -> float:
    """Returns 10^(-i/7) in phase i of eight, which lasts 3^i of 3280 passes (Burda et al. 2015)."""
    passes = progress * 3280
    return 10 ** (-next((i for i in range(8) if passes < (3 ** (i + 1) - 1) / 2), 7) / 7)


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "cosine": cosine,
    "linear": linear,
    "burda": burda,
}


def warmed(schedule: Schedule, share: float) -> Schedule:
    """Returns `schedule` with a linear warm-up.

    Args:
        schedule: factor of the learning rate as a function of progress in [0, 1].
        share: fraction of the progress that the warm-up takes, above 0.

    Example:
        >>> round(warmed(constant, 0.1)(0.05), 3), warmed(constant, 0.1)(0.5)
        (0.5, 1.0)
    """
    return lambda progress: min(1.0, (progress + 1e-12) / share) * schedule(progress)


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015), fused; AdamW where `weight_decay` is positive.

    Args:
        lr: learning rate at factor 1.
        betas: decay rates of the moving averages of the gradient and of its square.
        eps: term added to the denominator, for numerical stability.
        weight_decay: decoupled weight decay.
        schedule: factor of the learning rate as a function of the stage's progress in [0, 1].
        clip: largest norm of the gradient; None: no clipping.

    Example:
        >>> Adam(lr=3e-4, schedule=cosine).schedule(0.5)
        0.5
    """

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    schedule: Schedule = constant
    clip: float | None = None

    @property
    def moments(self) -> int:
        """Number of tensors that the optimizer keeps for each parameter."""
        return 2

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Returns the torch optimizer of these parameters."""
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
    """Stochastic gradient descent, with momentum if it is positive.

    Args:
        lr: learning rate at factor 1.
        momentum: momentum factor.
        weight_decay: L2 penalty.
        schedule: factor of the learning rate as a function of the stage's progress in [0, 1].
        clip: largest norm of the gradient; None: no clipping.
    """

    lr: float = 1e-2
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: Schedule = constant
    clip: float | None = None

    @property
    def moments(self) -> int:
        """Number of tensors that the optimizer keeps for each parameter."""
        return int(self.momentum > 0)

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Returns the torch optimizer of these parameters."""
        return torch.optim.SGD(
            list(parameters),
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            fused=True,
        )


@dataclass(frozen=True)
class Plain:
    """Gradient descent, p <- p - lr g, without torch.optim, whose import loads torch's compiler.

    It keeps no state. It serves short timing runs and is not meant for training.

    Args:
        lr: learning rate at factor 1.
        schedule: factor of the learning rate as a function of the stage's progress in [0, 1].
        clip: largest norm of the gradient; None: no clipping.
    """

    lr: float = 1e-3
    schedule: Schedule = constant
    clip: float | None = None

    @property
    def moments(self) -> int:
        """Number of tensors that the optimizer keeps for each parameter."""
        return 0

    def build(self, parameters: Iterable[nn.Parameter]) -> PlainDescent:
        """Returns the optimizer of these parameters."""
        return PlainDescent(list(parameters), self.lr)


class PlainDescent:
    """The optimizer of `Plain`, with the methods of `torch.optim.Optimizer` that training calls.

    Args:
        parameters: parameters that it updates.
        lr: learning rate.
    """

    def __init__(self, parameters: list[nn.Parameter], lr: float):
        self.param_groups: list[dict[str, Any]] = [{"params": parameters, "lr": lr}]
        self.state: dict[nn.Parameter, dict[str, Tensor]] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Sets p <- p - lr g for each parameter that has a gradient."""
        group = self.param_groups[0]
        moved = [p for p in group["params"] if p.grad is not None]
        torch._foreach_add_(moved, [p.grad for p in moved], alpha=-group["lr"])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clears the gradients.

        Args:
            set_to_none: set them to None, instead of zero.
        """
        for p in self.param_groups[0]["params"]:
            p.grad = None if set_to_none or p.grad is None else p.grad.zero_()

    def state_dict(self) -> dict[str, Any]:
        """Returns an empty state, since no tensor is kept."""
        return {"state": {}, "param_groups": []}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Checks that the given state is empty."""
        assert not state["state"], "steps that are timed are never resumed"


Optimizer = Adam | SGD | Plain
