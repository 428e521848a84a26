"""From noisy to clean with two discriminators: one sees the restored image, one its shrunken copy.

    x^ = G(y)                                  an autoencoder without noise                            (1)
    D1: l_x(s_1(x)) + l_G(s_1(x^))             is it a clean image?                                    (2)
    D2: l_x(s_2(down x)) + l_G(s_2(down x^))   is its shrunken copy one of a clean image?              (3)
    G:  adversarial (l(s_1(x^)) + l(s_2(down x^))) + consistency mean |down x^ - down y|               (4)

`down` takes means over blocks, in which independent noise shrinks: what is left of y there binds x^ to it.
The last term of (4) is 0 for every exact pre-image, every x^ with down x^ = down y; among these the two
discriminators choose. Nothing compares x^ with the x that belongs to y.

The generator moves after both discriminators. Scores are means over patches, as in pix2pix.

Reference: a lecture's discussion of grainy images; (3) is a reading of its last sentence. Row F22.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.paired import map_shape
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import unbounded
from simulacra.core.updates import Epochs, Update
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.objectives import OBJECTIVES, by_row, share_right
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game
from simulacra.models.adversarial.paired.players import (
    Normalization,
    PatchDiscriminator,
    Translator,
    check_pair,
    translator,
)
from simulacra.nets.maps import resized, with_channel
from simulacra.nets.translators.patches import PatchCritic

PLAYERS = ("D1", "D2")


class TwoScales(nn.Module):
    """Two discriminators; the verdict of the first one is that of the game.

    Args:
        D1: discriminator of images.
        D2: discriminator of their shrunken copies.
    """

    def __init__(self, D1: nn.Module, D2: nn.Module):
        super().__init__()
        self.D1, self.D2 = D1, D2

    def forward(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """Returns the verdict of D1 on images h, shape (B, *); c is not used."""
        return self.D1(h)


class CleanGAN(Game):
    """Restores images, waves or volumes by a game with two discriminators.

    Args:
        space: space of clean observations.
        condition: space of noisy ones: the same but for its sides, which may be smaller.
        shrink: side of the blocks that `down` averages, of x.
        network: generator: `encoder-decoder`, `unet` or `residual`.
        channels: channels of the layers next to the image, of all players.
        halvings: halvings of the sides in the generator; None: down to a shorter side of 4 to 7, or once for
            `residual`.
        normalization: normalization of all players: `instance`, `batch`, `layer` or `none`.
        adversarial: weight of both discriminators in (4).
        consistency: weight of the distance in (4).
        lr: learning rate of all players.

    Raises:
        ValueError: if the condition is no noisy x, the sides are no multiples of `shrink`, or a weight is not
            positive.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> image = Levels((1, 16, 16), 256)
        >>> model = CleanGAN(image, image, channels=4)
        >>> model.sample(2, condition=torch.zeros(2, 1, 16, 16)).shape
        torch.Size([2, 1, 16, 16])
    """

    spatial = True
    length = Epochs(200)

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        shrink: int = 2,
        network: Translator = "encoder-decoder",
        channels: int = 32,
        halvings: int | None = None,
        normalization: Normalization = "instance",
        adversarial: float = 1.0,
        consistency: float = 10.0,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        condition = check_pair(space, condition, "clean-gan")
        _check_units(space, condition)
        small = _shrunken(space, condition, shrink)
        for name, weight in (("adversarial", adversarial), ("consistency", consistency)):
            if weight <= 0:
                raise ValueError(f"{name} is {weight}, but it must be positive.")
        G = translator(network, space, condition, 0, channels, halvings, "bottleneck", normalization)
        shape = space.features_shape
        shapes = shape, (*shape[: len(shape) - len(small)], *small)
        judges = (PatchCritic(s, 0, channels, None, normalization) for s in shapes)
        D = TwoScales(*map(PatchDiscriminator, judges))
        goal = OBJECTIVES["non-saturating"]
        super().__init__(space, condition, G, D, 0, goal, Stabilizers(), Play(lr=lr), adversarial)
        self.consistency, self.small = consistency, small

    @property
    def recommended(self) -> Mapping[str, Any]:
        """A small batch, as for pix2pix."""
        return {"batch_size": 4}

    def down(self, h: Tensor) -> Tensor:
        """Returns shrunken maps, shape (B, C, *), of images as D sees them, or of given conditions.

        Args:
            h: features of images, shape (B, *features_shape), or maps of a condition, shape (B, C, *sides).
        """
        return resized(with_channel(h, len(self.small)), self.small)

    def updates(self) -> list[Update]:
        """Returns the updates of D1, D2 and G."""
        of_D, of_G = super().updates()
        players = zip(PLAYERS, (first_loss, second_loss))
        return [*(replace(of_D, name=n, params=(f"D.{n}.",), loss=loss) for n, loss in players), of_G]

    def also(self, batch: Batch, fake: Tensor, rng: Rng) -> dict[str, Tensor]:
        """Returns the terms of (4) beside that of D1 by name, each of shape (B,).

        Args:
            batch: noisy rows are its conditions.
            fake: restored images x^, as D sees them, shape (B, *).
            rng: not used.
        """
        y, small = self.given(batch.c), self.down(fake)
        assert y is not None
        # (4)
        fooled = by_row(self.objective.generator(self.D.D2(small).score))
        apart = by_row((small - self.down(y)).abs())
        return {"second": self.adversarial * fooled, "consistency": self.consistency * apart}


def first_loss(model: CleanGAN, batch: Batch, rng: Rng) -> Terms:
    """Computes the loss (2) of D1 per example, in nats."""
    return _told_apart(model, batch, model.D.D1, lambda h: h)


def second_loss(model: CleanGAN, batch: Batch, rng: Rng) -> Terms:
    """Computes the loss (3) of D2 per example, in nats."""
    return _told_apart(model, batch, model.D.D2, model.down)


def _told_apart(model: CleanGAN, batch: Batch, D: nn.Module, change: Any) -> Terms:
    with torch.no_grad():
        fake = model.generate(batch.x.new_zeros(len(batch), 0), model.given(batch.c))
    real, made = (D(change(h)).score for h in (model.seen(batch.x), fake))
    goal = model.objective
    loss = {"real": by_row(goal.real(real)), "fake": by_row(goal.fake(made))}
    return Terms(loss, {"accuracy": share_right(goal, real, made)})


def _check_units(space: Space, condition: Space) -> None:
    """Raises ValueError unless features of x and of the condition are in the same units."""
    same = type(space) is type(condition) and getattr(space, "levels", 0) == getattr(condition, "levels", 0)
    ranged = any(unbounded(s) and not isinstance(s, Audio) for s in (space, condition))
    if not same or ranged or map_shape(space)[0] != map_shape(condition)[0]:
        raise ValueError(
            f"clean-gan subtracts shrunken copies of x and its condition, but {condition} beside {space} is "
            "in other units: load both as images of the same levels and channels, or as recordings."
        )


def _shrunken(space: Space, condition: Space, shrink: int) -> tuple[int, ...]:
    """Returns the sides of shrunken copies, after checking that x and the condition have such blocks."""
    sides, of_c = map_shape(space)[1:], map_shape(condition)[1:]
    fits = [
        s
        for s in range(1, min(sides) + 1)
        if all(n % s == 0 and m % (n // s) == 0 for n, m in zip(sides, of_c))
    ]
    if shrink in fits:
        return tuple(n // shrink for n in sides)
    size, other = ("x".join(map(str, s)) for s in (sides, of_c))
    if not fits:
        raise ValueError(
            f"clean-gan compares means over blocks, but a condition of {other} has none of {size}."
        )
    ways = [build_with(shrink=s) for s in fits]
    raise Refusal(
        f"shrink is {shrink}, but x of {size} and its condition of {other} are compared in blocks of other "
        f"sides: take {' or '.join(map(str, ways))}.",
        *ways,
    )
