"""The Laplacian pyramid of adversarial networks: a game for the coarsest image, and one for each refinement.

    x  <->  (h_0, ..., h_(K-1), I_K)                            the pyramid (`core.numerics.pyramid`)   (1)
    level K:      real I_K against G_K(z_K)                                                       (2)
    level k < K:  real (h_k, u(I_(k+1))) against (G_k(z_k, u(I_(k+1))), u(I_(k+1)))               (3)

Each level is a stage of training, the coarsest first. In (3) both sides of the game have the coarser image of
a row of data: a level learns what to add to true images, and needs no other level for it. Samples are drawn
level by level: I_k = u(I_(k+1)) + h_k.

Reference: Denton, Chintala, Szlam and Fergus, Deep Generative Image Models using a Laplacian Pyramid of
Adversarial Networks, 2015. Row G3.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.numerics.bicubic import bicubic
from simulacra.core.numerics.pyramid import images, sides_of
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.updates import Epochs, Source, Stage
from simulacra.models.adversarial.game.losses import discriminator_loss, generator_loss
from simulacra.models.adversarial.game.noise import drawn_noise
from simulacra.models.adversarial.game.objectives import Named
from simulacra.models.adversarial.game.objectives import objective as objective_of
from simulacra.models.adversarial.game.pieces import build
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.growing.by_level import GameByLevel, check_images
from simulacra.models.adversarial.growing.laplacian import (
    LaplacianCritic,
    LaplacianGenerator,
    LevelGame,
    beside,
)
from simulacra.models.adversarial.paired.players import PatchDiscriminator
from simulacra.nets.adversarial.pooled import pooled_layers
from simulacra.nets.translators.patches import PatchCritic
from simulacra.nets.translators.residual import Residual

COARSEST = 8  # the usual pyramid ends at a shorter side of at most this


class LAPGAN(GameByLevel):
    """Laplacian pyramid of adversarial networks: images drawn from coarse to fine, a game for each level.

    Args:
        space: space of one image.
        condition: space of a label or a small vector that samples are drawn for, or None.
        halvings: K, levels above the whole image; None: until the shorter side is 8 or less.
        latent: size of the noise of the coarsest level; each finer level has one map of noise.
        network: of the coarsest level: `mlp`, `dcgan` or `residual`; `auto` takes `dcgan` for sides of 16 or
            more, else `mlp`.
        hidden: sizes of the hidden layers of an `mlp` at the coarsest level.
        channels: channels of the networks of the finer levels, and of those of a convolutional coarsest one.
        blocks: residual blocks of a generator of the finer levels.
        normalization: of the generators: `batch`, `layer` or `none`.
        objective: of all games: `non-saturating`, `minimax`, `least-squares`, `wasserstein`, `hinge` or
            `relativistic`.
        smoothing: label of real rows, such as 0.9; 1 disables label smoothing.
        noise: standard deviation of instance noise at the start of each stage; it decays to 0.
        lr: learning rate of all players.

    Raises:
        ValueError: if the space holds no images, or they cannot be halved so often.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> model = LAPGAN(Levels((1, 14, 9), 256), halvings=2, latent=3, hidden=(5,), channels=2)
        >>> [stage.name for stage in map(model.stage, range(3), [[]] * 3)]
        ['4x3', '7x5', '14x9']
        >>> model.sample(2, watch=lambda t, total, x, known: print(t, total, tuple(x.shape))).shape
        1 3 (2, 1, 14, 9)
        2 3 (2, 1, 14, 9)
        3 3 (2, 1, 14, 9)
        torch.Size([2, 1, 14, 9])
    """

    length = Epochs(60)
    G: LaplacianGenerator

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        halvings: int | None = None,
        latent: int = 100,
        network: Literal["auto", "mlp", "dcgan", "residual"] = "auto",
        hidden: tuple[int, ...] = (256, 256),
        channels: int = 32,
        blocks: int = 2,
        normalization: Literal["batch", "layer", "none"] = "batch",
        objective: Named = "non-saturating",
        smoothing: float = 1.0,
        noise: float = 0.0,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        check_images(space, condition, "lapgan")
        channel, *whole = space.features_shape
        K = usual_halvings(whole) if halvings is None else checked_halvings(halvings, whole)
        sides, goal = sides_of(whole, K), objective_of(objective)
        top = Real((channel, *sides[K]))
        G, D = build(
            top,
            condition,
            latent,
            network,
            hidden,
            channels,
            normalization=normalization,
            critic_normalization="none",
            bias=goal.boundary is not None,
        )
        more = channel if condition is None else channel + math.prod(condition.features_shape)
        refining = [
            Residual(more, (channel, *side), 1, channels, 0, blocks, "input", normalization)
            for side in sides[:K]
        ]
        judging = [
            PatchDiscriminator(PatchCritic((channel, *side), more, channels, None, "none"))
            for side in sides[:K]
        ]
        sizes = [*(h * w for h, w in sides[:K]), latent]
        super().__init__(
            K,
            space,
            condition,
            LaplacianGenerator([*refining, G], sizes, sides),
            LaplacianCritic([*judging, D]),
            latent,
            goal,
            Stabilizers(smoothing=smoothing, noise=noise),
            Play(lr=lr),
        )
        self.K, self.sizes = K, sizes

    # ---- training

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the game of a level, the coarsest first; None after the finest.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        if i > self.K:
            return None
        k = self.K - i
        of_D, of_G = self.updates()
        updates = [
            replace(of_D, params=(f"D.levels.{k}.",), loss=partial(judging_loss, k=k)),
            replace(of_G, params=(f"G.levels.{k}.",), loss=partial(refining_loss, k=k)),
        ]
        name, length = "x".join(map(str, self.G.sides[k])), Epochs(self.length.n / (self.K + 1))
        return Stage(name, updates, length, partial(begin, level=i), partial(at_level, k=k))

    # ---- generator and discriminator

    @property
    def finest(self) -> int:
        """k of the level that the networks stand at; finer ones are not run."""
        return self.K - self.standing[0]

    def looks(self, how: Any = None) -> int:
        """Returns the number of levels of a draw.

        Args:
            how: not used.
        """
        return self.standing[0] + 1

    def noise_of(self, k: int, rng: Rng, name: str = "z") -> Tensor:
        """Draws z_k, keyed by its level, shape (B, size of z_k).

        Args:
            k: the level, 0 for the finest.
            rng: source of random numbers.
            name: name of the draws of all levels.
        """
        return drawn_noise(rng, f"{name} {k}", self.sizes[k], "normal", self.dtype)

    def prior(self, rng: Rng, name: str = "z") -> Tensor:
        """Draws z_0, ..., z_K, shape (B, latent)."""
        return torch.cat([self.noise_of(k, rng, name) for k in range(self.K + 1)], 1)

    def levels_of(self, z: Tensor, c: Tensor | None = None) -> list[Tensor]:
        """Returns I_K, ..., I_k for the level k that the networks stand at, each (B, C, H_k, W_k)."""
        return self.G(z, c, self.finest)

    def enlarged(self, h: Tensor) -> Tensor:
        """Returns the image of a level at the sides of x by u, level after level, shape (B, C, H, W)."""
        at = self.G.sides.index((h.shape[-2], h.shape[-1]))
        for sides in reversed(self.G.sides[:at]):
            h = bicubic(h, sides)
        return h

    def generate(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the finest image of a draw at the sides of x, as D sees it, shape (B, C, H, W)."""
        return self.enlarged(self.levels_of(z, c)[-1])

    def judge(self, h: Tensor, c: Tensor | None = None) -> Any:
        """Returns the verdict of all levels up to the one that the networks stand at, on whole images."""
        return self.D(h, c, self.finest)

    def represent(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the max-pooled outputs of all layers of D, shape (B, width)."""
        return pooled_layers(self.D, self.seen(x), self.given(c), self.finest)


# ---- stages


def begin(model: LAPGAN, source: Source, rng: Rng, level: int) -> None:
    """Moves the networks to a level.

    Args:
        model: a LAPGAN.
        source: not used.
        rng: not used.
        level: the level, 0 for the coarsest.
    """
    model.level.fill_(level)


def at_level(model: LAPGAN, batch: Batch, rng: Rng, k: int) -> Batch:
    """Returns I_K as x for k = K; for finer levels h_k as x, and u(I_(k+1)) with c as the condition.

    Args:
        model: a LAPGAN.
        batch: images, and their conditions.
        rng: not used.
        k: the level, 0 for the finest.
    """
    c = model.given(batch.c)
    levels = images(model.seen(batch.x), min(k + 1, model.K))
    if k == model.K:
        return replace(batch, x=levels[k], c=c)
    u = bicubic(levels[k + 1], levels[k].shape[-2:])
    # (3)
    return replace(batch, x=levels[k] - u, c=beside(u, c))


def judging_loss(model: LAPGAN, batch: Batch, rng: Rng, k: int) -> Terms:
    """Computes the loss of D_k, shape (B,).

    Args:
        model: a LAPGAN.
        batch: rows as `at_level` returns them.
        rng: noise.
        k: the level, 0 for the finest.
    """
    return discriminator_loss(LevelGame(model, k), batch, rng)


def refining_loss(model: LAPGAN, batch: Batch, rng: Rng, k: int) -> Terms:
    """Computes the loss of G_k, shape (B,); arguments as `judging_loss`."""
    return generator_loss(LevelGame(model, k), batch, rng)


# ---- levels


def usual_halvings(sides: list[int]) -> int:
    """Returns the number of halvings until the shorter side is 8 or less, one at least.

    Args:
        sides: height and width.

    Example:
        >>> [usual_halvings([side, side]) for side in (64, 28, 9, 5)]
        [3, 2, 1, 1]
    """
    K = 1
    while min(sides_of(sides, K)[-1]) > COARSEST:
        K += 1
    return K


def checked_halvings(K: int, sides: list[int]) -> int:
    """Returns K, or raises ValueError unless it is from 1 to what ends at a shorter side of 2.

    Args:
        K: number of halvings.
        sides: height and width.
    """
    most = 1
    while min(sides_of(sides, most + 1)[-1]) > 1:
        most += 1
    if not 1 <= K <= most:
        way = build_with(halvings=max(1, min(K, most)))
        raise Refusal(
            f"halvings is {K}, but images of {sides[0]}x{sides[1]} can be halved 1 to {most} times: take "
            f"{way}.",
            way,
        )
    return K
