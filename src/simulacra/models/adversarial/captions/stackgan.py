"""StackGAN: a draft of a quarter of the side from a caption, then the whole picture from both.

    e = psi(c)                            the vector of a caption, standardized              (1)
    c^ = mu(e) + sigma(e) eps,   eps ~ N(0, I)          conditioning augmentation            (2)
    stage I:    x_0 = G_0(z, c^_0),   against pictures of a quarter of the side              (3)
    stage II:   x = G_1(x_0, c^_1),   against whole pictures                                 (4)
    G of each stage:  its loss + w KL( N(mu(e), sigma(e)^2) || N(0, I) )                      (5)

A discriminator that sees large pictures is right at once while the generator's are noise, and teaches
nothing. In (3) pictures are small and the game is even; (4) begins where the draft already shows the caption.
G_0 is fixed in stage II. Discriminators see e, and matched, mismatched and generated pairs. The noise of (2)
is a part of z: one z is one picture of a caption.

Reference: Zhang, Xu, Li, Zhang, Wang, Huang and Metaxas, StackGAN, 2016. Row G17.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simulacra.core.batch import Batch
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.distributions.divergences import kl_to_standard_normal
from simulacra.core.errors.suggestion import Refusal, build_with, load_with
from simulacra.core.interface import evaluating
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.spaces.smooth import unbounded
from simulacra.core.updates import Epochs, Loss, Source, Stage, Update
from simulacra.models.adversarial.captions.gan_cls import Normalization, check_between, check_weight
from simulacra.models.adversarial.captions.joint import (
    check_captioned,
    has_begun,
    matching_stage,
    standardize_vectors,
)
from simulacra.models.adversarial.captions.matching_aware import discriminator_loss, generator_loss
from simulacra.models.adversarial.game.discriminator import Discriminator, Verdict
from simulacra.models.adversarial.game.noise import Truncation
from simulacra.models.adversarial.game.objectives import Named
from simulacra.models.adversarial.game.objectives import objective as objective_of
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import Stabilizers
from simulacra.models.adversarial.game.two_player import Game
from simulacra.nets.adversarial.sides import preferred_halvings
from simulacra.nets.captions.matching import Matching
from simulacra.nets.captions.players import CaptionCritic
from simulacra.nets.captions.stacked import Drafter, Refiner, Stack

DRAFT, WHOLE = 0, 1  # levels
ENLARGED = (2, 4, 8)


class Critics(nn.Module):
    """The discriminators of drafts and of whole pictures; the side of a picture tells which one judges it.

    Args:
        draft: discriminator of drafts.
        whole: discriminator of whole pictures.
        side: height of a draft.
    """

    def __init__(self, draft: nn.Module, whole: nn.Module, side: int):
        super().__init__()
        self.draft, self.whole, self.side = draft, whole, side

    def forward(self, h: Tensor, e: Tensor | None = None) -> Verdict:
        """Returns the verdict on pictures or drafts h (B, C, H, W) and captions' vectors e (B, size)."""
        verdict: Verdict = (self.draft if h.shape[2] == self.side else self.whole)(h, e)
        return verdict


class StackGAN(Game):
    """Pictures from captions in two stages, each a game: a draft, and the whole picture from the draft.

    Args:
        space: space of one picture.
        condition: space of its caption, a text.
        latent: size of the noise z of the draft; the noise of the augmentation is added to it.
        embedding: size of the vector of a caption.
        hidden: size of the state of the text encoder, a GRU.
        short: entries of c^, and to which the discriminators shorten the vector.
        channels: channels of the layers next to the picture, of all players.
        enlarged: number by which the side of the draft is multiplied, a power of 2. The draft's sides must
            halve down to 3 to 7.
        blocks: residual blocks of stage II.
        kl: weight w of (5).
        objective: `non-saturating`, `minimax`, `least-squares`, `wasserstein` or `hinge`.
        interpolated: weight of samples for means of two captions, in both stages; 0: none, as in the paper.
        beta: weight of a row's own caption in these means.
        normalization: of the generators: `batch`, `layer` or `none`.
        critic_normalization: of all layers of the discriminators but the first.
        matching_epochs: passes of the stage that learns the vectors of captions.
        lr: learning rate of all players.

    Raises:
        ValueError: if x is no picture of such sides, the condition is no text, or a number is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> from simulacra.core.spaces.tokens import Tokens
        >>> words = Tokens((2,), 4, ("<end>", "<unknown>", "red", "disc"), unknown=1, unit="words")
        >>> model = StackGAN(Levels((3, 32, 32), 256), words, latent=5, short=2, channels=2, embedding=7)
        >>> model.draft_shape, [model.stage(i, []).name for i in range(3)]
        ((3, 8, 8), ['matching', 'draft', 'whole'])
        >>> model.sample(2, condition="red disc").shape
        torch.Size([2, 3, 32, 32])
    """

    G: Stack
    level: Tensor
    length = Epochs(200)

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        latent: int = 64,
        embedding: int = 64,
        hidden: int = 64,
        short: int = 32,
        channels: int = 32,
        enlarged: Literal[2, 4, 8] = 4,
        blocks: int = 2,
        kl: float = 1.0,
        objective: Named = "non-saturating",
        interpolated: float = 0.0,
        beta: float = 0.5,
        normalization: Normalization = "batch",
        critic_normalization: Normalization = "batch",
        matching_epochs: float = 40,
        lr: float = 2e-4,
        *,
        seed: int = 0,
    ):
        words = check_captioned(space, condition, "stackgan")
        check_between(interpolated, beta)
        check_weight("kl", kl)
        whole, draft = space.features_shape, draft_of(space, enlarged)
        doublings = enlarged.bit_length() - 1
        G = Stack(
            Drafter(latent, draft, embedding, short, 2 * channels, normalization),
            Refiner(draft, doublings, embedding, short, channels, blocks, normalization),
        )
        judges = {
            shape: Discriminator(
                CaptionCritic(shape, embedding, short, width, critic_normalization),
                "concatenation",
                embedding,
            )
            for shape, width in ((draft, 2 * channels), (whole, channels))
        }
        D, noise = Critics(judges[draft], judges[whole], draft[1]), latent + 2 * short
        super().__init__(space, condition, G, D, noise, objective_of(objective), Stabilizers(), Play(lr=lr))
        self.matching = Matching(space, words, embedding, hidden=hidden)
        self.interpolated, self.beta, self.matching_epochs = interpolated, beta, matching_epochs
        self.draft_shape, self.enlarged, self.kl = draft, enlarged, kl
        self.parts = [latent, short, short]  # entries of z, of eps of the draft, and of eps of stage II
        self.register_buffer("level", torch.tensor(WHOLE))
        self._drafts = False

    @property
    def recommended(self) -> Mapping[str, Any]:
        """An average of the weights of the generators."""
        return {"ema": 0.999}

    # ---- training

    def losses(self) -> tuple[Loss, Loss]:
        """Returns the loss functions of D and of G."""
        return discriminator_loss, generator_loss

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the stages: the joint embedding, the draft, and the whole picture.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        stages = [
            matching_stage(self.matching_epochs),
            Stage("draft", self._players("draft"), self.length, start=at_draft),
            Stage("whole", self._players("whole"), self.length, start=at_whole),
        ]
        return stages[i] if i < len(stages) else None

    def _players(self, part: str) -> list[Update]:
        """Returns the updates of D and G of one stage."""
        return [
            replace(update, params=(f"{update.name}.{part}.",), coupled=True, exchanges=True)
            for update in self.updates()
        ]

    def also(self, batch: Batch, fake: Tensor, rng: Rng) -> dict[str, Tensor]:
        """Returns the KL divergence of (5) of the stage that is trained, shape (B,), in nats.

        Args:
            batch: rows, of which the captions are used.
            fake: not used.
            rng: not used.
        """
        e, drafted = self.given(batch.c), self.drafts
        assert e is not None
        augment = self.G.draft.augment if drafted else self.G.whole.augment
        # (5)
        return {"kl": self.kl * kl_to_standard_normal(augment.law(e))}

    def alarm(self, diagnostics: dict[str, float]) -> str | None:
        """Returns a sentence on mode collapse or a vanishing gradient, or None, as before the game begins.

        Args:
            diagnostics: the result of `diagnostics`.
        """
        return super().alarm(diagnostics) if has_begun(self) else None

    # ---- captions and pictures

    def given(self, c: Tensor | None) -> Tensor | None:
        """Returns e of equation (1), shape (B, embedding), without gradient, or None.

        Args:
            c: captions, shape (B, T), or None.
        """
        return None if c is None else self.matching.vectors(c)

    def seen(self, x: Tensor) -> Tensor:
        """Returns pictures as D sees them at this level: means over blocks while it is the draft.

        Args:
            x: pictures, shape (B, C, H, W).
        """
        h = super().seen(x)
        return F.avg_pool2d(h, self.enlarged) if self.drafts else h

    @property
    def drafts(self) -> bool:
        """True while the level is the draft; a graph that is exported has that of the last call before."""
        if not torch.compiler.is_exporting():
            self._drafts = int(self.level) == DRAFT
        return self._drafts

    def drafted(self, z: Tensor, e: Tensor) -> Tensor:
        """Returns x_0 of equation (3), shape (B, *draft_shape).

        Args:
            z: noise, shape (B, latent + 2 short).
            e: vectors of captions, shape (B, embedding).
        """
        z, eps, _ = z.split(self.parts, 1)
        return self._bounded(self.G.draft(z, eps, e))

    def generate(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the picture of this level, x_0 or x of equation (4), as D sees it.

        Args:
            z: noise, shape (B, latent + 2 short).
            c: vectors of captions as `given` returns them.
        """
        assert c is not None
        if self.drafts:
            return self.drafted(z, c)
        # the draft is fixed, with the averages of its normalization
        with evaluating(self.G.draft):
            x = self.drafted(z, c)
        return self._bounded(self.G.whole(x, z.split(self.parts, 1)[2], c))

    def _bounded(self, x: Tensor) -> Tensor:
        return x if unbounded(self.space) else x.tanh()

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the picture in the units of x, with levels not rounded, shape (B, *); a draft is enlarged.

        Args:
            z: noise, shape (B, latent + 2 short).
            c: captions, shape (B, T), or None.
        """
        return self._shown(self.generate(z, self.given(c)))

    def _shown(self, h: Tensor) -> Tensor:
        """Returns pictures as D sees them in the units of x; drafts with blocks of equal entries."""
        h = h if h.shape[1:] != self.draft_shape else F.interpolate(h, scale_factor=self.enlarged)
        return self.space.from_features(h if unbounded(self.space) else (h + 1) / 2)

    def looks(self, how: Sampling | None = None) -> int:
        """Returns 2: the draft and the whole picture.

        Args:
            how: not used.
        """
        return 2

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Samples pictures of captions, with levels rounded, shape (B, *).

        Args:
            rng: source of random numbers, which has the number of rows.
            c: captions, shape (B, T).
            how: options of drawing; None: the model's own.
            watch: called with the draft, enlarged, and with the whole picture; None: never.
        """
        x = super().draw(rng, c, how)
        if watch is not None:
            most = how.truncation if isinstance(how, Truncation) else None
            z, e = self.prior(rng) if most is None else self.truncated(rng, most), self.given(c)
            assert e is not None
            draft = self._shown(self.drafted(z, e))
            every = torch.ones_like(x, dtype=torch.bool)
            watch(1, 2, draft if isinstance(self.space, Real) else draft.round(), every)
            watch(2, 2, x, every)
        return x


def at_draft(model: StackGAN, source: Source, rng: Rng) -> None:
    """Standardizes the vectors of captions, and sets the level to the draft."""
    standardize_vectors(model, source, rng)
    model.level.fill_(DRAFT)


def at_whole(model: StackGAN, source: Source, rng: Rng) -> None:
    """Sets the level to the whole picture."""
    model.level.fill_(WHOLE)


def draft_of(space: Space, enlarged: int) -> tuple[int, ...]:
    """Returns the shape of the features of a draft.

    Args:
        space: space of whole pictures.
        enlarged: number by which the side of the draft is multiplied.

    Raises:
        ValueError: if it is not 2, 4 or 8, or the sides of the draft do not halve down to 3 to 7.

    Example:
        >>> from simulacra.core.spaces.plain import Levels
        >>> draft_of(Levels((3, 32, 48), 256), 4)
        (3, 8, 12)
    """
    channels, h, w = space.features_shape
    drafts = {n: (channels, h // n, w // n) for n in ENLARGED if h % n == 0 and w % n == 0}
    possible = [n for n, shape in drafts.items() if preferred_halvings(shape) is not None]
    if enlarged in possible:
        return drafts[enlarged]
    ways = [build_with(enlarged=n) for n in possible] or [load_with(size=32)]
    told = f"use {' or '.join(map(str, ways))}" if possible else f"load the pictures with {ways[0]}"
    raise Refusal(
        f"enlarged is {enlarged}, but drafts of pictures of {h}x{w} have sides of 1/2, 1/4 or 1/8 that halve "
        f"down to 3 to 7: {told}.",
        *ways,
    )
