"""Generator and critic of a Laplacian pyramid, put together from those of its levels.

    I_K = G_K(z_K, c),   h_k = G_k(z_k, u(I_(k+1)), c),   I_k = u(I_(k+1)) + h_k                  (1)
    s(x) = s_K(I_K) + sum_k s_k(h_k, u(I_(k+1)))                                                  (2)

Each level has a game of its own, in which a row of data is the residual h_k of an image with the image's own
u(I_(k+1)) as its condition. At the best discriminators of log-odds, (2) is the log ratio of data and samples
by the chain rule.

Reference: Denton, Chintala, Szlam and Fergus 2015, section 3.2. Row G3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.numerics.bicubic import bicubic
from simulacra.core.numerics.pyramid import images
from simulacra.core.random.keyed import Rng
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.objectives import by_row


def beside(u: Tensor, c: Tensor | None) -> Tensor:
    """Returns the maps that a finer level is given: u(I_(k+1)), and each entry of c as a constant map.

    Args:
        u: u(I_(k+1)), shape (B, C, H, W).
        c: features of the condition, shape (B, entries), or None.

    Example:
        >>> beside(torch.zeros(2, 3, 5, 4), torch.ones(2, 7)).shape
        torch.Size([2, 10, 5, 4])
    """
    if c is None:
        return u
    return torch.cat([u, c[..., None, None].expand(-1, -1, *u.shape[2:])], 1)


class LaplacianGenerator(nn.Module):
    """Draws the images of all levels by equation (1), from noise (B, noise) and a condition (B, entries).

    Args:
        levels: G_0, ..., G_K, the finest first: `(z_k, maps) -> h_k`, and `(z_K, c) -> I_K`.
        sizes: number of entries of z_0, ..., z_K.
        sides: height and width of I_0, ..., I_K.
    """

    def __init__(self, levels: Sequence[nn.Module], sizes: Sequence[int], sides: Sequence[tuple[int, int]]):
        super().__init__()
        self.levels = nn.ModuleList(levels)
        self.sizes, self.sides, self.noise = list(sizes), list(sides), sum(sizes)

    def forward(self, z: Tensor, c: Tensor | None, finest: int) -> list[Tensor]:
        """Returns I_K, ..., I_finest, the coarsest first, each (B, C, H_k, W_k).

        Args:
            z: noise z_0, ..., z_K of a row, shape (B, noise).
            c: features of the condition, shape (B, entries), or None.
            finest: k of the last level.
        """
        parts = z.split(self.sizes, 1)
        K = len(self.levels) - 1
        found = [self.levels[K](parts[K], c)]
        for k in reversed(range(finest, K)):
            u = bicubic(found[-1], self.sides[k])
            # (1)
            found.append(u + self.levels[k](parts[k], beside(u, c)))
        return found


class LaplacianCritic(nn.Module):
    """Scores images by equation (2).

    Args:
        levels: D_0, ..., D_K: `(h_k, maps) -> Verdict`, and `(I_K, c) -> Verdict`.
    """

    def __init__(self, levels: Sequence[nn.Module]):
        super().__init__()
        self.levels = nn.ModuleList(levels)

    def forward(self, x: Tensor, c: Tensor | None, finest: int) -> Verdict:
        """Returns the scores (B,) of images, and the features of level K.

        Args:
            x: images, shape (B, C, H, W).
            c: features of the condition, shape (B, entries), or None.
            finest: k of the last level that counts.
        """
        K = len(self.levels) - 1
        seen = images(x, K)
        verdict = self.levels[K](seen[K], c)
        score = by_row(verdict.score)
        for k in range(finest, K):
            u = bicubic(seen[k + 1], seen[k].shape[-2:])
            # (2)
            score = score + by_row(self.levels[k](seen[k] - u, beside(u, c)).score)
        return Verdict(score, verdict.features)


@dataclass(frozen=True)
class LevelGame:
    """The game of one level, as the losses of a two-player game see it: data and conditions are prepared.

    Args:
        model: the whole game.
        k: the level, 0 for the finest.
    """

    model: Any
    k: int
    names_class = False
    adversarial = 1.0

    def __getattr__(self, name: str) -> Any:
        """Returns the objective, the stabilizers and the histories of the whole game."""
        return getattr(self.model, name)

    def given(self, c: Tensor | None) -> Tensor | None:
        """Returns the condition as the stage prepared it."""
        return c

    def seen(self, x: Tensor) -> Tensor:
        """Returns residuals, or coarsest images, as the stage prepared them."""
        return x

    def prior(self, rng: Rng, name: str = "z") -> Tensor:
        """Draws z_k, shape (B, size of z_k).

        Args:
            rng: source of random numbers.
            name: name of the draws of all levels.
        """
        return self.model.noise_of(self.k, rng, name)

    def generate(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns G_k(z_k, c), shape (B, C, H_k, W_k)."""
        return self.model.G.levels[self.k](z, c)

    def judge(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """Returns the verdict of D_k."""
        return self.model.D.levels[self.k](h, c)

    def also(self, batch: Any, fake: Tensor, rng: Rng) -> dict[str, Tensor]:
        """Returns no further terms."""
        return {}
