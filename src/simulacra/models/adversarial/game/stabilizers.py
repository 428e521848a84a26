"""Stabilizers of adversarial training, each a small function.

    gradient penalty         lambda (|grad_x s(x^)| - 1)^2,  x^ = e x + (1 - e) G(z),  e uniform        (1)
    weight clipping          every weight of D into [-clip, clip] after its update                      (2)
    feature matching         the generator's loss becomes |E f(x) - E f(G(z))|^2                        (3)
    historical averaging     lambda |theta - mean_t theta_t|^2 for both players                         (4)
    one-sided smoothing      rows of data have the label 0.9 instead of 1                               (5)
    label flips              a random share of the rows that D sees has the other label                 (6)
    instance noise           N(0, s^2) on every input of D, s decays to 0 over the training             (7)
    R1                       gamma/2 |grad_x s(x)|^2 at rows of data                                    (8)
    R2                       gamma/2 |grad_x s(x)|^2 at samples                                         (9)

Under (7) data and samples both have a density everywhere. At equilibrium s is constant, where (8) and (9) are
0 and (1) is not.

Reference: Gulrajani et al. 2017; Arjovsky et al. 2017; Salimans et al. 2016; Chintala et al. 2016 (ganhacks);
Mescheder, Geiger and Nowozin 2018; Deep Learning 20.10.4. Rows F15, F16, F18, G10, G11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Stabilizers:
    """The stabilizers that a game uses; 0 disables one (`smoothing`: 1).

    Args:
        gradient_penalty: lambda of (1).
        clip: bound of (2).
        feature_matching: if True, the generator minimizes (3).
        historical_averaging: lambda of (4).
        smoothing: label of real rows in (5), in (0.5, 1].
        flips: share of flipped labels in (6), in [0, 0.5).
        noise: standard deviation s of (7) at the start, in units of the features.
        r1: gamma of (8).
        r2: gamma of (9).

    Raises:
        ValueError: if a number is out of range.
    """

    gradient_penalty: float = 0.0
    clip: float = 0.0
    feature_matching: bool = False
    historical_averaging: float = 0.0
    smoothing: float = 1.0
    flips: float = 0.0
    noise: float = 0.0
    r1: float = 0.0
    r2: float = 0.0

    @property
    def slopes(self) -> tuple[str, ...]:
        """Names of the penalties in use that take the gradient of the score at each row."""
        return tuple(name for name in ("gradient_penalty", "r1", "r2") if getattr(self, name))

    def __post_init__(self) -> None:
        for name in ("gradient_penalty", "clip", "historical_averaging", "noise", "r1", "r2"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must not be negative; 0 is none.")
        if not 0.5 < self.smoothing <= 1:
            raise ValueError(f"smoothing is {self.smoothing}, but it must lie in (0.5, 1], such as 0.9.")
        if not 0 <= self.flips < 0.5:
            raise ValueError(f"flips is {self.flips}, but it must lie in [0, 0.5), such as 0.05.")


def gradient_penalty(score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, e: Tensor) -> Tensor:
    """Computes (|grad_x s(x^)| - 1)^2 of equation (1) without its lambda, shape (B,).

    Args:
        score: the function s to (B,), which must treat rows independently; the mean of scores of patches.
        real: rows of data as D sees them, shape (B, *).
        fake: samples, shape (B, *).
        e: interpolation weights of `real`, uniform in [0, 1], shape (B, 1).

    Example:
        >>> w = torch.tensor([3.0, 4.0])
        >>> gradient_penalty(lambda x: x @ w, torch.zeros(1, 2), torch.ones(1, 2), torch.ones(1, 1)).item()
        16.0
    """
    e = e.view(-1, *[1] * (real.dim() - 1))
    with torch.enable_grad():
        between = torch.lerp(fake, real, e).requires_grad_()
        (slope,) = torch.autograd.grad(score(between).sum(), between, create_graph=True)
        # (1)
        return (slope.flatten(1).norm(dim=1) - 1).square()


def squared_slope(score: Tensor, x: Tensor) -> Tensor:
    """Computes |grad_x s(x)|^2 of equations (8) and (9) without gamma/2, shape (B,).

    Args:
        score: s(x), shape (B,), computed from `x`, whose rows are treated independently.
        x: rows as D sees them, which require a gradient, shape (B, *).

    Example:
        >>> x = torch.ones(1, 2, requires_grad=True)
        >>> squared_slope(x @ torch.tensor([3.0, 4.0]), x).item()
        25.0
    """
    (slope,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    return slope.flatten(1).square().sum(1)


class History(nn.Module):
    """The running mean of a network's weights over training, for historical averaging (4).

    Args:
        network: the network whose parameters are averaged.
    """

    count: Tensor

    def __init__(self, network: nn.Module):
        super().__init__()
        self.register_buffer("count", torch.zeros(()))
        for i, p in enumerate(network.parameters()):
            self.register_buffer(f"mean_{i}", torch.zeros_like(p))

    @torch.no_grad()
    def add(self, network: nn.Module) -> None:
        """Adds the network's current weights to the running mean."""
        self.count += 1
        for i, p in enumerate(network.parameters()):
            mean = getattr(self, f"mean_{i}")
            mean += (p - mean) / self.count

    def distance(self, network: nn.Module) -> Tensor:
        """Returns |theta - mean theta|^2, shape ()."""
        each = [(p - getattr(self, f"mean_{i}")).square().sum() for i, p in enumerate(network.parameters())]
        return torch.stack(each).sum()


@torch.no_grad()
def clip_weights(network: nn.Module, bound: float) -> None:
    """Clips all weights of a network in place, equation (2).

    Args:
        network: the network.
        bound: largest absolute value of a weight.
    """
    for p in network.parameters():
        p.clamp_(-bound, bound)


def turned(loss: Any, other: Any, scores: Tensor, turn: Tensor) -> Tensor:
    """Computes the loss with flipped labels, equation (6), in the shape of the scores.

    Args:
        loss: loss of a score under its own label.
        other: loss of a score under the other label.
        scores: scores of D, shape (B,), or of each patch, shape (B, *).
        turn: True where the label is flipped, of all patches of a row, shape (B,).
    """
    turn = turn.view(-1, *[1] * (scores.dim() - 1))
    return torch.where(turn, other(scores), loss(scores))
