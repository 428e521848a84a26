"""Wasserstein GANs: the critic estimates the Wasserstein distance between data and samples.

    W(p, q) = max over |f|_L <= 1 of E_p f(x) - E_q f(G(z))                                 (1)

WGAN bounds the critic's Lipschitz constant by clipping its weights, WGAN-GP by a penalty on the norm of its
gradient between rows of data and samples. Minus the critic's loss estimates (1) up to the Lipschitz constant.

Reference: Arjovsky, Chintala and Bottou 2017; Gulrajani et al. 2017. Rows G10, G11.
"""

from __future__ import annotations

from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import playable
from simulacra.models.adversarial.game.discriminator import Conditioning
from simulacra.models.adversarial.game.objectives import OBJECTIVES
from simulacra.models.adversarial.game.pieces import Network, Normalization, build
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game

BETAS = (0.0, 0.9)  # Adam's betas: no momentum, since the critic's objective is not stationary


class WGAN(Game):
    """Wasserstein GAN with weight clipping (with Adam without momentum instead of the paper's RMSProp).

    Args:
        space: space of one observation.
        condition: space of the condition that samples are drawn for, or None.
        latent: size of the noise z; of each frame, if `recurrent`.
        hidden: sizes of the generator's hidden layers (`mlp`), which the discriminator mirrors; size of the
            state and of the layers after it (`recurrent`).
        network: `mlp`, `dcgan`, `residual` or `recurrent` (an LSTM for waves and sequences, against
            convolutions and a GRU); `auto` takes `dcgan` for images of side 16 or more, else `mlp`.
        channels: channels of the convolutional layers next to the image.
        conditioning: use of the condition: `concatenation`, `embedding`, `auxiliary` or `projection`.
        normalization: normalization of the generator: `batch`, `virtual`, `layer` or `none`.
        critic_normalization: normalization of the critic.
        clip: bound of the critic's weights after each update.
        critic_steps: updates of the critic for each update of the generator.
        lr: learning rate of both players.
        frame_size: samples of a wave, or steps of a sequence, that a `recurrent` generator makes at once;
            None: a power of two up to 64 samples, or one step.

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
        frame_size: int | None = None,
        *,
        seed: int = 0,
    ):
        playable(space, "WGAN")
        given = (network, hidden, channels, conditioning, normalization, critic_normalization)
        G, D = build(space, condition, latent, *given, bias=False, frame_size=frame_size)
        play = Play(critic_steps, lr, betas=BETAS)
        super().__init__(
            space, condition, G, D, latent, OBJECTIVES["wasserstein"], Stabilizers(clip=clip), play
        )


class WGANGP(Game):
    """Wasserstein GAN with a gradient penalty.

    Args:
        space: space of one observation.
        condition: space of the condition that samples are drawn for, or None.
        latent: size of the noise z; of each frame, if `recurrent`.
        hidden: sizes of the generator's hidden layers (`mlp`), which the discriminator mirrors; size of the
            state and of the layers after it (`recurrent`).
        network: `mlp`, `dcgan`, `residual` or `recurrent` (an LSTM for waves and sequences, against
            convolutions and a GRU); `auto` takes `dcgan` for images of side 16 or more, else `mlp`.
        channels: channels of the convolutional layers next to the image.
        conditioning: use of the condition: `concatenation`, `embedding`, `auxiliary` or `projection`.
        normalization: normalization of the generator: `batch`, `virtual`, `layer` or `none`.
        critic_normalization: normalization of the critic: `layer` or `none`; batch normalization would mix
            rows in the gradient penalty.
        gradient_penalty: weight lambda of the penalty.
        critic_steps: updates of the critic for each update of the generator.
        lr: learning rate of both players.
        frame_size: samples of a wave, or steps of a sequence, that a `recurrent` generator makes at once;
            None: a power of two up to 64 samples, or one step.

    Raises:
        ValueError: if the critic has batch normalization.

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
        frame_size: int | None = None,
        *,
        seed: int = 0,
    ):
        playable(space, "WGANGP")
        given = (network, hidden, channels, conditioning, normalization, critic_normalization)
        G, D = build(space, condition, latent, *given, bias=False, frame_size=frame_size)
        stabilizers, play = Stabilizers(gradient_penalty), Play(critic_steps, lr, betas=BETAS)
        super().__init__(space, condition, G, D, latent, OBJECTIVES["wasserstein"], stabilizers, play)
