"""pix2pix: an image given an image, by a conditional game with patches and a distance to the truth.

    x^ = G(c, z)                                                                              (1)
    D: mean over patches of l_x(s(c, x)) + l_G(s(c, x^))                                      (2)
    G: adversarial mean over patches of l(s(c, x^)) + l1 mean |x - x^|                        (3)

The distance alone is least at the conditional median, which is blurred where several x are possible: half the
photos with a bright window, half with a dark one, give a grey one. The game alone invents. The discriminator
sees c, or else any photo would do, whatever its plan.

Entries of x are scaled to [-1, 1] in (3), as D sees them. Noise enters as maps; the paper's dropout in the
generator, which draws at test time, is not used.

Reference: Isola, Zhu, Zhou and Efros 2017. Rows G18, G19, G28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.paired import map_shape
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Epochs
from simulacra.models.adversarial.game.objectives import by_row
from simulacra.models.adversarial.game.objectives import objective as objective_of
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game
from simulacra.models.adversarial.paired.players import (
    Normalization,
    PatchDiscriminator,
    Translator,
    check_pair,
    check_weights,
    translator,
)
from simulacra.nets.translators.noise_maps import NoiseAt
from simulacra.nets.translators.patches import PatchCritic

Objective = Literal["non-saturating", "least-squares"]


class Pix2Pix(Game):
    """Conditional game from images to images, from waves to waves or from volumes to volumes.

    Args:
        space: space of one observation, an image, a wave or a volume.
        condition: space of the condition, with as many sides; other sizes are brought to those of x.
        latent: number of maps of noise; 0: no noise, so that x^ follows from c.
        network: generator: `unet`, `encoder-decoder` (the same without links) or `residual` (blocks at half
            the resolution).
        channels: channels of the layers next to the image, of both players.
        halvings: halvings of the sides in the generator; None: down to a shorter side of 4 to 7, or once for
            `residual`.
        noise_at: place of the noise: `bottleneck` or `input`.
        normalization: normalization of both players: `instance`, `batch`, `layer` or `none`.
        patch: side of the patches that D scores: 1, 16, 34, 70, 142 or 286; None: 70 for sides of 256, a
            smaller one for smaller images.
        sees_condition: if True, D judges c and x together; False judges x alone.
        objective: `non-saturating` or `least-squares`.
        adversarial: weight of the game in (3); 0: no discriminator, the distance alone.
        l1: weight of the distance in (3); 0: the game alone.
        lr: learning rate of both players.

    Raises:
        ValueError: if the condition is no image, wave or volume, both weights are 0, or an option is unknown.

    Example:
        >>> import torch
        >>> from simulacra.core.spaces.plain import Levels
        >>> image = Levels((1, 16, 16), 256)
        >>> model = Pix2Pix(image, image, channels=4)
        >>> model.sample(2, condition=torch.zeros(2, 1, 16, 16)).shape
        torch.Size([2, 1, 16, 16])
    """

    spatial = True
    length = Epochs(200)

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 1,
        network: Translator = "unet",
        channels: int = 32,
        halvings: int | None = None,
        noise_at: NoiseAt = "bottleneck",
        normalization: Normalization = "instance",
        patch: int | None = None,
        sees_condition: bool = True,
        objective: Objective = "non-saturating",
        adversarial: float = 1.0,
        l1: float = 100.0,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        condition = check_pair(space, condition, "pix2pix")
        check_weights(l1, adversarial, usual=100.0)
        G = translator(network, space, condition, latent, channels, halvings, noise_at, normalization)
        seen = map_shape(condition, sides=len(map_shape(space)) - 1)[0] if sees_condition else 0
        D = PatchDiscriminator(PatchCritic(space.features_shape, seen, channels, patch, normalization))
        super().__init__(
            space,
            condition,
            G,
            D,
            latent,
            objective_of(objective),
            Stabilizers(),
            Play(lr=lr),
            adversarial,
        )
        self.l1 = l1

    @property
    def recommended(self) -> Mapping[str, Any]:
        """A small batch: the paper takes 1 to 10 pairs."""
        return {"batch_size": 4}

    def also(self, batch: Batch, fake: Tensor, rng: Rng) -> dict[str, Tensor]:
        """Returns the distance of (3) by name, shape (B,).

        Args:
            batch: rows of data.
            fake: samples x^ for the conditions of these rows, as D sees them, shape (B, *).
            rng: not used.
        """
        # (3)
        return {"l1": self.l1 * by_row((self.seen(batch.x) - fake).abs())} if self.l1 else {}
