"""The deep convolutional GAN: strided convolutions, batch normalisation, no pooling, no hidden dense layers.

    generator  z -> 4x4 -> 8x8 -> ... by transposed convolutions of stride 2, tanh at the end
    critic     the mirror, with leaky ReLUs

Reference: Radford, Metz and Chintala 2015. Rows F13, G4.
"""

from __future__ import annotations

from simulacra.core.space import Space
from simulacra.models.adversarial.cures import Cures
from simulacra.models.adversarial.discriminator import Conditioning
from simulacra.models.adversarial.game import Game, playable
from simulacra.models.adversarial.objectives import OBJECTIVES
from simulacra.models.adversarial.pieces import Normalisation, build
from simulacra.models.adversarial.play import Play


class DCGAN(Game):
    """Deep convolutional generative adversarial network.

    Args:
        space: images.
        condition: what the samples are conditioned on, or None.
        latent: size of the noise z.
        channels: of the layers next to the image; they double at each halving of the side.
        conditioning: `concatenation`, `embedding`, `auxiliary` or `projection`.
        normalisation: of both players: `batch`, `virtual`, `layer` or `none`.
        smoothing: weight with which rows of data count as real, such as 0.9.
        noise: standard deviation of the noise on all that D sees, which falls to 0.
        lr: learning rate of both players.

    Raises:
        ValueError: if the space holds no images, or none of a size that the strided stack reaches.

    Example:
        >>> from simulacra.core.space import Levels
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
        normalisation: Normalisation = "batch",
        smoothing: float = 1.0,
        noise: float = 0.0,
        lr: float = 2e-4,
    ):
        playable(space, "DCGAN")
        G, D = build(
            space,
            condition,
            latent,
            "dcgan",
            channels=channels,
            conditioning=conditioning,
            normalisation=normalisation,
            critic_normalisation=normalisation,
        )
        cures = Cures(smoothing=smoothing, noise=noise)
        super().__init__(space, condition, G, D, latent, OBJECTIVES["non-saturating"], cures, Play(lr=lr))
