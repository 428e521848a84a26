"""3-D GAN and 3-D VAE-GAN: solids as voxels, drawn from noise, or from a picture of them.

    D: l_x(s(x)) + l_G(s(G(z))),  G: l(s(G(z))),   z ~ N(0, I)                                            (1)
    from a picture c:  q(z|c) = N(mu(c), sigma(c)^2),   x ~ G(z), z ~ q(z|c)                              (2)
    G, E: (1) + l_rec mean (x - G(z))^2 + l_kl KL(q(z|c) || N(0, I)) / latent                             (3)

(1) is a game of solids alone, with or without pictures: D sees no picture and the noise of the prior. The
encoder E of (2) finds the solids of a picture among those that G makes; (3) is the third loss of the paper,
as a mean over voxels and over entries of the code, so that its weights do not depend on their numbers.

Without a condition the model draws solids from noise. With one it draws reconstructions by (2): what the
picture does not show varies with z.

Reference: Wu, Zhang, Xue, Freeman and Tenenbaum, Learning a Probabilistic Latent Space of Object Shapes via
3D Generative-Adversarial Modeling, 2016. Row G27.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from torch import Tensor, nn

from simulacra.core.batch import Batch, Terms
from simulacra.core.distributions.divergences import kl_to_standard_normal
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.errors.suggestion import Refusal, build_with, load_with
from simulacra.core.numerics.volumes import is_volume
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real, Space
from simulacra.core.spaces.smooth import playable, unbounded
from simulacra.core.updates import Loss
from simulacra.models.adversarial.game.discriminator import Discriminator
from simulacra.models.adversarial.game.losses import discriminator_loss, generator_loss
from simulacra.models.adversarial.game.objectives import OBJECTIVES
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game
from simulacra.nets.adversarial.volumes import VolumeCritic, VolumeGenerator
from simulacra.nets.translators.strided import usual_halvings

LOG_SCALES = (-5.0, 2.0)  # log sigma of a code is kept within


class SolidGenerator(nn.Module):
    """Solids of noise, and of pictures by equation (2).

    Args:
        solids: G, from codes (B, latent).
        pictures: body of the encoder, from pictures to features; None: there are no pictures.
        latent: size of a code.
    """

    def __init__(self, solids: nn.Module, pictures: VolumeCritic | None, latent: int):
        super().__init__()
        self.solids, self.pictures = solids, pictures
        self.code = None if pictures is None else nn.Linear(pictures.width, 2 * latent)

    def codes(self, c: Tensor) -> Gaussian:
        """Returns q(z|c) of pictures c, shape (B, K, H, W)."""
        assert self.pictures is not None and self.code is not None
        mu, log_sigma = self.code(self.pictures(c)).chunk(2, 1)
        return Gaussian(mu, log_sigma.clamp(*LOG_SCALES), 1)

    def forward(self, e: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns G(e), or G(mu(c) + sigma(c) e) given pictures, before output activation, shape (B, *)."""
        if c is None:
            return self.solids(e)
        q = self.codes(c)
        return self.solids(q.loc + q.log_scale.exp() * e)


class VoxelGAN(Game):
    """Game of solids: transposed 3-D convolutions, and an encoder of pictures where the condition is one.

    Args:
        space: space of one volume, (1, D, H, W), of any sides.
        condition: space of a picture, (C, H, W), or None.
        latent: size of the code z.
        channels: channels of the layers next to the volume; they double at each halving.
        halvings: halvings of the sides; None: down to a shorter side of 4 to 7.
        normalization: normalization of the generator and the encoder: `batch`, `layer`, `instance` or `none`.
        critic_normalization: normalization of the discriminator, likewise.
        adversarial: weight of the game in (3); 0 needs pictures, and is a variational autoencoder from them.
        reconstruction: weight l_rec of (3), used with pictures.
        kl: weight l_kl of (3), likewise.
        lr: learning rate of the generator and the encoder.
        discriminator_lr: learning rate of D; None takes `lr`.

    Raises:
        ValueError: if the space holds no volumes, the condition is no picture, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Binary
        >>> VoxelGAN(Binary((1, 8, 6, 7)), latent=3, channels=2).sample(2).shape
        torch.Size([2, 1, 8, 6, 7])
    """

    G: SolidGenerator
    spatial = True

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 64,
        channels: int = 16,
        halvings: int | None = None,
        normalization: Literal["batch", "layer", "instance", "none"] = "batch",
        critic_normalization: Literal["batch", "layer", "instance", "none"] = "batch",
        adversarial: float = 1.0,
        reconstruction: float = 50.0,
        kl: float = 1.0,
        lr: float = 1e-3,
        discriminator_lr: float | None = 2e-4,
        *,
        seed: int = 0,
    ):
        _check_spaces(space, condition)
        _check_weights(condition, {"adversarial": adversarial, "reconstruction": reconstruction, "kl": kl})
        shape = space.features_shape
        n = _halvings(shape[1:], halvings)
        solids = VolumeGenerator(latent, shape, channels, n, normalization)
        pictures = None
        if condition is not None:
            of_c = condition.features_shape
            pictures = VolumeCritic(of_c, channels, usual_halvings(of_c[1:]), normalization)
        D = Discriminator(VolumeCritic(shape, channels, n, critic_normalization))
        play = Play(lr=lr, discriminator_lr=discriminator_lr)
        super().__init__(
            space,
            condition,
            SolidGenerator(solids, pictures, latent),
            D,
            latent,
            OBJECTIVES["non-saturating"],
            Stabilizers(),
            play,
            adversarial,
        )
        self.reconstruction, self.kl = reconstruction, kl

    def losses(self) -> tuple[Loss, Loss]:
        """Returns the losses of D and of G: those of (1), and (3) given pictures."""
        return (
            (discriminator_loss, generator_loss) if self.condition is None else (solids_loss, pictures_loss)
        )

    def given(self, c: Tensor | None) -> Tensor | None:
        """Returns the pictures as the encoder takes them, shape (B, C, H, W), or None.

        Args:
            c: pictures, shape (B, C, H, W), or None.
        """
        if self.condition is None or c is None:
            return None
        h = self.condition.features(c, self.dtype)
        return h if unbounded(self.condition) else 2 * h - 1


def solids_loss(model: VoxelGAN, batch: Batch, rng: Rng) -> Terms:
    """Computes the loss of D in (1) per example, in nats: pictures are not used.

    Args:
        model: a game of solids.
        batch: solids and their pictures.
        rng: noise z.
    """
    return discriminator_loss(model, replace(batch, c=None), rng)


def pictures_loss(model: VoxelGAN, batch: Batch, rng: Rng) -> Terms:
    """Computes the loss (3) of the generator and the encoder per example.

    Args:
        model: a game of solids with an encoder.
        batch: solids and their pictures.
        rng: noise z of the prior, and of q(z|c).
    """
    terms = generator_loss(model, replace(batch, c=None), rng) if model.adversarial else Terms({})
    c = model.given(batch.c)
    assert c is not None
    q = model.G.codes(c)
    # (2)
    z = q.loc + q.log_scale.exp() * rng.normal("code", model.latent, dtype=model.dtype)
    apart = (model.seen(batch.x) - model.generate(z)).flatten(1)
    # (3), in units where a voxel is 0 or 1
    scale = 1 if unbounded(model.space) else 1 / 4
    terms.loss["reconstruction"] = model.reconstruction * scale * apart.square().mean(1)
    terms.loss["kl"] = model.kl * kl_to_standard_normal(q) / model.latent
    return terms


# ---- checks of the constructor


def _check_spaces(space: Space, condition: Space | None) -> None:
    """Raises ValueError unless x is a volume and the condition a picture or None."""
    playable(space, "voxel-gan")
    if not is_volume(space):
        raise ValueError(
            f"voxel-gan draws volumes (1, D, H, W), but the space is {space}: save the voxels as an array "
            "(N, 1, D, H, W), or take dcgan for images."
        )
    if condition is not None and not (condition.image and isinstance(condition, Binary | Levels | Real)):
        seen = load_with(condition="view")
        raise Refusal(
            f"voxel-gan finds a solid from a picture of it, but the condition is {condition}: load the data "
            f"with {seen}, or without a condition.",
            seen,
        )


def _check_weights(condition: Space | None, weights: Mapping[str, float]) -> None:
    for name, weight in weights.items():
        least = "above 0" if name == "adversarial" and condition is None else "from 0"
        if not math.isfinite(weight) or weight < 0 or (least == "above 0" and not weight):
            way = build_with(**{name: 1.0})
            raise Refusal(f"{name} is {weight}, but this weight is a number {least}: use {way}.", way)


def _halvings(sides: tuple[int, ...], halvings: int | None) -> int:
    """Returns the number of halvings of a volume, after checking that its sides allow it."""
    if halvings is None:
        return usual_halvings(sides)
    most = max(1, (max(sides) - 1).bit_length())
    if not 1 <= halvings <= most:
        way = build_with(halvings=min(max(1, halvings), most))
        size = "x".join(map(str, sides))
        raise Refusal(f"halvings is {halvings}, but volumes of {size} have 1 to {most}: use {way}.", way)
    return halvings
