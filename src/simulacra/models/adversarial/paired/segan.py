"""SEGAN: an encoder-decoder of waves that turns noisy recordings into clean ones, in a least squares game.

    x' = P x,  c' = P c                       pre-emphasis, x'_t = x_t - a x_(t-1)                (1)
    D:  E (s(x', c') - 1)^2 / 2 + E s(G(z, c'), c')^2 / 2                                         (2)
    G:  E (s(G(z, c'), c') - 1)^2 / 2 + lambda E mean_t |G(z, c')_t - x'_t|                       (3)
    x = P^-1 G(z, c')                                                                             (4)

D sees a noisy recording beside a clean or a generated one. G is linear at its end: recordings are scaled by
their data set, where the paper has a tanh. Adam with a first beta of 0 takes the place of RMSprop, from which
it differs by corrections of the bias.

Reference: Pascual, Bonafonte and Serra, SEGAN: Speech Enhancement Generative Adversarial Network, 2017.
Row G23.
"""

from __future__ import annotations

from torch import Tensor, nn

from simulacra.core.batch import Batch
from simulacra.core.errors.suggestion import Refusal, build_with, load_with
from simulacra.core.numerics.emphasis import deemphasized, emphasized
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.plain import Real, Space
from simulacra.models.adversarial.game.discriminator import Discriminator
from simulacra.models.adversarial.game.objectives import OBJECTIVES
from simulacra.models.adversarial.game.pieces import Normalization
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game
from simulacra.models.adversarial.paired.players import check_weights
from simulacra.nets.adversarial.virtual import Virtual
from simulacra.nets.speech.halving import halvings_of
from simulacra.nets.speech.waves import WaveCritic, WaveGenerator


class SEGAN(Game):
    """Speech enhancement generative adversarial network.

    Args:
        space: recordings (T,), whose number of samples is even.
        condition: space of the noisy recordings, of the same number of samples and rate.
        channels: channels after the first halving of both players; they double at every second one.
        halvings: number of halvings; None: as many as leave 8 samples or more.
        kernel: size of the kernels in samples, odd.
        latent: channels of noise at the bottleneck; None: as many as the encoder has there; 0: none, and G is
            a function of c.
        adversarial: weight of the first term of (3); 0: no discriminator, and G minimizes the second alone.
        l1: lambda of (3).
        emphasis: a of (1), from 0 (none) to below 1.
        normalization: normalization of the discriminator: `virtual`, `layer`, `batch` or `none`.
        reference: rows of the reference batch of `virtual` normalization.
        lr: learning rate of both players.

    Raises:
        ValueError: if the rows or their conditions are no recordings of one length, or the length is odd.

    Example:
        >>> import torch
        >>> wave = Audio((64,), 8000)
        >>> SEGAN(wave, wave, channels=2).sample(3, torch.zeros(3, 64)).shape
        torch.Size([3, 64])
    """

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        channels: int = 16,
        halvings: int | None = None,
        kernel: int = 31,
        latent: int | None = None,
        adversarial: float = 1.0,
        l1: float = 100.0,
        emphasis: float = 0.95,
        normalization: Normalization = "virtual",
        reference: int = 16,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        _check_pairs(space, condition)
        check_weights(l1, adversarial, usual=100.0)
        _check_emphasis(emphasis)
        (T,) = space.shape
        n = halvings_of(T, halvings)
        G = WaveGenerator(T, n, channels, latent, kernel)
        body: nn.Module = WaveCritic(T, n, channels, kernel, normalization, reference)
        if normalization == "virtual":
            body = Virtual(body, reference, (T,), T)
        D = Discriminator(body, "concatenation", T)
        goal, play = OBJECTIVES["least-squares"], Play(lr=lr, betas=(0.0, 0.9))
        super().__init__(space, condition, G, D, G.noise, goal, Stabilizers(), play, adversarial)
        self.l1, self.emphasis = l1, emphasis

    def given(self, c: Tensor | None) -> Tensor | None:
        """Returns noisy recordings with pre-emphasis, c' of equation (1), shape (B, T).

        Args:
            c: noisy recordings, shape (B, T), or None.
        """
        return None if c is None else emphasized(c.to(self.dtype), self.emphasis)

    def seen(self, x: Tensor) -> Tensor:
        """Returns recordings with pre-emphasis, x' of equation (1), shape (B, T).

        Args:
            x: recordings, shape (B, T).
        """
        return emphasized(super().seen(x), self.emphasis)

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns cleaned recordings by equation (4), shape (B, T).

        Args:
            z: noise, shape (B, latent).
            c: noisy recordings, shape (B, T).
        """
        # (4)
        return deemphasized(super().emit(z, c), self.emphasis)

    def also(self, batch: Batch, fake: Tensor, rng: Rng) -> dict[str, Tensor]:
        """Returns the second term of G's loss (3), shape (B,).

        Args:
            batch: clean recordings and their conditions.
            fake: G(z, c'), shape (B, T).
            rng: not used.
        """
        # (3)
        return {"l1": self.l1 * (fake - self.seen(batch.x)).abs().mean(1)} if self.l1 else {}


def _check_pairs(space: Space, condition: Space | None) -> None:
    """Raises ValueError unless rows and conditions are recordings of the same length and rate."""
    scaled = [one for one in (space, condition) if isinstance(one, Real) and len(one.shape) == 1]
    if any(not isinstance(one, Audio) for one in scaled):
        plain = load_with(standardize=False)
        raise Refusal(
            "SEGAN cleans recordings, which are Audio, but rows or conditions are real numbers: give .wav, "
            f".flac or .ogg files, and, as quiet ones are scaled up, load the data with {plain}.",
            plain,
        )
    if not isinstance(space, Audio):
        raise ValueError(f"SEGAN cleans recordings, but the space is {space}: take pix2pix for images.")
    if condition is None:
        noisy = load_with(condition="noise:0.1")
        raise Refusal(
            f"SEGAN needs a noisy recording as the condition of each clean one: load the data with {noisy}, "
            "or name a folder of noisy recordings under the same names, condition='folder:NOISY'.",
            noisy,
        )
    if not isinstance(condition, Audio) or (condition.shape, condition.rate) != (space.shape, space.rate):
        raise ValueError(
            f"SEGAN maps recordings to recordings of the same length and rate, but x is {space} and its "
            f"condition is {condition}: cut both with the same tile= or crop=."
        )


def _check_emphasis(emphasis: float) -> None:
    """Raises ValueError if the filter has no stable inverse."""
    if not 0 <= emphasis < 1:
        usual = build_with(emphasis=0.95)
        raise Refusal(
            f"emphasis is {emphasis}, but it must lie in [0, 1), so that its inverse is stable: use {usual}.",
            usual,
        )
