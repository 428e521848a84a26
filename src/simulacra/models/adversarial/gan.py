"""The generative adversarial network with all options of a game.

    min_G max_D  E log D(x) + E log (1 - D(G(z)))                              (1)
    non-saturating generator:  max_G E log D(G(z))                             (2)

Reference: Goodfellow et al., Generative Adversarial Nets, 2014; Mirza and Osindero 2014; Salimans et al.
2016. Rows F1 to F3, F11 to F18, F23, G1, G2.
"""

from __future__ import annotations

from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import playable
from simulacra.models.adversarial.game.discriminator import Conditioning
from simulacra.models.adversarial.game.objectives import Named
from simulacra.models.adversarial.game.objectives import objective as objective_of
from simulacra.models.adversarial.game.pieces import Network, Normalization, build
from simulacra.models.adversarial.game.rules import Optimizer, Output, Play, Prior
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game


class GAN(Game):
    """Generative adversarial network: any objective, networks, conditioning, normalization and stabilizers.

    Args:
        space: space of one observation.
        condition: space of the condition that samples are drawn for, or None.
        latent: size of the noise z; of each frame, if `recurrent`.
        hidden: sizes of the generator's hidden layers (`mlp`), which the discriminator mirrors; size of the
            state and of the layers after it (`recurrent`).
        network: `mlp`, `dcgan`, `residual` or `recurrent` (an LSTM for waves and sequences, against
            convolutions and a GRU); `auto` takes `dcgan` for images of side 16 or more, else `mlp`.
        channels: channels of the convolutional layers next to the image.
        objective: `non-saturating` (equation 2), `minimax` (1), `least-squares`, `wasserstein`, `hinge`, or
            `relativistic`, whose players see pairs of a row and a sample.
        conditioning: use of the condition: `concatenation`, `embedding`, `auxiliary` (classifier) or
            `projection`.
        normalization: normalization of the generator's hidden layers: `batch`, `virtual`, `layer` or `none`;
            without it fully connected generators often collapse.
        critic_normalization: normalization of all hidden layers of the discriminator but the first.
        activation: activation of the generator's hidden layers.
        critic_activation: activation of the discriminator's hidden layers.
        dropout: dropout rate of the discriminator; it stays on during the generator's updates.
        minibatch_kernels: number of kernels of minibatch discrimination; 0 disables it.
        gradient_penalty: weight of the penalty on the norm of D's gradient; 0 disables it.
        clip: bound of D's weights after each update; 0 disables clipping.
        feature_matching: if True, the generator matches mean features of D instead of fooling its score.
        historical_averaging: weight of the distance to the running mean of the weights; 0 disables it.
        smoothing: label of real rows, such as 0.9; 1 disables label smoothing.
        flips: share of labels that are flipped for D.
        noise: standard deviation of instance noise at the start; it decays to 0.
        prior: distribution of z: `normal`, `uniform` or `sphere`.
        output: last activation of the generator for bounded observations: `tanh` or `sigmoid`.
        discriminator_steps: updates of D for each update of G, each on a fresh batch.
        lr: learning rate of both players.
        discriminator_lr: learning rate of D; None takes `lr`.
        discriminator_optimizer: optimizer of D: `adam` or `sgd`.
        frame_size: samples of a wave, or steps of a sequence, that a `recurrent` generator makes at once;
            None: a power of two up to 64 samples, or one step.
        r1: weight gamma of the penalty gamma/2 |grad s|^2 at rows of data; 0 disables it.
        r2: weight gamma of the same penalty at samples; 0 disables it.

    Raises:
        ValueError: if an option is unknown, or options do not fit each other or the space.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> GAN(Real((2,)), latent=4).sample(3).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 16,
        hidden: tuple[int, ...] = (128, 128),
        network: Network = "mlp",
        channels: int = 64,
        objective: Named = "non-saturating",
        conditioning: Conditioning = "concatenation",
        normalization: Normalization = "batch",
        critic_normalization: Normalization = "none",
        activation: str = "relu",
        critic_activation: str = "leaky-relu-0.2",
        dropout: float = 0.0,
        minibatch_kernels: int = 0,
        gradient_penalty: float = 0.0,
        clip: float = 0.0,
        feature_matching: bool = False,
        historical_averaging: float = 0.0,
        smoothing: float = 1.0,
        flips: float = 0.0,
        noise: float = 0.0,
        prior: Prior = "normal",
        output: Output = "tanh",
        discriminator_steps: int = 1,
        lr: float = 1e-3,
        discriminator_lr: float | None = None,
        discriminator_optimizer: Optimizer = "adam",
        frame_size: int | None = None,
        r1: float = 0.0,
        r2: float = 0.0,
        *,
        seed: int = 0,
    ):
        playable(space, "a GAN")
        goal = objective_of(objective)
        stabilizers = Stabilizers(
            gradient_penalty, clip, feature_matching, historical_averaging, smoothing, flips, noise, r1, r2
        )
        play = Play(
            discriminator_steps, lr, discriminator_lr, discriminator_optimizer, prior=prior, output=output
        )
        networks = (network, hidden, channels, conditioning, normalization, critic_normalization)
        layers = (activation, critic_activation, dropout, minibatch_kernels, goal.boundary is not None)
        G, D = build(space, condition, latent, *networks, *layers, frame_size)
        super().__init__(space, condition, G, D, latent, goal, stabilizers, play)
