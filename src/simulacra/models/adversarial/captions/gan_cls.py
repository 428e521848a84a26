"""GAN-CLS and GAN-INT: pictures from captions, by a discriminator that also sees wrong captions.

    e = psi(c)                  the vector of a caption, of the joint embedding, standardized       (1)
    x = G(z, e),   z ~ N(0, I)                                                                      (2)

A discriminator that sees real pictures with their captions, and samples, learns to tell pictures and may
never use the caption. Real pictures with the captions of others make it use them: the losses are those of
`matching_aware`. (1) is learned in a stage of its own, before the game, and then fixed.

Reference: Reed, Akata, Yan, Logeswaran, Schiele and Lee, Generative Adversarial Text to Image Synthesis,
2016. Row G16.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Epochs, Loss, Stage, Update
from simulacra.models.adversarial.captions.joint import (
    check_captioned,
    matching_stage,
    standardize_vectors,
)
from simulacra.models.adversarial.captions.matching_aware import discriminator_loss, generator_loss
from simulacra.models.adversarial.game.discriminator import Discriminator
from simulacra.models.adversarial.game.objectives import Named
from simulacra.models.adversarial.game.objectives import objective as objective_of
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game
from simulacra.nets.captions.matching import Matching
from simulacra.nets.captions.players import CaptionCritic, CaptionGenerator

Normalization = Literal["batch", "layer", "none"]


class GANCLS(Game):
    """Pictures from captions, by a game with matched, mismatched and generated pairs.

    Args:
        space: space of one picture, whose sides halve down to 3 to 7.
        condition: space of its caption, a text.
        latent: size of the noise z.
        embedding: size of the vector of a caption.
        hidden: size of the state of the text encoder, a GRU.
        short: entries to which both players shorten the vector.
        channels: channels of the layers next to the picture, of both players.
        objective: `non-saturating`, `minimax`, `least-squares`, `wasserstein` or `hinge`.
        interpolated: weight w of samples for means of two captions (GAN-INT); 0: none (GAN-CLS).
        beta: weight b of a row's own caption in these means, from 0 to 1.
        normalization: of the generator: `batch`, `layer` or `none`.
        critic_normalization: of all layers of the discriminator but the first.
        matching_epochs: passes of the stage that learns the vectors of captions.
        lr: learning rate of both players.

    Raises:
        ValueError: if x is no picture of such sides, the condition is no text, or a weight is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> from simulacra.core.spaces.tokens import Tokens
        >>> words = Tokens((2,), 4, ("<end>", "<unknown>", "red", "disc"), unknown=1, unit="words")
        >>> model = GANCLS(Levels((3, 8, 8), 256), words, latent=5, channels=2, embedding=7)
        >>> model.sample(2, condition="red disc").shape, [model.stage(i, []).name for i in range(2)]
        (torch.Size([2, 3, 8, 8]), ['matching', 'game'])
    """

    length = Epochs(200)

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 64,
        embedding: int = 64,
        hidden: int = 64,
        short: int = 32,
        channels: int = 64,
        objective: Named = "non-saturating",
        interpolated: float = 1.0,
        beta: float = 0.5,
        normalization: Normalization = "batch",
        critic_normalization: Normalization = "batch",
        matching_epochs: float = 40,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        words = check_captioned(space, condition, "gan-cls")
        check_between(interpolated, beta)
        shape, sizes = space.features_shape, (embedding, short, channels)
        G = CaptionGenerator(latent, shape, *sizes, normalization)
        D = Discriminator(CaptionCritic(shape, *sizes, critic_normalization), "concatenation", embedding)
        super().__init__(space, condition, G, D, latent, objective_of(objective), Stabilizers(), Play(lr=lr))
        self.matching = Matching(space, words, embedding, hidden=hidden)
        self.interpolated, self.beta, self.matching_epochs = interpolated, beta, matching_epochs

    @property
    def recommended(self) -> Mapping[str, Any]:
        """An average of the weights of the generator."""
        return {"ema": 0.999}

    # ---- training

    def losses(self) -> tuple[Loss, Loss]:
        """Returns the loss functions of D and of G."""
        return discriminator_loss, generator_loss

    def updates(self) -> list[Update]:
        """Returns the updates of a step of the game, whose losses compare the captions of a batch."""
        return [replace(update, coupled=True, exchanges=True) for update in super().updates()]

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the stages: the joint embedding, and the game.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        stages = [
            matching_stage(self.matching_epochs),
            Stage("game", self.updates(), self.length, start=standardize_vectors),
        ]
        return stages[i] if i < len(stages) else None

    # ---- captions

    def given(self, c: Tensor | None) -> Tensor | None:
        """Returns e of equation (1), shape (B, embedding), without gradient, or None.

        Args:
            c: captions, shape (B, T), or None.
        """
        return None if c is None else self.matching.vectors(c)


def check_between(interpolated: float, beta: float) -> None:
    """Raises ValueError unless the weight of means of captions is not negative, and b in [0, 1].

    Args:
        interpolated: weight w of samples for means of two captions.
        beta: weight b of a row's own caption.
    """
    check_weight("interpolated", interpolated)
    if not 0 <= beta <= 1:
        way = build_with(beta=0.5)
        raise Refusal(f"beta is {beta}, but a share of a caption is a number from 0 to 1: use {way}.", way)


def check_weight(name: str, value: float) -> None:
    """Raises ValueError unless a weight is a number from 0.

    Args:
        name: name of the option.
        value: its value.
    """
    if not 0 <= value < float("inf"):
        ways = build_with(**{name: 1.0}), build_with(**{name: 0.0})
        raise Refusal(
            f"{name} is {value}, but a weight is a number from 0: use {ways[0]}, or {ways[1]} to leave the "
            "term out.",
            *ways,
        )
