"""Progressive growing: both players gain a level at a time, which fades in while it is trained.

    level l sees images of 2^l times the first sides, whose shorter one is 4                      (1)
    fading in:  a rises from 0 to 1, in G, in D and in the rows of data                           (2)
    D: E l_x(s(x)) + E l_G(s(G(z))) + lambda (|grad s| - 1)^2 + eps_drift s(x)^2                  (3)

(2) is that of `nets.growing.players`; rows of data are (1 - a) up(down(x)) + a x, so that D cannot tell them
by what G does not draw yet. Each level but the first has two stages of equal length, in which it fades in and
in which it settles. The last term of (3) keeps scores near 0: Wasserstein's difference leaves them free.

Reference: Karras, Aila, Laine and Lehtinen, Progressive Growing of GANs for Improved Quality, Stability, and
Variation, 2018. Row G30.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Epochs, Source, Stage, Update
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.losses import settle
from simulacra.models.adversarial.game.objectives import Loss, Named
from simulacra.models.adversarial.game.objectives import objective as objective_of
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.growing.by_level import GameByLevel, check_images
from simulacra.nets.adversarial.pooled import pooled_layers
from simulacra.nets.growing.equalized import EqualizedLinear
from simulacra.nets.growing.players import START, GrowingCritic, GrowingGenerator, down, up
from simulacra.nets.maps import resized
from simulacra.nets.translators.strided import widths


class ProgressiveGAN(GameByLevel):
    """Progressive growing of an adversarial game: from images of side 4 to whole ones, level by level.

    Args:
        space: space of one image, whose shorter side is 4 times a power of two.
        condition: space of a label or a small vector that samples are drawn for, or None.
        latent: size of the noise z, which is normalized.
        channels: channels of the finest level; they double at each halving of the side, up to eight times as
            many.
        objective: `wasserstein` (the paper's), `non-saturating`, `minimax`, `least-squares`, `hinge` or
            `relativistic`.
        gradient_penalty: weight lambda of the penalty on the norm of D's gradient; 0 disables it.
        drift: weight of the squared scores of rows of data; 0 disables it. The `relativistic` loss, which
            compares scores, has none.
        deviation: if True, D sees how much a batch varies.
        discriminator_steps: updates of D for each update of G, each on a fresh batch.
        lr: learning rate of both players.

    Raises:
        ValueError: if the space holds no images, or their sides do not halve down to a shorter one of 4.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> model = ProgressiveGAN(Levels((1, 8, 16), 256), latent=3, channels=2)
        >>> [stage.name for stage in map(model.stage, range(3), [[]] * 3)]
        ['4x8', 'fade-8x16', '8x16']
        >>> model.sample(2).shape
        torch.Size([2, 1, 8, 16])
    """

    length = Epochs(90)
    alpha: Tensor
    G: GrowingGenerator

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 64,
        channels: int = 16,
        objective: Named = "wasserstein",
        gradient_penalty: float = 10.0,
        drift: float = 1e-3,
        deviation: bool = True,
        discriminator_steps: int = 1,
        lr: float = 1e-3,
        *,
        seed: int = 0,
    ):
        check_images(space, condition, "progressive-gan")
        if drift < 0:
            raise ValueError(f"drift is {drift}, but it must not be negative; 0 is none.")
        finest = doublings(space.shape)
        first = (space.shape[0], *(side >> finest for side in space.shape[1:]))
        wide = widths(channels, finest + 1)[::-1]
        size = 0 if condition is None else math.prod(condition.features_shape)
        goal = objective_of(objective)
        drift = 0.0 if goal.pairs else drift
        super().__init__(
            finest,
            space,
            condition,
            GrowingGenerator(latent, first, wide, size),
            GrowingDiscriminator(
                GrowingCritic(first, wide, deviation), size, bias=goal.boundary is not None or drift > 0
            ),
            latent,
            replace(goal, real=Drifting(goal.real, drift)) if drift else goal,
            Stabilizers(gradient_penalty),
            Play(discriminator_steps, lr, betas=(0.0, 0.99), prior="sphere"),
        )
        self.register_buffer("alpha", torch.tensor(1.0))
        self.finest, self.first = finest, first

    @property
    def recommended(self) -> Mapping[str, Any]:
        """An average of the weights, which samples are drawn with, and batches of 16 images."""
        return {"batch_size": 16, "ema": 0.999}

    # ---- training

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns stage i: level 0 settles, then each level fades in and settles; None after the last.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        level, fades = (i + 1) // 2, i % 2 == 1
        if level > self.finest:
            return None
        of_D, of_G = self.updates()
        levels = range(level - 1, level + 1) if fades else (level,)
        updates: list[Update] = [
            replace(of_D, params=params_of_D(level, levels), after=fade if fades else settle),
            replace(of_G, params=params_of_G(level, levels)),
        ]
        sides = "x".join(str(side << level) for side in self.first[1:])
        start = partial(begin, level=level, alpha=0.0 if fades else 1.0)
        length = Epochs(self.length.n / (2 * self.finest + 1))
        return Stage(f"fade-{sides}" if fades else sides, updates, length, start)

    # ---- generator and discriminator

    @property
    def share(self) -> float:
        """Share alpha of the level that fades in."""
        return float(self.alpha)

    def looks(self, how: Any = None) -> int:
        """Returns the number of levels of a draw.

        Args:
            how: not used.
        """
        return self.standing[0] + 1

    def seen(self, x: Tensor) -> Tensor:
        """Returns images scaled as D sees them, at the sides and with the fading of the level, (B, C, *)."""
        level, a = self.standing
        h = resized(super().seen(x), [side << level for side in self.first[1:]])
        # (2)
        return h if not level or a >= 1 else torch.lerp(up(down(h)), h, a)

    def generate(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns images of the level as D sees them, shape (B, C, *)."""
        return self.G(z, c, *self.standing)

    def judge(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """Returns the verdict on images of the level, shape (B, C, *)."""
        return self.D(h, c, *self.standing)

    def represent(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the max-pooled outputs of all layers of D, shape (B, width)."""
        return pooled_layers(self.D, self.seen(x), self.given(c), *self.standing)

    def levels_of(self, z: Tensor, c: Tensor | None = None) -> list[Tensor]:
        """Returns the draw at the sides of each level, the coarsest first: means over blocks of pixels.

        The outputs of earlier levels themselves are no images any more: their weights rest while the maps
        that they read go on learning.
        """
        h = self.generate(z, c)
        coarser = ([side << i for side in self.first[1:]] for i in range(self.standing[0]))
        return [*(resized(h, sides) for sides in coarser), h]

    def enlarged(self, h: Tensor) -> Tensor:
        """Returns the image of a level at the sides of x, pixels repeated, shape (B, C, H, W)."""
        return resized(h, self.space.shape[1:])


class GrowingDiscriminator(nn.Module):
    """The verdict of a growing critic: s(x, c) = w'f(x) + b + (V c)'f(x).

    Args:
        body: the critic, which returns features f (B, width).
        condition: number of entries of the condition; 0 without one.
        bias: if True, the score has the bias b.
    """

    def __init__(self, body: GrowingCritic, condition: int = 0, bias: bool = True):
        super().__init__()
        self.body = body
        self.score = EqualizedLinear(body.width, 1, gain=1.0, bias=bias)
        self.V = EqualizedLinear(condition, body.width, gain=1.0, bias=False) if condition else None

    @property
    def minibatch(self) -> nn.Module | None:
        """The layer that mixes rows, or None."""
        return self.body.minibatch

    def forward(self, h: Tensor, c: Tensor | None, level: int, a: float) -> Verdict:
        """Returns scores (B,) and features (B, width).

        Args:
            h: images of the level, shape (B, C, *).
            c: features of the condition, shape (B, condition), or None.
            level: the level.
            a: its share.
        """
        f = self.body(h, level, a)
        score = self.score(f).squeeze(1)
        if self.V is not None and c is not None:
            score = score + (self.V(c.flatten(1)) * f).sum(1) / math.sqrt(self.body.width)
        return Verdict(score, f)


@dataclass(frozen=True)
class Drifting:
    """Loss of a row of data with a drift term, the last one of equation (3).

    Args:
        real: loss of the score.
        weight: eps_drift.
    """

    real: Loss
    weight: float

    def __call__(self, s: Tensor) -> Tensor:
        """Returns real(s) + weight s^2, shape of s."""
        # (3)
        return self.real(s) + self.weight * s.square()


# ---- stages


def begin(model: ProgressiveGAN, source: Source, rng: Rng, level: int, alpha: float) -> None:
    """Moves the networks to a level.

    Args:
        model: a progressive GAN.
        source: not used.
        rng: not used.
        level: the level, 0 for the first.
        alpha: its share.
    """
    model.level.fill_(level)
    model.alpha.fill_(alpha)


def fade(model: ProgressiveGAN, terms: Any, progress: float) -> None:
    """Raises the share of the level with the stage, after each update of D.

    Args:
        model: a progressive GAN.
        terms: not used.
        progress: share of the stage that is done, from 0 to 1.
    """
    settle(model, terms, progress)
    # (2)
    model.alpha.fill_(progress)


def params_of_D(level: int, levels: Any) -> tuple[str, ...]:
    """Returns the parameters of D that a stage trains.

    Args:
        level: the level.
        levels: levels whose inputs are used.
    """
    blocks = (f"D.body.blocks.{i}." for i in range(level))
    return (*(f"D.body.into.{i}." for i in levels), *blocks, "D.body.last.", "D.score.", "D.V.")


def params_of_G(level: int, levels: Any) -> tuple[str, ...]:
    """Returns the parameters of G that a stage trains; arguments as `params_of_D`."""
    blocks = (f"G.blocks.{i}." for i in range(level))
    return (*(f"G.out.{i}." for i in levels), *blocks, "G.stem.", "G.first.")


def doublings(shape: tuple[int, ...]) -> int:
    """Returns how often sides double from the first level, whose shorter one is 4, to whole images.

    Args:
        shape: (C, H, W).

    Raises:
        ValueError: if no whole number of doublings leads there.

    Example:
        >>> [doublings((1, 4, 4)), doublings((3, 64, 96))]
        [0, 4]
    """
    _, h, w = shape
    n = max(0, (min(h, w) // START).bit_length() - 1)
    if START << n == min(h, w) and not max(h, w) % 2**n:
        return n
    side = START << max(0, -(-max(h, w) // START) - 1).bit_length()
    way = load_with(size=side)
    raise Refusal(
        f"progressive-gan grows images from a shorter side of {START} by doubling, and {h}x{w} does not "
        f"halve down to it: load them with {way}.",
        way,
    )
