"""Wasserstein GANs: a critic of bounded slope measures how far the samples are from the data.

    W(p, q) = max over |f|_L <= 1 of E_p f(x) - E_q f(G(z))                                 (1)

WGAN bounds the slope by clipping the critic's weights, WGAN-GP by a penalty on the norm of its gradient
between rows of data and samples. Minus the critic's loss is the estimate of (1), up to the Lipschitz
constant.

Reference: Arjovsky, Chintala and Bottou 2017; Gulrajani et al. 2017. Rows G10, G11.
"""

from __future__ import annotations

from simulacra.core.spaces.plain import Space
from simulacra.models.adversarial.game.discriminator import Conditioning
from simulacra.models.adversarial.game.objectives import OBJECTIVES
from simulacra.models.adversarial.game.pieces import Network, Normalization, build
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game, playable

STEADY = (0.0, 0.9)  # Adam's moments: none of the first, as the critic's aim moves


class WGAN(Game):
    """Wasserstein GAN with clipped weights (Adam without first moment in place of the paper's RMSProp).

    Args:
        space: what one observation is.
        condition: what the samples are conditioned on, or None.
        latent: size of the noise z.
        hidden: layer sizes of a fully connected generator.
        network: `mlp`, `dcgan` or `residual`; `auto`: `dcgan` for images of side 16 or more.
        channels: of the convolutional networks.
        conditioning: `concatenation`, `embedding`, `auxiliary` or `projection`.
        normalization: of the generator: `batch`, `virtual`, `layer` or `none`.
        critic_normalization: of the critic.
        clip: bound of the critic's weights.
        critic_steps: moves of the critic for each of the generator.
        lr: learning rate of both players.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> WGAN(Real((2,)), latent=4).sample(3).shape
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
        clip: float = 0.01,
        critic_steps: int = 5,
        lr: float = 5e-5,
        *,
        seed: int = 0,
    ):
        playable(space, "WGAN")
        given = (network, hidden, channels, conditioning, normalization, critic_normalization)
        G, D = build(space, condition, latent, *given, bias=False)
        play = Play(critic_steps, lr, betas=STEADY)
        super().__init__(
            space, condition, G, D, latent, OBJECTIVES["wasserstein"], Stabilizers(clip=clip), play
        )


class WGANGP(Game):
    """Wasserstein GAN with a gradient penalty.

    Args:
        space: what one observation is.
        condition: what the samples are conditioned on, or None.
        latent: size of the noise z.
        hidden: layer sizes of a fully connected generator.
        network: `mlp`, `dcgan` or `residual`; `auto`: `dcgan` for images of side 16 or more.
        channels: of the convolutional networks.
        conditioning: `concatenation`, `embedding`, `auxiliary` or `projection`.
        normalization: of the generator: `batch`, `virtual`, `layer` or `none`.
        critic_normalization: of the critic: `layer` or `none`, since the penalty is one of each row.
        gradient_penalty: its weight, lambda.
        critic_steps: moves of the critic for each of the generator.
        lr: learning rate of both players.

    Raises:
        ValueError: if the critic's normalization mixes rows.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> WGANGP(Real((2,)), latent=4).sample(3).shape
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
        gradient_penalty: float = 10.0,
        critic_steps: int = 5,
        lr: float = 1e-4,
        *,
        seed: int = 0,
    ):
        playable(space, "WGANGP")
        given = (network, hidden, channels, conditioning, normalization, critic_normalization)
        G, D = build(space, condition, latent, *given, bias=False)
        stabilizers, play = Stabilizers(gradient_penalty), Play(critic_steps, lr, betas=STEADY)
        super().__init__(space, condition, G, D, latent, OBJECTIVES["wasserstein"], stabilizers, play)
