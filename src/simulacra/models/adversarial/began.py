"""BEGAN: the discriminator is an autoencoder; a controller balances its errors on data and on samples.

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
from simulacra.core.spaces.smooth import playable
from simulacra.core.updates import Loss, Update
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.losses import generator_loss
from simulacra.models.adversarial.game.objectives import Objective, lifted
from simulacra.models.adversarial.game.pieces import Network
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game
from simulacra.nets.adversarial.players import build_players
from simulacra.nets.adversarial.recurrent_players import noise_size


class Rebuilder(nn.Module):
    """The discriminator of BEGAN: its score is minus the reconstruction error (1) of an autoencoder.

    Args:
        encoder: network `(h, c) -> (B, width)`.
        decoder: network `(z, c) -> (B, *shape)` for codes of `code` entries.
        width: number of features of the encoder.
        code: size of the code.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, width: int, code: int):
        super().__init__()
        self.encoder, self.code, self.decoder = encoder, nn.Linear(width, code), decoder

    def forward(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """Returns minus the reconstruction error of h (B, *) as its score, and the code as features."""
        code = self.code(self.encoder(h, c))
        # (1)
        error = (h - self.decoder(code, c)).abs().flatten(1).mean(1)
        return Verdict(-error, code)


class BEGAN(Game):
    """Boundary equilibrium generative adversarial network.

    Args:
        space: space of one observation.
        latent: size of the noise z and of the autoencoder's code.
        hidden: sizes of the hidden layers (`mlp`).
        network: `mlp`, `dcgan`, `residual` or `recurrent` (an LSTM for waves and sequences, against
            convolutions and a GRU); `auto` takes `dcgan` for images of side 16 or more, else `mlp`.
        channels: channels of the convolutional layers next to the image.
        gamma: target ratio L(G(z)) / L(x) of (3), in (0, 1]; lower gives sharper and less diverse samples.
        balance_rate: step size of k in (3).
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
        D = Rebuilder(encoder, decoder, int(encoder.width), noise_size(decoder, latent))
        # (2), by the score -L
        goal = Objective(lifted, self.balanced, lifted, None)
        super().__init__(space, None, G, D, latent, goal, Stabilizers(), Play(lr=lr))
        self.gamma, self.balance_rate = gamma, balance_rate
        self.register_buffer("k", torch.zeros(()))

    def balanced(self, s: Tensor) -> Tensor:
        """Returns k s, the loss of samples with scores s in (2), shape (B,)."""
        return self.k * s

    def losses(self) -> tuple[Loss, Loss]:
        """Returns the loss functions of D and of G."""
        return balanced_loss, generator_loss

    def updates(self) -> list[Update]:
        """Returns the updates of D, followed by the update (3) of k, and of G."""
        of_D, of_G = super().updates()
        return [replace(of_D, after=keep_balance), of_G]


def balanced_loss(model: BEGAN, batch: Batch, rng: Rng) -> Terms:
    """Computes D's loss (2) per example and logs the convergence measure M (4) of the batch."""
    with torch.no_grad():
        fake = model.generate(model.prior(rng))
    of_real, of_fake = -model.judge(model.seen(batch.x)).score, -model.judge(fake).score
    # (4)
    M = of_real.mean() + (model.gamma * of_real.mean() - of_fake.mean()).abs()
    log = {"rebuilt": of_real, "rebuilt_fake": of_fake, "convergence": M.expand_as(of_real)}
    return Terms({"real": of_real, "fake": -model.k * of_fake}, log)


def keep_balance(model: BEGAN, terms: Any, progress: float) -> None:
    """Updates k by equation (3).

    Args:
        model: a BEGAN.
        terms: logged means of the update, among them both reconstruction errors.
        progress: share of the stage that is done; not used.
    """
    gap = model.gamma * terms["rebuilt"] - terms["rebuilt_fake"]
    model.k.add_(model.balance_rate * gap).clamp_(0, 1)
