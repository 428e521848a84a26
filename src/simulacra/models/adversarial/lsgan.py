"""The least squares GAN: squared distances of scores to targets, whose gradient does not saturate.

    D: E (s(x) - b)^2 / 2 + E (s(G(z)) - a)^2 / 2,     G: E (s(G(z)) - c)^2 / 2              (1)

At the optimal s = (b p + a q) / (p + q), with b - c = 1 and b - a = 2, twice the sum of E_p (s - c)^2 / 2 and
the generator's loss is Pearson's chi^2(p + q || 2 q).

Reference: Mao et al. 2017. Row G9.
"""

from __future__ import annotations

from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import playable
from simulacra.models.adversarial.game.discriminator import Conditioning
from simulacra.models.adversarial.game.objectives import least_squares
from simulacra.models.adversarial.game.pieces import Network, Normalization, build
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game


class LSGAN(Game):
    """Least squares generative adversarial network.

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
        critic_normalization: normalization of the discriminator.
        a: target score of samples in D's loss.
        b: target score of rows of data in D's loss.
        c: target score of samples in G's loss.
        lr: learning rate of both players.
        frame_size: samples of a wave, or steps of a sequence, that a `recurrent` generator makes at once;
            None: a power of two up to 64 samples, or one step.

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
        frame_size: int | None = None,
        *,
        seed: int = 0,
    ):
        playable(space, "LSGAN")
        given = (network, hidden, channels, conditioning, normalization, critic_normalization)
        G, D = build(space, condition, latent, *given, frame_size=frame_size)
        super().__init__(space, condition, G, D, latent, least_squares(a, b, c), Stabilizers(), Play(lr=lr))
