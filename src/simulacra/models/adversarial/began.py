"""BEGAN: the discriminator is an autoencoder, and a balance is kept between what it rebuilds of data and
samples.

    L(v) = mean |v - A(v)|                                                       (1)
    D: L(x) - k L(G(z)),     G: L(G(z))                                          (2)
    k <- k + rate (gamma L(x) - L(G(z))),  k in [0, 1]                           (3)
    M = L(x) + |gamma L(x) - L(G(z))|                                            (4)

At the fixed point of (3) L(G(z)) = gamma L(x). M measures convergence.

Reference: Berthelot, Schumm and Metz 2017. Row G12.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Loss, Update
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.losses import generator_loss
from simulacra.models.adversarial.game.objectives import Objective, lifted
from simulacra.models.adversarial.game.pieces import Network
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game, playable
from simulacra.nets.adversarial.players import build_players


class Rebuilder(nn.Module):
    """The discriminator: minus the error (1) of an autoencoder is the score.

    Args:
        encoder: `(h, c) -> (B, width)`.
        decoder: `(z, c) -> (B, *shape)`, built for codes of `code` entries.
        width: of the encoder's features.
        code: size of the code.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, width: int, code: int):
        super().__init__()
        self.encoder, self.code, self.decoder = encoder, nn.Linear(width, code), decoder

    def forward(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """The verdict on h, shape (B, *)."""
        code = self.code(self.encoder(h, c))
        # (1)
        error = (h - self.decoder(code, c)).abs().flatten(1).mean(1)
        return Verdict(-error, code)


class BEGAN(Game):
    """Boundary equilibrium generative adversarial network.

    Args:
        space: what one observation is.
        latent: size of the noise z and of the autoencoder's code.
        hidden: layer sizes of fully connected networks.
        network: `mlp`, `dcgan` or `residual`; `auto`: `dcgan` for images of side 16 or more.
        channels: of the convolutional networks.
        gamma: of (3): lower gives better and less varied samples.
        balance_rate: of (3).
        lr: learning rate of both players.

    Raises:
        ValueError: if gamma is not in (0, 1].

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> BEGAN(Real((2,)), latent=4).sample(3).shape
        torch.Size([3, 2])
    """

    k: Tensor

    def __init__(
        self,
        space: Space,
        latent: int = 64,
        hidden: tuple[int, ...] = (128, 128),
        network: Network = "auto",
        channels: int = 64,
        gamma: float = 0.5,
        balance_rate: float = 1e-3,
        lr: float = 1e-4,
        *,
        seed: int = 0,
    ):
        playable(space, "BEGAN")
        if not 0 < gamma <= 1:
            raise ValueError(f"gamma is {gamma}, but it must lie in (0, 1].")
        shape, options = space.features_shape, {"hidden": hidden, "channels": channels}
        plain: Any = {**options, "normalization": "none", "critic_normalization": "none"}
        G, _ = build_players(network, latent, shape, **plain)
        decoder, encoder = build_players(network, latent, shape, **plain)
        D = Rebuilder(encoder, decoder, int(encoder.width), latent)
        # (2), by the score -L
        goal = Objective(lifted, self.balanced, lifted, None)
        super().__init__(space, None, G, D, latent, goal, Stabilizers(), Play(lr=lr))
        self.gamma, self.balance_rate = gamma, balance_rate
        self.register_buffer("k", torch.zeros(()))

    def balanced(self, s: Tensor) -> Tensor:
        """k s: the part of samples in the loss of D, by their score."""
        return self.k * s

    def losses(self) -> tuple[Loss, Loss]:
        """The losses of D and of G."""
        return balanced_loss, generator_loss

    def updates(self) -> list[Update]:
        """The game's moves, the balance after D's."""
        of_D, of_G = super().updates()
        return [replace(of_D, after=keep_balance), of_G]


def balanced_loss(model: BEGAN, batch: Batch, rng: Rng) -> Terms:
    """D's part of (2), row by row, with M of (4), which is one of the batch's means, logged."""
    with torch.no_grad():
        fake = model.generate(model.prior(rng))
    of_real, of_fake = -model.judge(model.seen(batch.x)).score, -model.judge(fake).score
    # (4)
    M = of_real.mean() + (model.gamma * of_real.mean() - of_fake.mean()).abs()
    log = {"rebuilt": of_real, "rebuilt_fake": of_fake, "convergence": M.expand_as(of_real)}
    return Terms({"real": of_real, "fake": -model.k * of_fake}, log)


def keep_balance(model: BEGAN, terms: Any, progress: float) -> None:
    """Equation (3)."""
    gap = model.gamma * terms["rebuilt"] - terms["rebuilt_fake"]
    model.k.add_(model.balance_rate * gap).clamp_(0, 1)
