"""R3GAN: a game of pairs with zero-centered penalties and residual networks without normalization.

    D:  E f(s(G(z)) - s(x)) + gamma/2 (E |grad s(x)|^2 + E |grad s(G(z))|^2)                (1)
    G:  E f(s(x) - s(G(z))),      f(t) = log (1 + exp t)                                    (2)

D learns how much more real a row is than the sample paired with it. A generator that leaves a mode out pays
for it at the rows of that mode, which it does not with scores of single rows: (2) has no minimum at a
collapsed generator. With both penalties the training converges near the equilibrium, where s is constant.

Reference: Huang, Gokaslan, Kuleshov and Tompkin, The GAN is dead; long live the GAN! A Modern Baseline GAN,
2024; Jolicoeur-Martineau 2018; Mescheder, Geiger and Nowozin 2018. Row F11.
"""

from __future__ import annotations

import math

from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import playable
from simulacra.models.adversarial.game.discriminator import Discriminator
from simulacra.models.adversarial.game.objectives import OBJECTIVES
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game
from simulacra.nets.adversarial.normless import NormlessCritic, NormlessGenerator
from simulacra.nets.adversarial.sides import preferred_halvings

BETAS = (0.0, 0.99)  # of Adam: no momentum


class R3GAN(Game):
    """Modern baseline of a game: relativistic pairs, R1 and R2, residual networks without normalization.

    Images whose sides are 3 to 7 doubled several times have convolutions, all other observations fully
    connected layers. A condition enters the generator beside z and the discriminator by projection.

    Args:
        space: space of one observation.
        condition: space of the condition that samples are drawn for, or None.
        latent: size of the noise z.
        channels: channels of the layers next to the image; they double at each halving of the side.
        width: width of fully connected layers; images with convolutions do not use it.
        blocks: residual blocks of each resolution; of fully connected networks two thereof altogether.
        gamma: weight of both penalties in (1).
        lr: learning rate of both players.

    Raises:
        ValueError: if a size is below 1, or gamma is negative.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> R3GAN(Real((2,)), latent=4, width=8).sample(3).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 64,
        channels: int = 32,
        width: int = 128,
        blocks: int = 2,
        gamma: float = 0.5,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        playable(space, "R3GAN")
        _check(gamma, latent=latent, channels=channels, width=width, blocks=blocks)
        shape = space.features_shape
        size = 0 if condition is None else math.prod(condition.features_shape)
        images = len(shape) == 3 and preferred_halvings(shape) is not None
        given = (channels if images else width, blocks, 0, images)
        G = NormlessGenerator(latent, shape, *given[:2], size, images)
        how = None if condition is None else "projection"
        D = Discriminator(NormlessCritic(shape, *given), how, size, bias=False)
        stabilizers, play = Stabilizers(r1=gamma, r2=gamma), Play(lr=lr, betas=BETAS)
        super().__init__(space, condition, G, D, latent, OBJECTIVES["relativistic"], stabilizers, play)


def _check(gamma: float, **sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} is {size}, but an R3GAN needs at least 1.")
    if gamma < 0:
        raise ValueError(f"gamma is {gamma:g}, but it must not be negative; 0 is no penalty.")
