"""Super-resolution by squared errors, and by a game beside a perceptual distance.

    SRResNet:  min_G  E |x - G(c)|^2 / d                                                           (1)
    SRGAN:     min_G  E d(x, G(c)) + lambda l(s(G(c))),   max_D as in every game                   (2)

c is a small image of x, G a residual network with a pixel shuffle (`super_resolution`), and d a distance in
learned features (`feature_maps`), or the error of (1) again. Of the images x that belong to one c the optimum
of (1) is their mean, E[x | c], which is blurred: D tells it from images. The first stage of training
minimizes (1); it is the whole training if lambda = 0.

Reference: Ledig et al. 2017. Row G20.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Space
from simulacra.core.spaces.smooth import playable, within
from simulacra.core.updates import Epochs, Stage, Update
from simulacra.models.adversarial.game.objectives import Named
from simulacra.models.adversarial.game.objectives import objective as objective_of
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game
from simulacra.models.adversarial.paired.players import PatchDiscriminator
from simulacra.nets.translators.feature_maps import FeatureMaps
from simulacra.nets.translators.patches import PatchCritic
from simulacra.nets.translators.super_resolution import Shuffles, SuperResolver

Error = Literal["squared", "absolute"]
Content = Literal["features", "error"]


class SRGAN(Game):
    """Super-resolution: SRResNet, trained by an error, then SRGAN, trained by a game.

    Args:
        space: space of the large image, (C, s H, s W).
        condition: space of the small image, (1 or C, H, W); the scale s follows from both.
        channels: channels of the generator.
        blocks: residual blocks of the generator.
        normalization: of the generator: `none`, `batch` (the paper's) or `layer`.
        shuffles: pixel shuffle by s at `once`, or in `steps` of its prime factors, as in the paper.
        skip: if True, the generator learns the residual to the bicubic interpolation of c.
        error: of the first stage, a mean over entries: `squared` or `absolute`.
        content: of the game, beside the adversarial term: a distance in learned `features`, whose network a
            stage before trains as an autoencoder of x, or the `error` again.
        adversarial: weight lambda of (2); 0: no game, which is SRResNet.
        objective: of the game: `non-saturating`, `minimax`, `least-squares`, `wasserstein`, `hinge` or
            `relativistic`.
        critic_channels: channels of the first layer of the discriminator.
        patch: side of the patches that the discriminator scores, 1, 16, 34, 70, 142 or 286; None: 16 or, of
            large images, more.
        mirrors: if True, training images are mirrored and transposed at random.
        lr: learning rate of the first stage.
        game_lr: learning rate of both players.

    Raises:
        ValueError: if the condition is no image whose sides are those of x divided by a whole number.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> model = SRGAN(Levels((3, 8, 12), 256), Levels((3, 2, 3), 256), channels=5, blocks=1)
        >>> model.G.scale, [model.stage(i, []).name for i in range(3)]
        (4, ['features', 'error', 'game'])
        >>> model.sample(2, condition=torch.zeros(2, 3, 2, 3)).shape
        torch.Size([2, 3, 8, 12])
    """

    length = Epochs(100)
    spatial = True

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        channels: int = 32,
        blocks: int = 8,
        normalization: Literal["none", "batch", "layer"] = "none",
        shuffles: Shuffles = "once",
        skip: bool = True,
        error: Error = "squared",
        content: Content = "features",
        adversarial: float = 1e-3,
        objective: Named = "non-saturating",
        critic_channels: int = 32,
        patch: int | None = None,
        mirrors: bool = True,
        lr: float = 1e-3,
        game_lr: float = 1e-4,
        *,
        seed: int = 0,
    ):
        playable(space, "srgan")
        small = small_image(space, condition)
        G = SuperResolver(
            small.shape[0],
            space.shape[0],
            space.shape[1] // small.shape[1],
            channels,
            blocks,
            normalization,
            shuffles=shuffles,
            skip=skip,
        )
        D = PatchDiscriminator(PatchCritic(space.shape, 0, critic_channels, patch, "none"))
        play = Play(lr=game_lr, betas=(0.9, 0.999), output="sigmoid")
        super().__init__(space, condition, G, D, 0, objective_of(objective), Stabilizers(), play, adversarial)
        self.error, self.content, self.mirrors, self.lr = error, content, mirrors, lr
        self.normalization = normalization
        if adversarial and content == "features":
            self.extractor = FeatureMaps(space.shape)

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Batches of 16 images, an average of the weights, and a learning rate that falls to 0."""
        return {"batch_size": 16, "ema": 0.999, "schedule": "cosine"}

    # ---- training

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the stages: features, where they are used; error; game, where there is one.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        stages = []
        if hasattr(self, "extractor"):
            stages.append(self._stage("features", [Update("E", ("extractor.",), rebuilding_loss)], 10))
        mixes = self.normalization == "batch"
        by_error = Update("G", ("G.",), error_loss, coupled=mixes, exchanges=True, optimizer=Adam(lr=self.lr))
        stages.append(self._stage("error", [by_error], self.length.n))
        if self.adversarial:
            of_D, of_G = self.updates()
            of_G = replace(of_G, coupled=of_G.coupled or mixes)
            stages.append(self._stage("game", [of_D, of_G], self.length.n / 5))
        return stages[i] if i < len(stages) else None

    def _stage(self, name: str, updates: list[Update], epochs: float) -> Stage:
        return Stage(name, updates, Epochs(epochs), view=mirrored if self.mirrors else None)

    def also(self, batch: Batch, fake: Tensor, rng: Rng) -> dict[str, Tensor]:
        """Returns d(x, G(c)) of equation (2), shape (B,).

        Args:
            batch: rows of data.
            fake: G(c), shape (B, C, s H, s W).
            rng: not used.
        """
        x = self.seen(batch.x)
        if self.content == "error":
            return {"content": self.distance(x, fake)}
        return {"content": self.extractor.distance(x, fake)}

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Returns the error of equation (1), or the mean absolute one, shape (B,).

        Args:
            x: images in features, shape (B, C, H, W).
            y: shape of x.
        """
        away = (x - y).flatten(1)
        return (away.square() if self.error == "squared" else away.abs()).mean(1)

    # ---- generator

    def given(self, c: Tensor | None) -> Tensor | None:
        """Returns the small image in the features of the large one, shape (B, C, H, W), or None.

        Args:
            c: small images, shape (B, C, H, W), or None.
        """
        if c is None or self.condition is None:
            return None
        if same_levels(self.space, self.condition):
            return self.space.features(c, self.dtype)
        return self.condition.features(c, self.dtype)

    def generate(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns G(c) in the features of x, without bounds, shape (B, C, s H, s W).

        Args:
            z: no noise, shape (B, 0).
            c: small images as `given` returns them.
        """
        return self.G(c)

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns G(c) in the units of x, clipped to its range, with levels not rounded, shape (B, *).

        Args:
            z: no noise, shape (B, 0).
            c: small images, shape (B, *).
        """
        return within(self.space, self.space.from_features(self.generate(z, self.given(c))))


def error_loss(model: SRGAN, batch: Batch, rng: Rng) -> Terms:
    """Computes the error of equation (1), shape (B,).

    Args:
        model: an SRGAN.
        batch: images and their small images.
        rng: not used.
    """
    fake = model.generate(model.prior(rng), model.given(batch.c))
    return Terms({"error": model.distance(model.seen(batch.x), fake)})


def rebuilding_loss(model: SRGAN, batch: Batch, rng: Rng) -> Terms:
    """Computes the squared error of the extractor as an autoencoder, a mean over entries, shape (B,).

    Args:
        model: an SRGAN with an extractor.
        batch: images.
        rng: not used.
    """
    x = model.seen(batch.x)
    return Terms({"rebuilding": (x - model.extractor.rebuilt(x)).square().flatten(1).mean(1)})


def mirrored(model: SRGAN, batch: Batch, rng: Rng) -> Batch:
    """Returns the batch with pairs mirrored along each side, and squares transposed, at random.

    Args:
        model: an SRGAN.
        batch: images and their small images.
        rng: decides for each pair.
    """
    chosen = rng.uniform("mirrors", 3) < 0.5

    def turned(x: Tensor) -> Tensor:
        at = chosen.to(x.device).view(-1, 3, 1, 1, 1).unbind(1)
        x = torch.where(at[0], x.flip(-1), x)
        x = torch.where(at[1], x.flip(-2), x)
        return torch.where(at[2], x.transpose(-1, -2), x) if x.shape[-1] == x.shape[-2] else x

    return replace(batch, x=turned(batch.x), c=None if batch.c is None else turned(batch.c))


def same_levels(space: Space, condition: Space) -> bool:
    """Returns True if both images have the same levels, whatever range their features use.

    Args:
        space: space of the large image.
        condition: space of the small image.
    """
    return isinstance(space, Levels) and isinstance(condition, Levels) and space.levels == condition.levels


def small_image(space: Space, condition: Space | None) -> Space:
    """Returns the space of the small image.

    Args:
        space: space of the large image.
        condition: space of the condition, or None.

    Raises:
        ValueError: if they are no images, or the sides of the large one are no common multiple of the
            other's.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> small_image(Levels((1, 9, 6), 4), Levels((1, 3, 2), 4)).shape
        (1, 3, 2)
    """
    if condition is not None and space.image and len(condition.shape) == 3:
        (_, H, W), (_, h, w) = space.shape, condition.shape
        if H % h == 0 and W % w == 0 and H // h == W // w:
            return condition
    given = load_with(condition="downscale:4")
    raise Refusal(
        "srgan makes images from smaller ones, whose sides are those of x divided by one whole number, but x "
        f"is {space} and the condition is {condition or 'none'}: load images with {given}.",
        given,
    )
