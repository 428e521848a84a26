"""Builds translators and patch discriminators from the options of a model, and checks the pair of spaces.

Reference: Isola, Zhu, Zhou and Efros 2017. Row G18.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from simulacra.core.errors.suggestion import Refusal, build_with, load_with
from simulacra.core.spaces.composite import Sequence
from simulacra.core.spaces.paired import map_shape, observed
from simulacra.core.spaces.plain import Space
from simulacra.core.spaces.smooth import playable
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.nets.translators.coders import Coder
from simulacra.nets.translators.noise_maps import NoiseAt
from simulacra.nets.translators.patches import PatchCritic
from simulacra.nets.translators.residual import Residual

Translator = Literal["unet", "encoder-decoder", "residual"]
Normalization = Literal["instance", "batch", "layer", "none"]


class PatchDiscriminator(nn.Module):
    """A verdict for each patch of a row, given the maps of its condition or not.

    Args:
        critic: the network.
    """

    def __init__(self, critic: PatchCritic):
        super().__init__()
        self.critic = critic

    def forward(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """Returns scores (B, *) and features (B, width, *) of h (B, *features_shape) and maps c, or None."""
        return Verdict(*self.critic(h, c))


def translator(
    network: Translator,
    space: Space,
    condition: Space,
    latent: int,
    channels: int,
    halvings: int | None,
    noise_at: NoiseAt,
    normalization: Normalization,
) -> nn.Module:
    """Builds a generator `(z, c) -> (B, *features_shape)` from the maps of a condition.

    Args:
        network: `unet`, `encoder-decoder` or `residual`.
        space: space of one observation.
        condition: space of the condition, as `check_pair` lets it pass.
        latent: number of maps of noise.
        channels: channels at the highest resolution.
        halvings: number of halvings; None: the usual ones of the network.
        noise_at: `bottleneck` or `input`.
        normalization: `instance`, `batch`, `layer` or `none`.

    Raises:
        ValueError: if the halvings are out of range.
    """
    shape = space.features_shape
    deepest = max(1, max(map_shape(space)[1:]) - 1).bit_length()
    least = 0 if network == "residual" else 1
    if halvings is not None and not least <= halvings <= deepest:
        size = "x".join(map(str, map_shape(space)[1:]))
        raise ValueError(f"halvings is {halvings}, but {size} can be halved {least} to {deepest} times.")
    maps = map_shape(condition, sides=len(map_shape(space)) - 1)[0]
    more = {} if halvings is None else {"halvings": halvings}
    given = {"latent": latent, "channels": channels, "noise_at": noise_at, "normalization": normalization}
    if network == "residual":
        return Residual(maps, shape, **given, **more)  # type: ignore[arg-type]
    return Coder(maps, shape, **given, **more, links=network == "unet")  # type: ignore[arg-type]


def check_weights(l1: float, adversarial: float, usual: float) -> None:
    """Raises ValueError unless the weights of the generator's terms are at least 0, and not both 0.

    Args:
        l1: weight of the distance to x.
        adversarial: weight of the game.
        usual: weight of the distance that is suggested.
    """
    if not 0 <= l1 < float("inf") or not (l1 or adversarial):
        way = build_with(l1=usual)
        raise Refusal(
            f"l1 is {l1} and adversarial is {adversarial}, but weights are at least 0, "
            f"and not both 0: use {way}.",
            way,
        )


def check_pair(space: Space, condition: Space | None, name: str) -> Space:
    """Returns the condition of a pair, after checking that it can be led to x.

    Args:
        space: space of one observation.
        condition: space of the condition, or None.
        name: name of the model, for messages.

    Raises:
        ValueError: if x is no image, wave or volume, or the condition is none of them or has fewer sides.
    """
    playable(space, name)
    if isinstance(space, Sequence) or not observed(space):
        raise ValueError(
            f"{name} draws images, waves or volumes, but the space is {space}: take another model."
        )
    ways = [load_with(condition=how) for how in ("right", "edges", "downscale:4")]
    if condition is None or not observed(condition):
        raise Refusal(
            f"{name} makes an image of an image, or a wave of a wave, but the condition is "
            f"{condition or 'none'}: load the data with {ways[0]} (the other half of a picture), {ways[1]}, "
            f"{ways[2]} or a folder of the same names.",
            *ways,
        )
    sides = len(map_shape(space)) - 1
    if len(map_shape(condition)) - 1 < sides:
        raise Refusal(
            f"{name} needs a condition with as many sides as x, but {condition} stands beside {space}: load "
            f"the data with another one, such as {ways[1]}.",
            ways[1],
        )
    return condition
