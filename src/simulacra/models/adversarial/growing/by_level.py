"""The base of games that train and draw an image level by level, from coarse to fine.

All levels are built at construction. The level that the networks stand at is a buffer, which the stages of
training move, so that a run that stops within a level goes on from there.

Reference: Denton et al. 2015; Karras et al. 2018. Rows G3, G30.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.paired import observed
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.spaces.smooth import playable, unbounded, within
from simulacra.models.adversarial.game.noise import Truncation
from simulacra.models.adversarial.game.two_player import Game


class GameByLevel(Game):
    """Abstract base of games by level; subclasses say how levels are drawn, scaled and trained.

    Args:
        level: the level that the networks stand at, at first.
        networks: further arguments of `Game`, in their order.
    """

    level: Tensor

    def __init__(self, level: int, *networks: Any):
        super().__init__(*networks)
        self.register_buffer("level", torch.tensor(level))
        self._standing: tuple[int, float] = (level, 1.0)

    @property
    def standing(self) -> tuple[int, float]:
        """The level and its share; a graph that is exported has those of the last call before."""
        if not torch.compiler.is_exporting():
            self._standing = (int(self.level), self.share)
        return self._standing

    @property
    def share(self) -> float:
        """Share of the level that fades in, in [0, 1]; 1 where levels do not fade."""
        return 1.0

    @abstractmethod
    def levels_of(self, z: Tensor, c: Tensor | None = None) -> list[Tensor]:
        """Returns the image at each level that a draw passes, the coarsest first, in the features of D.

        Args:
            z: noise, shape (B, latent).
            c: features of the condition as `given` returns them, or None.
        """

    @abstractmethod
    def enlarged(self, h: Tensor) -> Tensor:
        """Returns the image of a level at the sides of x, shape (B, C, H, W).

        Args:
            h: an image of any level, shape (B, C, *).
        """

    def in_units(self, h: Tensor) -> Tensor:
        """Returns the image of a level in the units and within the range of x, not rounded, shape (B, *).

        Args:
            h: an image of any level in the features of D, shape (B, C, *).
        """
        h = self.enlarged(h)
        h = h if unbounded(self.space) or self.play.output == "sigmoid" else (h + 1) / 2
        return within(self.space, self.space.from_features(h))

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns G(z, c) in the units of x, clipped to its range, with levels not rounded, shape (B, *).

        Args:
            z: noise, shape (B, latent).
            c: condition, or None.
        """
        return self.in_units(self.generate(z, self.given(c)))

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Samples x = G(z, c) with z from the prior and levels rounded, shape (B, *).

        Args:
            rng: source of random numbers, which has the number of rows.
            c: condition, or None.
            how: options of drawing; None: the model's own.
            watch: called after each level with its image, enlarged; None: never.
        """
        if watch is None:
            return super().draw(rng, c, how)
        most = how.truncation if isinstance(how, Truncation) else None
        z = self.prior(rng) if most is None else self.truncated(rng, most)
        found = self.levels_of(z, self.given(c))
        for t, h in enumerate(found, 1):
            x = self.in_units(h)
            x = x if isinstance(self.space, Real) else x.round()
            watch(t, len(found), x, torch.ones_like(x, dtype=torch.bool))
        return x


def check_images(space: Space, condition: Space | None, name: str) -> None:
    """Raises ValueError unless x is an image (C, H, W), given no condition, a label or a small vector.

    Args:
        space: space of one observation.
        condition: space of the condition, or None.
        name: name of the model, for messages.
    """
    playable(space, name)
    if isinstance(space, Sequence) or len(space.shape) != 3:
        raise ValueError(f"{name} draws images (C, H, W), but the space is {space}: take another model.")
    if observed(condition):
        raise ValueError(
            f"{name} draws images for a label or a small vector, but the condition is {condition}: take a "
            "model of pairs, such as pix2pix, or load the data without it."
        )
