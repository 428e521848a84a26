"""A game: a generator, a discriminator, an objective, and stabilizers; every adversarial model is a choice of
these.

    x = G(z, c),  z ~ prior;      D moves on E l_x(s(x)) + E l_G(s(G(z))),  G on E l(s(G(z)))       (1)

D moves k times, each time on fresh rows and fresh noise, then G moves once. Bounded observations (binary,
levels) are seen in [-1, 1], where the generator's tanh ends, or in [0, 1] with a sigmoid; levels in
their own range by mean and deviation, without ends.

Reference: Goodfellow et al. 2014, algorithm 1; Radford et al. 2015. Rows F1, F2, F8, F16.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.general import (
    HasCritic,
    HasDiagnostics,
    HasFeatures,
    HasPrior,
    Samples,
    TakesCondition,
)
from simulacra.core.errors.advice import as_real
from simulacra.core.errors.suggestion import Refusal, build_with, load_with
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real, Space
from simulacra.core.updates import Loss, Stage, Update
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.losses import (
    discriminator_loss,
    generator_loss,
    remember_D,
    remember_G,
    settle,
)
from simulacra.models.adversarial.game.monitor import alarm, diagnostics
from simulacra.models.adversarial.game.objectives import Objective
from simulacra.models.adversarial.game.pieces import with_references
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import History, Stabilizers
from simulacra.nets.adversarial.pooled import pooled_layers


class Game(Model, Samples, HasPrior, TakesCondition, HasDiagnostics, HasCritic, HasFeatures):
    """Abstract: equation (1); subclasses choose the pieces.

    Args:
        space: what one observation is; its samples need gradients.
        condition: what the condition is, or None.
        generator: `(z, c) -> (B, *features_shape)`.
        discriminator: `(h, c) -> Verdict`.
        latent: size of z.
        objective: the two losses.
        stabilizers: what keeps the game stable.
        play: how it is played.
    """

    noise: Tensor

    def __init__(
        self,
        space: Space,
        condition: Space | None,
        generator: nn.Module,
        discriminator: nn.Module,
        latent: int,
        objective: Objective,
        stabilizers: Stabilizers,
        play: Play,
    ):
        super().__init__(space, condition)
        self.G, self.D, self.latent, self.code_size = generator, discriminator, latent, latent
        self.objective, self.stabilizers, self.play = (
            objective.smoothed(stabilizers.smoothing),
            stabilizers,
            play,
        )
        # the discriminator names the class, and both players learn from it
        self.names_class = getattr(discriminator, "conditioning", None) == "auxiliary"
        self.register_buffer("noise", torch.tensor(stabilizers.noise))
        if stabilizers.gradient_penalty:
            self._refuse_batch_norm()
        self.history = nn.ModuleDict()
        if stabilizers.historical_averaging:
            self.history.update({"D": History(self.D), "G": History(self.G)})

    def _refuse_batch_norm(self) -> None:
        for name, module in self.D.named_modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                ways = [build_with(critic_normalization=name) for name in ("layer", "none")]
                raise Refusal(
                    f"gradient_penalty is one for each row, but the critic's layer {name!r} is a batch "
                    f"normalization, which mixes rows: take {ways[0]} or {ways[1]}.",
                    *ways,
                )

    # ---- how it is trained

    def updates(self) -> list[Update]:
        """D first, on fresh batches, then G."""
        of_D, of_G = self.play.optimizers()
        mixes = getattr(self.D, "minibatch", None) is not None
        losses = self.losses()
        return [
            Update(
                "D",
                ("D.",),
                losses[0],
                repeat=self.play.discriminator_steps,
                before=remember_D,
                after=settle,
                coupled=mixes,
                exchanges=True,
                optimizer=of_D,
            ),
            Update(
                "G",
                ("G.",),
                losses[1],
                before=remember_G,
                coupled=mixes or self.stabilizers.feature_matching,
                exchanges=True,
                optimizer=of_G,
            ),
        ]

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """One stage; virtual batch normalization gets its reference batches first."""
        return with_references(self, super().stage(i, past))

    def losses(self) -> tuple[Loss, Loss]:
        """The losses of D and of G."""
        return discriminator_loss, generator_loss

    # ---- the players

    def given(self, c: Tensor | None) -> Tensor | None:
        """The condition as the networks see it, shape (B, entries)."""
        if self.condition is None or c is None:
            return None
        return self.condition.features(c, self.dtype).flatten(1)

    def prior(self, rng: Rng, name: str = "z") -> Tensor:
        """z, shape (B, latent)."""
        if self.play.prior == "uniform":
            return 2 * rng.uniform(name, self.latent, dtype=self.dtype) - 1
        z = rng.normal(name, self.latent, dtype=self.dtype)
        return z if self.play.prior == "normal" else z * self.latent**0.5 / z.norm(dim=1, keepdim=True)

    def generate(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """G(z, c) as D sees it, with features c of the condition, shape (B, *features_shape)."""
        x = self.G(z, c)
        if unbounded(self.space):
            return x
        return x.tanh() if self.play.output == "tanh" else x.sigmoid()

    def seen(self, x: Tensor) -> Tensor:
        """Observations as D sees them, shape (B, *features_shape)."""
        h = self.features(x)
        return h if unbounded(self.space) or self.play.output == "sigmoid" else 2 * h - 1

    def judge(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """D's verdict on what it sees."""
        return self.D(h, c)

    def blurred(self, h: Tensor, rng: Rng, name: str) -> Tensor:
        """The rows with instance noise, as D sees them."""
        if not self.stabilizers.noise or not self.training:
            return h
        return h + self.noise * rng.normal(name, *h.shape[1:], dtype=h.dtype)

    # ---- what it can do

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """G(z, c) in the units of x, levels not rounded, shape (B, *)."""
        h = self.generate(z, self.given(c))
        if not unbounded(self.space) and self.play.output == "tanh":
            h = (h + 1) / 2
        return self.space.from_features(h)

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """G(z, c) with z of the prior, levels rounded, shape (B, *)."""
        x = self.emit(self.prior(rng), c)
        return x if isinstance(self.space, Real) else x.round()

    def critic_score(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """s(x), shape (B,)."""
        return self.judge(self.seen(x), self.given(c)).score

    def represent(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Every layer of D, max-pooled, shape (B, width)."""
        return pooled_layers(self.D, self.seen(x), self.given(c))

    def diagnostics(self, x: Tensor, rng: Rng, c: Tensor | None = None) -> dict[str, float]:
        """Measure the game on rows that it was not trained on."""
        return diagnostics(self, x, rng, c)

    def alarm(self, diagnostics: dict[str, float]) -> str | None:
        """A sentence on what is wrong with the game, or None."""
        return alarm(diagnostics)


# ---- what the constructors check


def unbounded(space: Space) -> bool:
    """Returns True if features have no ends: those of reals, and of levels in their own range."""
    return isinstance(space, Real) or (isinstance(space, Levels) and space.ranged)


def playable(space: Space, name: str) -> None:
    """Raise ValueError unless gradients go through observations of this space."""
    if not isinstance(space, (Real, Binary, Levels)):
        classes = isinstance(space, Categorical)
        mend = (
            "embed its classes as points (simulacra.core.spaces.token_embedding)"
            if classes
            else as_real(space)
        )
        raise Refusal(
            f"{name} needs gradients through its samples, which {space} does not have: {mend}.", mend
        )


def classes_of(condition: Space | None, name: str, why: str) -> int:
    """Number of classes of the condition.

    Raises:
        ValueError: if there are no labels.
    """
    if not isinstance(condition, Categorical):
        given = load_with(condition="label")
        raise Refusal(
            f"{name} needs a label for each row{why}, but the condition is {condition or 'none'}: name the "
            f"labels with label= if the data have no class folders, and load the data with {given}.",
            given,
        )
    return condition.classes
