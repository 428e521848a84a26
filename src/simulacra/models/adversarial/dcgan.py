"""The deep convolutional GAN: strided convolutions and batch normalization, without pooling.

    generator  z -> 4x4 -> 8x8 -> ... by transposed convolutions of stride 2, tanh at the end
    critic     the mirror image, with leaky ReLUs

Reference: Radford, Metz and Chintala 2015. Rows F13, G4.
"""

from __future__ import annotations

from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import playable
from simulacra.models.adversarial.game.discriminator import Conditioning
from simulacra.models.adversarial.game.objectives import OBJECTIVES
from simulacra.models.adversarial.game.pieces import Normalization, build
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game


class DCGAN(Game):
    """Deep convolutional generative adversarial network.

    Args:
        space: images.
        condition: space of the condition that samples are drawn for, or None.
        latent: size of the noise z.
        channels: channels of the layers next to the image; they double at each halving of the side.
        conditioning: use of the condition: `concatenation`, `embedding`, `auxiliary` or `projection`.
        normalization: normalization of both players: `batch`, `virtual`, `layer` or `none`.
        smoothing: label of real rows, such as 0.9; 1 disables label smoothing.
        noise: standard deviation of instance noise at the start; it decays to 0.
        lr: learning rate of both players.

    Raises:
        ValueError: if the space holds no images, or their sides cannot be halved to 3 to 7.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> DCGAN(Levels((1, 16, 16), 256), latent=4, channels=8).sample(2).shape
        torch.Size([2, 1, 16, 16])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 100,
        channels: int = 64,
        conditioning: Conditioning = "concatenation",
        normalization: Normalization = "batch",
        smoothing: float = 1.0,
        noise: float = 0.0,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        playable(space, "DCGAN")
        G, D = build(
            space,
            condition,
            latent,
            "dcgan",
            channels=channels,
            conditioning=conditioning,
            normalization=normalization,
            critic_normalization=normalization,
        )
        stabilizers = Stabilizers(smoothing=smoothing, noise=noise)
        super().__init__(
            space, condition, G, D, latent, OBJECTIVES["non-saturating"], stabilizers, Play(lr=lr)
        )
