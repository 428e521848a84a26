"""A GAN whose discriminator has the auxiliary task of predicting the noise level of its input.

    v~ = v + s n,  s ~ U(0, S),  n ~ N(0, I)                                     (1)
    D: the game on noisy rows + weight (s^(v~) - s)^2                            (2)

The auxiliary task is meant to direct D to the structure of the images. It has a shortcut, which networks
find: the mean squared difference of neighbouring entries predicts s almost as well (`shortcut`).

Reference: a lecture's discussion of auxiliary tasks. Row F20.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import playable
from simulacra.core.updates import Loss
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.objectives import OBJECTIVES, share_right
from simulacra.models.adversarial.game.pieces import Network
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game
from simulacra.nets.adversarial.players import build_players


class ScoreAndNoise(nn.Module):
    """A score and an estimate s^ of the noise level, on top of a feature extractor.

    Args:
        body: feature extractor `(h, c) -> (B, width)`, with `width` as an attribute.
    """

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body, self.heads = body, nn.Linear(int(body.width), 2)  # type: ignore[arg-type]

    def forward(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """Computes the score of h, shape (B, *), with s^ as labels, shape (B, 1)."""
        f = self.body(h, c)
        score, level = self.heads(f).split(1, 1)
        return Verdict(score.squeeze(1), f, level)


class NoiseAwareGAN(Game):
    """Generative adversarial network whose discriminator also predicts the noise level of its input.

    Args:
        space: space of one observation.
        latent: size of the noise z.
        hidden: sizes of the hidden layers (`mlp`).
        network: `mlp`, `dcgan`, `residual` or `recurrent` (an LSTM for waves and sequences, against
            convolutions and a GRU); `auto` takes `dcgan` for images of side 16 or more, else `mlp`.
        channels: channels of the convolutional layers next to the image.
        largest: largest noise level S of (1), in units of the features.
        weight: weight of the auxiliary loss in (2).
        lr: learning rate of both players.

    Raises:
        ValueError: if `largest` or `weight` is not positive.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> NoiseAwareGAN(Real((2,)), latent=4, network="mlp").sample(3).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        space: Space,
        latent: int = 64,
        hidden: tuple[int, ...] = (128, 128),
        network: Network = "auto",
        channels: int = 64,
        largest: float = 0.5,
        weight: float = 1.0,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        playable(space, "NoiseAwareGAN")
        for name, value in (("largest", largest), ("weight", weight)):
            if value <= 0:
                raise ValueError(f"{name} is {value}, but it must be positive.")
        normal: dict[str, Any] = {"normalization": "batch", "critic_normalization": "none"}
        options: dict[str, Any] = {"hidden": hidden, "channels": channels, **normal}
        G, body = build_players(network, latent, space.features_shape, **options)
        goal, play = OBJECTIVES["non-saturating"], Play(lr=lr)
        super().__init__(space, None, G, ScoreAndNoise(body), latent, goal, Stabilizers(), play)
        self.largest, self.weight = largest, weight

    def losses(self) -> tuple[Loss, Loss]:
        """Returns the loss functions of D and of G."""
        return noise_aware_loss, noisy_generator_loss

    def noisy(self, h: Tensor, rng: Rng, name: str) -> tuple[Tensor, Tensor]:
        """Adds noise of a random level, equation (1).

        Args:
            h: rows of data or samples as D sees them, shape (B, *).
            rng: source of random numbers.
            name: `real` or `fake`, part of the names of the draws.

        Returns:
            v~, shape (B, *), and its noise level s, shape (B,).
        """
        s = self.largest * rng.uniform(f"level of {name}", dtype=h.dtype)
        n = rng.normal(f"noise on {name}", *h.shape[1:], dtype=h.dtype)
        return h + s.view(-1, *[1] * (h.dim() - 1)) * n, s

    def noise_level(self, h: Tensor) -> Tensor:
        """Returns D's estimate s^ of the noise level of rows as D sees them, shape (B,)."""
        level = self.judge(h).labels
        assert level is not None
        return level.squeeze(1)


def noise_aware_loss(model: NoiseAwareGAN, batch: Batch, rng: Rng) -> Terms:
    """Computes D's loss (2), per example."""
    with torch.no_grad():
        seen = {"real": model.seen(batch.x), "fake": model.generate(model.prior(rng))}
    loss, scores = {}, {}
    for name, goal in (("real", model.objective.real), ("fake", model.objective.fake)):
        noisy, s = model.noisy(seen[name], rng, name)
        verdict = model.judge(noisy)
        assert verdict.labels is not None
        scores[name] = verdict.score
        loss[name] = goal(verdict.score)
        # (2)
        loss[f"{name} noise"] = model.weight * (verdict.labels.squeeze(1) - s).square()
    return Terms(loss, {"accuracy": share_right(model.objective, scores["real"], scores["fake"])})


def noisy_generator_loss(model: NoiseAwareGAN, batch: Batch, rng: Rng) -> Terms:
    """Computes the generator's loss on noisy samples, per example."""
    noisy, _ = model.noisy(model.generate(model.prior(rng)), rng, "fake")
    return Terms({"loss": model.objective.generator(model.judge(noisy).score)})


def shortcut(h: Tensor) -> Tensor:
    """Returns the root mean square difference of neighbouring entries in the last dimension, shape (B,)."""
    return (h[..., 1:] - h[..., :-1]).flatten(1).square().mean(1).sqrt()
