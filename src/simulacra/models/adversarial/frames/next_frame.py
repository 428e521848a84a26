"""The next frame of a film given the frames before: a regression with a gradient difference, and a game.

    x^_k = G_k(c_k, up(x^_{k+1})),  k = N ... 1             from coarse to fine, see `frame_pyramid`       (1)
    G: l_adv sum_k mean l(s_k(c_k, x^_k)) + l_p mean |x - x^_1|^p + l_gdl GDL_a(x, x^_1)                   (2)
    D: sum_k  mean l_x(s_k(c_k, x_k)) + mean l_G(s_k(c_k, x^_k))                                           (3)

The squared error alone (p = 2) is least at the mean of all futures, which is blurred where there are several;
p = 1 is least at their median. The gradient difference punishes blur itself, and the game what no film shows.
x_k is x with sides divided by 2^(k-1), and s_k scores patches. There is no noise: (1) gives one future.

Reference: Mathieu, Couprie and LeCun, Deep multi-scale video prediction beyond mean square error, 2015. Row
G26.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.corruption.corruption import limits
from simulacra.core.errors.suggestion import Refusal, build_with, load_with
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import playable
from simulacra.core.updates import Epochs, Loss
from simulacra.models.adversarial.frames.sharpness import gradient_difference
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.objectives import by_row, share_right
from simulacra.models.adversarial.game.objectives import objective as objective_of
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game
from simulacra.models.adversarial.paired.players import PatchDiscriminator
from simulacra.nets.translators.frame_pyramid import FramePyramid
from simulacra.nets.translators.patches import PatchCritic

Objective = Literal["non-saturating", "least-squares"]


class ScaleDiscriminators(nn.Module):
    """A patch discriminator at each scale; the verdict is that of the finest.

    Args:
        at: the discriminators, the finest first.
    """

    def __init__(self, at: list[nn.Module]):
        super().__init__()
        self.at = nn.ModuleList(at)

    def forward(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """Returns the verdict of the finest scale on frames h (B, C, *sides) after c (B, n C, *sides)."""
        return self.at[0](h, c)


class NextFrameGAN(Game):
    """The next frame of a film by a pyramid of networks, an error, a gradient difference and a game.

    Args:
        space: space of a frame, (C, H, W).
        condition: space of the frames before, (n C, H, W).
        scales: number N of scales of (1); each has half the sides of the finer one.
        channels: channels of the hidden layers of each scale, and of the first layer of each discriminator.
        blocks: residual blocks of each scale.
        skip: if True, the last frame is carried along, so that the networks learn the change.
        patch: side of the patches that each discriminator scores: 1, 16, 34, 70, 142 or 286; None: the usual
            one of its scale.
        objective: `non-saturating` or `least-squares`.
        adversarial: weight l_adv of the game in (2); 0: no discriminators, a regression.
        error: weight l_p of the error in (2).
        p: power of the error, 1 or 2.
        gdl: weight l_gdl of the gradient difference in (2).
        alpha: power a of the gradient difference, 1 or 2.
        lr: learning rate of all players.

    Raises:
        ValueError: if the condition holds no frames like x, the weights of (2) are all 0, or an option is out
            of range.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> model = NextFrameGAN(Levels((1, 9, 8), 256), Levels((4, 9, 8), 256), channels=3, blocks=1)
        >>> model.sample(2, condition=torch.zeros(2, 4, 9, 8)).shape
        torch.Size([2, 1, 9, 8])
    """

    G: FramePyramid
    spatial = True
    length = Epochs(50)

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        scales: int = 2,
        channels: int = 32,
        blocks: int = 2,
        skip: bool = True,
        patch: int | None = None,
        objective: Objective = "non-saturating",
        adversarial: float = 0.05,
        error: float = 1.0,
        p: Literal[1, 2] = 2,
        gdl: float = 0.5,
        alpha: Literal[1, 2] = 1,
        lr: float = 1e-3,
        *,
        seed: int = 0,
    ):
        frames = frames_before(space, condition)
        _check_scales(space, scales)
        _check_weights({"adversarial": adversarial, "error": error, "gdl": gdl})
        G = FramePyramid(space.features_shape, frames, scales, channels, blocks, skip)
        shapes = [(space.features_shape[0], *sides) for sides in G.sides]
        seen = frames * space.shape[0]
        at: list[nn.Module] = [
            PatchDiscriminator(PatchCritic(shape, seen, channels, patch, "none")) for shape in shapes
        ]
        super().__init__(
            space,
            condition,
            G,
            ScaleDiscriminators(at),
            0,
            objective_of(objective),
            Stabilizers(),
            Play(lr=lr),
            adversarial,
        )
        self.error, self.p, self.gdl, self.alpha = error, p, gdl, alpha

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Batches of 16 windows, and an average of the weights."""
        return {"batch_size": 16, "ema": 0.99}

    # ---- training

    def losses(self) -> tuple[Loss, Loss]:
        """Returns the losses of the discriminators (3) and of the generator (2)."""
        return scales_loss, frame_loss

    # ---- generator

    def generate(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns x^_1 as D sees frames, without bounds, shape (B, C, H, W).

        Args:
            z: no noise, shape (B, 0).
            c: the frames before as `given` returns them, shape (B, n C, H, W).
        """
        return self.G(z, c)

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns x^_1 in the units of x, clipped to its range, with levels not rounded, shape (B, C, H, W).

        Args:
            z: no noise, shape (B, 0).
            c: the frames before, shape (B, n C, H, W).
        """
        x, ends = super().emit(z, c), limits(self.space)
        return x if ends is None else x.clamp(*ends)


def scales_loss(model: NextFrameGAN, batch: Batch, rng: Rng) -> Terms:
    """Computes the loss (3) of the discriminators per example, in nats, shape (B,).

    Args:
        model: a game of next frames.
        batch: frames and those before them.
        rng: not used.
    """
    c, goal = model.given(batch.c), model.objective
    assert c is not None
    with torch.no_grad():
        made = model.G.at_scales(c)
    pairs = zip(model.D.at, model.G.shrunken(model.seen(batch.x)), made, model.G.shrunken(c))
    scores = [(D(x, h).score, D(y, h).score) for D, x, y, h in pairs]
    loss = {
        "real": torch.stack([by_row(goal.real(real)) for real, _ in scores]).sum(0),
        "fake": torch.stack([by_row(goal.fake(fake)) for _, fake in scores]).sum(0),
    }
    return Terms(loss, {"accuracy": share_right(goal, *scores[0])})


def frame_loss(model: NextFrameGAN, batch: Batch, rng: Rng) -> Terms:
    """Computes the loss (2) of the generator per example by its terms, shape (B,).

    Args:
        model: a game of next frames.
        batch: frames and those before them.
        rng: not used.
    """
    c, x, terms = model.given(batch.c), model.seen(batch.x), {}
    assert c is not None
    made = model.G.at_scales(c)
    if model.adversarial:
        scored = zip(model.D.at, made, model.G.shrunken(c))
        fooled = [by_row(model.objective.generator(D(y, h).score)) for D, y, h in scored]
        terms["loss"] = model.adversarial * torch.stack(fooled).sum(0)
    if model.error:
        terms["error"] = model.error * by_row((x - made[0]).abs().pow(model.p))
    if model.gdl:
        terms["gdl"] = model.gdl * gradient_difference(x, made[0], model.alpha)
    return Terms(terms)


def frames_before(space: Space, condition: Space | None) -> int:
    """Returns the number of frames before each frame.

    Args:
        space: space of a frame.
        condition: space of the frames before, stacked on channels, or None.

    Raises:
        ValueError: if x is no image, or the condition holds no frames of its size, channels and levels.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> frames_before(Levels((3, 8, 9), 256), Levels((12, 8, 9), 256))
        4
    """
    playable(space, "next-frame-gan")
    past = load_with(condition="past:4")
    if not space.image or len(space.shape) != 3:
        raise ValueError(
            f"next-frame-gan draws frames that are images (C, H, W), but the space is {space}: save the film "
            "as an array (N, H, W) or as a folder of pictures."
        )
    if condition is None:
        raise Refusal(
            "next-frame-gan needs the frames before each frame, but the condition is none: load the data "
            f"with {past}.",
            past,
        )
    like = type(condition) is type(space) and len(condition.shape) == 3
    levels = getattr(condition, "levels", 0) == getattr(space, "levels", 0)
    if not like or not levels or condition.shape[0] % space.shape[0]:
        raise Refusal(
            f"next-frame-gan needs frames like x as its condition, but {condition} stands beside {space}: "
            f"load the data with {past}.",
            past,
        )
    if condition.shape[1:] != space.shape[1:]:
        a, b = ("x".join(map(str, one.shape[1:])) for one in (condition, space))
        raise Refusal(
            f"the frames before are {a} and x is {b}, but frames of a film have one size: load the data with "
            f"{past}.",
            past,
        )
    return condition.shape[0] // space.shape[0]


def _check_scales(space: Space, scales: int) -> None:
    """Raises ValueError if the sides cannot be halved as often."""
    most = min(space.shape[1:]).bit_length()
    if not 1 <= scales <= most:
        way = build_with(scales=min(max(scales, 1), most))
        size = "x".join(map(str, space.shape[1:]))
        raise Refusal(f"scales is {scales}, but frames of {size} have 1 to {most}: use {way}.", way)


def _check_weights(weights: Mapping[str, float]) -> None:
    """Raises ValueError unless the weights of (2) are numbers from 0, one of them above."""
    wrong = [name for name, weight in weights.items() if not 0 <= weight < float("inf")]
    name = wrong[0] if wrong else "error"
    if wrong or not any(weights.values()):
        way = build_with(**{name: 1.0 if name != "adversarial" else 0.05})
        raise Refusal(
            f"{name} is {weights[name]}, but the weights of the terms are numbers from 0, of which one is "
            f"above 0: use {way}.",
            way,
        )
