"""A post-filter: a game adds the texture that over-smoothed spectra lack.

    G(z, c) = c + r(z, c)                                                                     (1)
    D: mean over patches of l_x(s(c, x)) + l_G(s(c, G(z, c)))                                 (2)
    G: adversarial mean over patches of l(s(c, G(z, c))) + l1 mean |x - G(z, c)|              (3)

Statistical synthesizers, and networks that minimize a distance, answer with means: their spectra are smooth
over time, and speech sounds buzzy. No distance to x brings the texture back, since a mean or a median is its
minimum; a discriminator does, for it sees that c is too smooth. x and c are images of log spectra
(`core.numerics.spectra`), whose phase is kept aside. Where the data set standardizes both, c in (1) has the
mean and the deviation of x.

Reference: Kaneko et al., Generative adversarial network-based postfilter for statistical parametric speech
synthesis, 2017, with patches after Isola et al. 2017. Row G25.
"""

from __future__ import annotations

from torch import Tensor

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real, Space
from simulacra.models.adversarial.game.objectives import OBJECTIVES, by_row
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game
from simulacra.models.adversarial.paired.players import PatchDiscriminator, check_weights
from simulacra.nets.speech.texture import TextureGenerator
from simulacra.nets.translators.patches import PatchCritic


class PostFilter(Game):
    """Post-filter of spectra.

    Args:
        space: images of real numbers (C, F, N), such as log spectra.
        condition: space of the over-smoothed images, the same.
        channels: channels of the layers of both players.
        layers: hidden layers of the residual r.
        kernel: side of the kernels of r, odd.
        latent: maps of noise; 0: none, and G is a function of c.
        patch: side of the patches that D scores: 1, 16, 34, 70, 142 or 286; None: 70 for sides of 256, a
            smaller one for smaller images.
        adversarial: weight of the first term of (3); 0: no discriminator, the distance alone.
        l1: weight of the distance in (3).
        lr: learning rate of both players.

    Raises:
        ValueError: if rows and conditions are no images of real numbers of one size, or a number is out of
            range.

    Example:
        >>> import torch
        >>> image = Real((1, 9, 12))
        >>> PostFilter(image, image, channels=3).sample(2, torch.zeros(2, 1, 9, 12)).shape
        torch.Size([2, 1, 9, 12])
    """

    spatial = True

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        channels: int = 32,
        layers: int = 3,
        kernel: int = 5,
        latent: int = 1,
        patch: int | None = None,
        adversarial: float = 1.0,
        l1: float = 1.0,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        _check_pairs(space, condition)
        check_weights(l1, adversarial, usual=1.0)
        G = TextureGenerator(space.shape, channels, layers, kernel, latent)
        # instance normalization would hide the size of the texture
        D = PatchDiscriminator(PatchCritic(space.shape, space.shape[0], channels, patch, "layer"))
        goal = OBJECTIVES["non-saturating"]
        super().__init__(space, condition, G, D, G.noise, goal, Stabilizers(), Play(lr=lr), adversarial)
        self.l1 = l1

    def also(self, batch: Batch, fake: Tensor, rng: Rng) -> dict[str, Tensor]:
        """Returns the distance of (3), shape (B,).

        Args:
            batch: images x and their conditions.
            fake: G(z, c), shape (B, C, F, N).
            rng: not used.
        """
        # (3)
        return {"l1": self.l1 * by_row((fake - self.seen(batch.x)).abs())} if self.l1 else {}


def _check_pairs(space: Space, condition: Space | None) -> None:
    """Raises ValueError unless rows and conditions are images of real numbers of one size."""
    real = [isinstance(s, Real) and len(s.shape) == 3 for s in (space, condition) if s is not None]
    if condition is None or not all(real) or space.shape != condition.shape:
        raise ValueError(
            "post-filter adds texture to images of real numbers, such as log spectra (C, F, N), given smooth "
            f"ones of the same size, but x is {space} and its condition is {condition or 'none'}: give both "
            "as arrays of three sides, or take pix2pix for pictures."
        )
