"""A GAN whose discriminator has the auxiliary task of saying by which angle a disc of its input is turned.

    v~ = v with a disc at a random place turned by 2 pi k / K,  k uniform in 0..K-1                  (1)
    D: the game on rows with turned discs - weight log p(k|v~)                                       (2)

To tell the angle, D has to know how objects lie and what goes on across the rim of the disc: a task that
noise statistics of neighbouring pixels do not solve. Chance is right in 1 of K rows, and costs log K nats.
k = 0 leaves a row as it is. Other angles interpolate between pixels (`core.corruption.turning`).

Reference: a lecture's discussion of auxiliary tasks; Gidaris, Singh and Komodakis 2018. Row F21.
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from simulacra.core.corruption.turning import centres, radius_of, turned_disc
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import playable
from simulacra.models.adversarial.game.objectives import OBJECTIVES
from simulacra.models.adversarial.game.pieces import Network
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.second_task import ScoreAndAnswer, SecondTask
from simulacra.nets.adversarial.players import build_players


class RotationAwareGAN(SecondTask):
    """Generative adversarial network whose discriminator also says by which angle a disc is turned.

    Args:
        space: space of images with sides of at least 3 pixels.
        latent: size of the noise z.
        hidden: sizes of the hidden layers (`mlp`).
        network: `mlp`, `dcgan` or `residual`; `auto` takes `dcgan` for images of side 16 or more, else `mlp`.
        channels: channels of the convolutional layers next to the image.
        angles: number K of angles, at least 2.
        diameter: diameter of the disc as a share of the shorter side, above 0 and at most 1.
        weight: weight of the auxiliary loss in (2).
        lr: learning rate of both players.

    Raises:
        ValueError: if the space holds no images, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> RotationAwareGAN(Binary((1, 6, 6)), latent=4, network="mlp").sample(3).shape
        torch.Size([3, 1, 6, 6])
    """

    task = "angle"

    def __init__(
        self,
        space: Space,
        latent: int = 64,
        hidden: tuple[int, ...] = (128, 128),
        network: Network = "auto",
        channels: int = 64,
        angles: int = 8,
        diameter: float = 0.7,
        weight: float = 1.0,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        if not space.image or min(space.shape[1:]) < 3:
            raise ValueError(
                f"RotationAwareGAN turns discs in images of 3 pixels and more, but the space is {space}: "
                "take a GAN."
            )
        playable(space, "RotationAwareGAN")
        _check(angles, diameter, weight)
        normal: dict[str, Any] = {"normalization": "batch", "critic_normalization": "none"}
        options: dict[str, Any] = {"hidden": hidden, "channels": channels, **normal}
        G, body = build_players(network, latent, space.features_shape, **options)
        goal, D = OBJECTIVES["non-saturating"], ScoreAndAnswer(body, angles)
        super().__init__(space, None, G, D, latent, goal, Stabilizers(), Play(lr=lr))
        self.angles, self.diameter, self.weight = angles, diameter, weight

    def altered(self, h: Tensor, rng: Rng, name: str) -> tuple[Tensor, Tensor]:
        """Turns a disc by a random angle, equation (1); the truth is k.

        Args:
            h: images of data or samples as D sees them, shape (B, C, H, W).
            rng: source of random numbers.
            name: `real` or `fake`, part of the names of the draws.
        """
        u = rng.uniform(f"angle of {name}", dtype=h.dtype)
        k = (self.angles * u).long().clamp(max=self.angles - 1)
        r = radius_of(self.diameter, h.shape[-2:])
        m = centres(h.shape[-2:], r, rng, f"disc of {name}", h.dtype)
        # (1)
        return turned_disc(h, m, r, k.to(h.dtype) * (2 * math.pi / self.angles)), k

    def miss(self, answer: Tensor, truth: Tensor) -> Tensor:
        """Returns -log p(k|v~) of (2) in nats, shape (B,)."""
        # (2)
        return F.cross_entropy(answer, truth, reduction="none")

    def angle(self, h: Tensor) -> Tensor:
        """Returns D's likeliest k for images as D sees them, int64, shape (B,)."""
        return self.answer(h).argmax(1)


def _check(angles: int, diameter: float, weight: float) -> None:
    """Raises ValueError if an option is out of range."""
    if angles < 2:
        raise ValueError(f"angles is {angles}, but there are at least 2 to tell apart: give 8.")
    if not 0 < diameter <= 1:
        raise ValueError(
            f"diameter is {diameter:g}, but it is a share of the shorter side, above 0 and at most 1: "
            "give 0.7."
        )
    if weight <= 0:
        raise ValueError(f"weight is {weight}, but it must be positive.")
