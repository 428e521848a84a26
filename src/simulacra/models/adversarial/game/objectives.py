"""Objectives of a game: loss functions of the discriminator's score s.

    minimax             D: -log S(s_x) - log (1 - S(s_G)),  G: log (1 - S(s_G))            (1)
    non-saturating      D as above,                         G: -log S(s_G)                  (2)
    least-squares       D: (s_x - b)^2 / 2 + (s_G - a)^2 / 2,  G: (s_G - c)^2 / 2           (3)
    wasserstein         D: -s_x + s_G,                      G: -s_G                         (4)
    hinge               D: (1 - s_x)_+ + (1 + s_G)_+,       G: -s_G                         (5)
    relativistic        D: -log S(s_x - s_G),               G: -log S(s_G - s_x)            (6)

S is the sigmoid; -log S(s) = softplus(-s) and -log (1 - S(s)) = softplus(s), in nats. At the optimal
discriminator of (1), D = S(s) = p / (p + q), the value of the game is -log 4 + 2 JSD(p, q). In (6) both
players see the same pairs of a row of data and a sample, and s matters only up to a constant.

Reference: Goodfellow et al. 2014; Mao et al. 2016; Arjovsky et al. 2017; Lim and Ye 2017; Jolicoeur-Martineau
2018; Huang et al. 2024. Rows F1, F3, F4, F5, F15, G9, G10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Named = Literal["non-saturating", "minimax", "least-squares", "wasserstein", "hinge", "relativistic"]
Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Objective:
    """The loss functions of a game, each from scores (B,) to losses (B,).

    Args:
        real: loss of the discriminator on the score of a row of data.
        fake: loss of the discriminator on the score of a sample.
        generator: loss of the generator on the score of its sample.
        boundary: decision threshold: a higher score classifies as real. None if scores have no threshold.
        pairs: if True, row i and sample i are a pair: `real` takes s(x_i) - s(G(z_i)), `generator` takes
            s(G(z_i)) - s(x_i), and `fake` is the loss of a pair whose labels are exchanged.
    """

    real: Loss
    fake: Loss
    generator: Loss
    boundary: float | None = 0.0
    pairs: bool = False

    def fooled(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Returns the generator's loss on each sample, shape of `fake`.

        Args:
            fake: scores of samples, shape (B,), or of their patches (B, *).
            real: scores of the rows of data that are paired with them, used if `pairs`.

        Example:
            >>> s = torch.tensor([0.3])
            >>> round(OBJECTIVES["relativistic"].fooled(s, s).item(), 4)  # log 2
            0.6931
        """
        if not self.pairs:
            return self.generator(fake)
        assert real is not None, "a loss of pairs needs the scores of the rows"
        return self.generator(fake - real)

    def smoothed(self, target: float) -> Objective:
        """Returns the objective with one-sided label smoothing.

        Args:
            target: label of real rows, in (0, 1]; 1 returns the objective unchanged.

        Example:
            >>> s = torch.tensor([0.3])
            >>> round(OBJECTIVES["minimax"].smoothed(0.9).real(s).item(), 4)
            0.5844
        """
        return self if target == 1 else replace(self, real=Smoothed(self.real, self.fake, target))


# losses are module functions or dataclasses: a lambda could not be sent to other training processes


@dataclass(frozen=True)
class Smoothed:
    """Loss of a real row under label smoothing.

    Args:
        real: loss of a row with label 1.
        fake: loss of a row with label 0.
        target: smoothed label, the weight of `real`.
    """

    real: Loss
    fake: Loss
    target: float

    def __call__(self, s: Tensor) -> Tensor:
        """Returns target real(s) + (1 - target) fake(s), shape (B,)."""
        return self.target * self.real(s) + (1 - self.target) * self.fake(s)


@dataclass(frozen=True)
class Square:
    """The squared loss (s - target)^2 / 2.

    Args:
        target: score with loss 0.
    """

    target: float

    def __call__(self, s: Tensor) -> Tensor:
        """Returns the loss of each score, shape (B,)."""
        return (s - self.target).square() / 2


def surprise_if_real(s: Tensor) -> Tensor:
    """Returns -log S(s): cross entropy of the label real, in nats."""
    return F.softplus(-s)


def surprise_if_fake(s: Tensor) -> Tensor:
    """Returns -log (1 - S(s)): cross entropy of the label generated, in nats."""
    return F.softplus(s)


def saturating(s: Tensor) -> Tensor:
    """Returns log (1 - S(s)): the generator's loss of the minimax game."""
    return -F.softplus(s)


def lifted(s: Tensor) -> Tensor:
    """Returns -s: a loss that rewards a high score."""
    return -s


def lowered(s: Tensor) -> Tensor:
    """Returns s: a loss that rewards a low score."""
    return s


def below_margin(s: Tensor) -> Tensor:
    """Returns (1 - s)_+: the hinge loss of a real row."""
    return F.relu(1 - s)


def above_margin(s: Tensor) -> Tensor:
    """Returns (1 + s)_+: the hinge loss of a sample."""
    return F.relu(1 + s)


def by_row(values: Tensor) -> Tensor:
    """Returns the mean over the patches of each row, shape (B,); values of whole rows stay as they are.

    Args:
        values: scores or losses, shape (B,) or (B, *).

    Example:
        >>> by_row(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]))
        tensor([3.])
    """
    return values if values.dim() == 1 else values.flatten(1).mean(1)


def least_squares(a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:
    """Returns the least squares objective, equation (3).

    With b - c = 1 and b - a = 2, twice (s - c)^2 / 2 summed over data and samples at the optimal s is
    Pearson's
    chi^2(p + q || 2 q).

    Args:
        a: target score of samples.
        b: target score of rows of data.
        c: score that the generator wants for its samples.
    """
    return Objective(Square(b), Square(a), Square(c), (a + b) / 2)


OBJECTIVES: dict[str, Objective] = {
    "non-saturating": Objective(surprise_if_real, surprise_if_fake, surprise_if_real),
    "minimax": Objective(surprise_if_real, surprise_if_fake, saturating),
    "least-squares": least_squares(),
    "wasserstein": Objective(lifted, lowered, lifted, None),
    "hinge": Objective(below_margin, above_margin, lifted),
    "relativistic": Objective(surprise_if_real, surprise_if_fake, surprise_if_real, None, pairs=True),
}


def objective(name: str) -> Objective:
    """Returns the objective called `name`.

    Raises:
        ValueError: if `name` is not in `OBJECTIVES`.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"objective is {name!r}; choose from {', '.join(OBJECTIVES)}.")
    return OBJECTIVES[name]


def share_right(objective: Objective, real: Tensor, fake: Tensor) -> Tensor:
    """Returns D's accuracy on each pair of a row of data and a sample, shape (B,): 0, 1/2 or 1.

    Without a decision threshold a pair counts as correct if the row of data scores higher, half at a tie.
    With a score for each patch it is the mean over the patches.

    Args:
        objective: the objective, which has the threshold.
        real: scores of rows of data, shape (B,) or (B, *).
        fake: scores of samples, shape of `real`.
    """
    boundary = objective.boundary
    if boundary is None:
        return by_row(((real > fake).to(real.dtype) + (real >= fake).to(real.dtype)) / 2)
    return by_row(((real > boundary).to(real.dtype) + (fake <= boundary).to(real.dtype)) / 2)


def optimal_discriminator(p: Tensor, q: Tensor, target: float = 1.0) -> Tensor:
    """Returns the optimal discriminator of equation (1), D* = target p / (p + q).

    Args:
        p: probabilities of data, shape (states,).
        q: probabilities of samples, shape (states,).
        target: smoothed label of real rows; 1 is no smoothing.

    Example:
        >>> optimal_discriminator(torch.tensor([0.5, 0.5]), torch.tensor([0.5, 0.0]))
        tensor([0.5000, 1.0000])
    """
    return target * p / (p + q)


def value(p: Tensor, q: Tensor, D: Tensor) -> Tensor:
    """Returns V = E_p log D + E_q log (1 - D) in nats, shape ().

    Args:
        p: probabilities of data, shape (states,).
        q: probabilities of samples, shape (states,).
        D: outputs of the discriminator, shape (states,).

    Example:
        >>> p = torch.tensor([0.2, 0.8])
        >>> round(value(p, p, optimal_discriminator(p, p)).item(), 4)  # -log 4
        -1.3863
    """
    return (torch.xlogy(p, D) + torch.xlogy(q, 1 - D)).sum()
