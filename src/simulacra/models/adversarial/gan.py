"""The generative adversarial network, with every piece of a game to choose from.

    min_G max_D  E log D(x) + E log (1 - D(G(z)))                              (1)
    non-saturating generator:  max_G E log D(G(z))                             (2)

Reference: Goodfellow et al., Generative Adversarial Nets, 2014; Mirza and Osindero 2014; Salimans et al.
2016. Rows F1 to F3, F11 to F18, G1, G2.
"""

from __future__ import annotations

from simulacra.core.spaces.plain import Space
from simulacra.models.adversarial.game.discriminator import Conditioning
from simulacra.models.adversarial.game.objectives import Named
from simulacra.models.adversarial.game.objectives import objective as objective_of
from simulacra.models.adversarial.game.pieces import Network, Normalization, build
from simulacra.models.adversarial.game.rules import Optimizer, Output, Play, Prior
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game, playable


class GAN(Game):
    """Generative adversarial network: any objective, networks, conditioning, normalization and stabilizers.

    Args:
        space: what one observation is.
        condition: what the samples are conditioned on, or None.
        latent: size of the noise z.
        hidden: layer sizes of a fully connected generator; the discriminator mirrors them.
        network: `mlp`, `dcgan` or `residual`; `auto`: `dcgan` for images of side 16 or more.
        channels: of the convolutional networks.
        objective: `non-saturating` (equation 2), `minimax` (1), `least-squares`, `wasserstein` or `hinge`.
        conditioning: `concatenation`, `embedding`, `auxiliary` (classifier) or `projection`.
        normalization: of the generator's hidden layers: `batch`, `virtual`, `layer` or `none`; without it
            fully connected generators often collapse.
        critic_normalization: of the discriminator's hidden layers but the first.
        activation: of the generator's hidden layers.
        critic_activation: of the discriminator's.
        dropout: of the discriminator, on also while the generator learns from it.
        minibatch_kernels: of minibatch discrimination; 0: none.
        gradient_penalty: weight of the penalty on the norm of D's gradient; 0: none.
        clip: bound of D's weights after each move; 0: none.
        feature_matching: whether the generator matches mean features instead.
        historical_averaging: weight of the distance to the weights' running mean; 0: none.
        smoothing: weight with which rows of data count as real, such as 0.9.
        flips: share of the labels that D sees turned round.
        noise: standard deviation of the noise on all that D sees, which falls to 0.
        prior: of z: `normal`, `uniform` or `sphere`.
        output: of the generator for bounded observations: `tanh` or `sigmoid`.
        discriminator_steps: moves of D for each move of G, each on a fresh batch.
        lr: learning rate of both players.
        discriminator_lr: of D, where it is another.
        discriminator_optimizer: of D: `adam` or `sgd`.

    Raises:
        ValueError: if a piece is unknown, or pieces do not fit each other or the space.

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
        *,
        seed: int = 0,
    ):
        playable(space, "a GAN")
        goal = objective_of(objective)
        stabilizers = Stabilizers(
            gradient_penalty, clip, feature_matching, historical_averaging, smoothing, flips, noise
        )
        play = Play(
            discriminator_steps, lr, discriminator_lr, discriminator_optimizer, prior=prior, output=output
        )
        G, D = build(
            space,
            condition,
            latent,
            network,
            hidden,
            channels,
            conditioning,
            normalization,
            critic_normalization,
            activation,
            critic_activation,
            dropout,
            minibatch_kernels,
            goal.boundary is not None,
        )
        super().__init__(space, condition, G, D, latent, goal, stabilizers, play)
