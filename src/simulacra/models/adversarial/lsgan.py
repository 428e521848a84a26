"""The least squares GAN: squared distances of scores to targets, whose gradient does not saturate.

    D: E (s(x) - b)^2 / 2 + E (s(G(z)) - a)^2 / 2,     G: E (s(G(z)) - c)^2 / 2              (1)

At the best s = (b p + a q) / (p + q), with b - c = 1 and b - a = 2, twice the generator's loss plus that of
the rows of data is Pearson's chi^2(p + q || 2 q).

Reference: Mao et al. 2017. Row G9.
"""

from __future__ import annotations

from simulacra.core.spaces.plain import Space
from simulacra.models.adversarial.game.discriminator import Conditioning
from simulacra.models.adversarial.game.objectives import least_squares
from simulacra.models.adversarial.game.pieces import Network, Normalization, build
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game, playable


class LSGAN(Game):
    """Least squares generative adversarial network.

    Args:
        space: what one observation is.
        condition: what the samples are conditioned on, or None.
        latent: size of the noise z.
        hidden: layer sizes of a fully connected generator.
        network: `mlp`, `dcgan` or `residual`; `auto`: `dcgan` for images of side 16 or more.
        channels: of the convolutional networks.
        conditioning: `concatenation`, `embedding`, `auxiliary` or `projection`.
        normalization: of the generator: `batch`, `virtual`, `layer` or `none`.
        critic_normalization: of the discriminator.
        a: target of samples.
        b: target of rows of data.
        c: target that the generator wants.
        lr: learning rate of both players.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> LSGAN(Real((2,)), latent=4).sample(3).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 64,
        hidden: tuple[int, ...] = (128, 128),
        network: Network = "auto",
        channels: int = 64,
        conditioning: Conditioning = "concatenation",
        normalization: Normalization = "batch",
        critic_normalization: Normalization = "layer",
        a: float = 0.0,
        b: float = 1.0,
        c: float = 1.0,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        playable(space, "LSGAN")
        given = (network, hidden, channels, conditioning, normalization, critic_normalization)
        G, D = build(space, condition, latent, *given)
        super().__init__(space, condition, G, D, latent, least_squares(a, b, c), Stabilizers(), Play(lr=lr))
