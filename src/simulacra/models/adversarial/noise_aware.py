"""A GAN whose discriminator has the auxiliary task of predicting the noise level of its input.

    v~ = v + s n,  s ~ U(0, S),  n ~ N(0, I)                                     (1)
    D: the game on noisy rows + weight (s^(v~) - s)^2                            (2)

The auxiliary task is meant to direct D to the structure of the images. It has a shortcut, which networks
find: the mean squared difference of neighbouring entries predicts s almost as well (`shortcut`).

Reference: a lecture's discussion of auxiliary tasks. Row F20.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import playable
from simulacra.models.adversarial.game.objectives import OBJECTIVES
from simulacra.models.adversarial.game.pieces import Network
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.second_task import ScoreAndAnswer, SecondTask
from simulacra.nets.adversarial.players import build_players


class NoiseAwareGAN(SecondTask):
    """Generative adversarial network whose discriminator also predicts the noise level of its input.

    Args:
        space: space of one observation.
        latent: size of the noise z.
        hidden: sizes of the hidden layers (`mlp`).
        network: `mlp`, `dcgan`, `residual` or `recurrent` (an LSTM for waves and sequences, against
            convolutions and a GRU); `auto` takes `dcgan` for images of side 16 or more, else `mlp`.
        channels: channels of the convolutional layers next to the image.
        largest: largest noise level S of (1), in units of the features.
        weight: weight of the auxiliary loss in (2).
        lr: learning rate of both players.

    Raises:
        ValueError: if `largest` or `weight` is not positive.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> NoiseAwareGAN(Real((2,)), latent=4, network="mlp").sample(3).shape
        torch.Size([3, 2])
    """

    task = "noise"

    def __init__(
        self,
        space: Space,
        latent: int = 64,
        hidden: tuple[int, ...] = (128, 128),
        network: Network = "auto",
        channels: int = 64,
        largest: float = 0.5,
        weight: float = 1.0,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        playable(space, "NoiseAwareGAN")
        for name, value in (("largest", largest), ("weight", weight)):
            if value <= 0:
                raise ValueError(f"{name} is {value}, but it must be positive.")
        normal: dict[str, Any] = {"normalization": "batch", "critic_normalization": "none"}
        options: dict[str, Any] = {"hidden": hidden, "channels": channels, **normal}
        G, body = build_players(network, latent, space.features_shape, **options)
        goal, play = OBJECTIVES["non-saturating"], Play(lr=lr)
        super().__init__(space, None, G, ScoreAndAnswer(body, 1), latent, goal, Stabilizers(), play)
        self.largest, self.weight = largest, weight

    def altered(self, h: Tensor, rng: Rng, name: str) -> tuple[Tensor, Tensor]:
        """Adds noise by `noisy`."""
        return self.noisy(h, rng, name)

    def miss(self, answer: Tensor, truth: Tensor) -> Tensor:
        """Returns (s^ - s)^2 of (2), shape (B,)."""
        # (2)
        return (answer.squeeze(1) - truth).square()

    def noisy(self, h: Tensor, rng: Rng, name: str) -> tuple[Tensor, Tensor]:
        """Adds noise of a random level, equation (1).

        Args:
            h: rows of data or samples as D sees them, shape (B, *).
            rng: source of random numbers.
            name: `real` or `fake`, part of the names of the draws.

        Returns:
            v~, shape (B, *), and its noise level s, shape (B,).
        """
        s = self.largest * rng.uniform(f"level of {name}", dtype=h.dtype)
        n = rng.normal(f"noise on {name}", *h.shape[1:], dtype=h.dtype)
        return h + s.view(-1, *[1] * (h.dim() - 1)) * n, s

    def noise_level(self, h: Tensor) -> Tensor:
        """Returns D's estimate s^ of the noise level of rows as D sees them, shape (B,)."""
        return self.answer(h).squeeze(1)


def shortcut(h: Tensor) -> Tensor:
    """Returns the root mean square difference of neighbouring entries in the last dimension, shape (B,)."""
    return (h[..., 1:] - h[..., :-1]).flatten(1).square().mean(1).sqrt()
