"""Objectives of a game: pairs of losses on the score s that the discriminator gives.

    minimax             D: -log S(s_x) - log (1 - S(s_G)),  G: log (1 - S(s_G))            (1)
    non-saturating      D as above,                         G: -log S(s_G)                  (2)
    least-squares       D: (s_x - b)^2 / 2 + (s_G - a)^2 / 2,  G: (s_G - c)^2 / 2           (3)
    wasserstein         D: -s_x + s_G,                      G: -s_G                         (4)
    hinge               D: (1 - s_x)_+ + (1 + s_G)_+,       G: -s_G                         (5)

with S the sigmoid; -log S(s) = softplus(-s) and -log (1 - S(s)) = softplus(s), in nats. At the best D =
S(s) of (1), p / (p + q), its value is -log 4 + 2 JSD(p, q).

Reference: Goodfellow et al. 2014; Mao et al. 2016; Arjovsky et al. 2017; Lim and Ye 2017. Rows F1, F3, F4,
F5, F15, G9, G10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Named = Literal["non-saturating", "minimax", "least-squares", "wasserstein", "hinge"]
Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Objective:
    """The losses of a game, each a function of scores, row by row.

    Args:
        real: of the discriminator, by the score of a row of data.
        fake: of the discriminator, by the score of a row of the generator's.
        generator: of the generator, by the score of its row.
        boundary: the score above which a row is called real; None: scores only rank.
    """

    real: Loss
    fake: Loss
    generator: Loss
    boundary: float | None = 0.0

    def smoothed(self, target: float) -> Objective:
        """The same game where a row of data counts as real with weight `target` only (one-sided).

        Example:
            >>> s = torch.tensor([0.3])
            >>> round(OBJECTIVES["minimax"].smoothed(0.9).real(s).item(), 4)
            0.5844
        """
        return self if target == 1 else replace(self, real=Smoothed(self.real, self.fake, target))


# losses are functions of a module or values: a model is sent to the processes that train it


@dataclass(frozen=True)
class Smoothed:
    """A row that counts as real with weight `target` only."""

    real: Loss
    fake: Loss
    target: float

    def __call__(self, s: Tensor) -> Tensor:
        """target real(s) + (1 - target) fake(s)."""
        return self.target * self.real(s) + (1 - self.target) * self.fake(s)


@dataclass(frozen=True)
class Square:
    """(s - target)^2 / 2."""

    target: float

    def __call__(self, s: Tensor) -> Tensor:
        """The loss of each score."""
        return (s - self.target).square() / 2


def surprise_if_real(s: Tensor) -> Tensor:
    """-log S(s)."""
    return F.softplus(-s)


def surprise_if_fake(s: Tensor) -> Tensor:
    """-log (1 - S(s))."""
    return F.softplus(s)


def saturating(s: Tensor) -> Tensor:
    """log (1 - S(s))."""
    return -F.softplus(s)


def lifted(s: Tensor) -> Tensor:
    """-s: a loss that a higher score lowers."""
    return -s


def lowered(s: Tensor) -> Tensor:
    """s: a loss that a lower score lowers."""
    return s


def below_margin(s: Tensor) -> Tensor:
    """(1 - s)_+."""
    return F.relu(1 - s)


def above_margin(s: Tensor) -> Tensor:
    """(1 + s)_+."""
    return F.relu(1 + s)


def least_squares(a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:
    """Equation (3); with b - c = 1 and b - a = 2, twice (s - c)^2 / 2 over data and samples at the best s is
    Pearson's chi^2(p + q || 2 q)."""
    return Objective(Square(b), Square(a), Square(c), (a + b) / 2)


OBJECTIVES: dict[str, Objective] = {
    "non-saturating": Objective(surprise_if_real, surprise_if_fake, surprise_if_real),
    "minimax": Objective(surprise_if_real, surprise_if_fake, saturating),
    "least-squares": least_squares(),
    "wasserstein": Objective(lifted, lowered, lifted, None),
    "hinge": Objective(below_margin, above_margin, lifted),
}


def objective(name: str) -> Objective:
    """The objective called `name`.

    Raises:
        ValueError: if there is none.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"objective is {name!r}; choose from {', '.join(OBJECTIVES)}.")
    return OBJECTIVES[name]


def share_right(objective: Objective, real: Tensor, fake: Tensor) -> Tensor:
    """The share that D calls right of each row of data and the generator's row beside it, shape (B,).

    Without a boundary D is right where it ranks the two in the right order, half right where it cannot.
    """
    boundary = objective.boundary
    if boundary is None:
        return ((real > fake).to(real.dtype) + (real >= fake).to(real.dtype)) / 2
    return ((real > boundary).to(real.dtype) + (fake <= boundary).to(real.dtype)) / 2


def optimal_discriminator(p: Tensor, q: Tensor, target: float = 1.0) -> Tensor:
    """D* = target p / (p + q) of equation (1) for the probabilities p of data and q of samples.

    Example:
        >>> optimal_discriminator(torch.tensor([0.5, 0.5]), torch.tensor([0.5, 0.0]))
        tensor([0.5000, 1.0000])
    """
    return target * p / (p + q)


def value(p: Tensor, q: Tensor, D: Tensor) -> Tensor:
    """V = E_p log D + E_q log (1 - D) in nats, over the states of a table, shape ().

    Example:
        >>> p = torch.tensor([0.2, 0.8])
        >>> round(value(p, p, optimal_discriminator(p, p)).item(), 4)  # -log 4
        -1.3863
    """
    return (torch.xlogy(p, D) + torch.xlogy(q, 1 - D)).sum()
