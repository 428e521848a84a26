"""The two-player game: a generator, a discriminator, an objective and stabilizers.

    x = G(z, c),  z ~ prior;      D minimizes E l_x(s(x)) + E l_G(s(G(z))),  G minimizes E l(s(G(z)))     (1)

Games may weigh the generator's part of (1) and add further terms to it (`also`), such as a distance to x.
D takes k updates, each on fresh rows and fresh noise, then G takes one. Binary entries and levels are
scaled to [-1, 1], the range of the generator's tanh, or to [0, 1] with a sigmoid. Levels with a range of
their own (`ranged`) are standardized, and G is linear there.

Reference: Goodfellow et al. 2014, algorithm 1; Radford et al. 2015. Rows F1, F2, F8, F16.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from simulacra.core.batch import Batch
from simulacra.core.capabilities.general import (
    Decodes,
    HasCritic,
    HasDiagnostics,
    HasFeatures,
    HasPrior,
    Samples,
    TakesCondition,
)
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.errors.suggestion import Refusal, build_with, load_with
from simulacra.core.model import Model, defaults_of
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.paired import map_shape, maps
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.spaces.smooth import step_of, unbounded
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
from simulacra.models.adversarial.game.noise import Truncation, drawn_noise, noise_within
from simulacra.models.adversarial.game.objectives import Objective, by_row
from simulacra.models.adversarial.game.pieces import with_references
from simulacra.models.adversarial.game.rules import Play
from simulacra.models.adversarial.game.stabilizers import History, Stabilizers
from simulacra.nets.adversarial.pooled import pooled_layers
from simulacra.nets.adversarial.recurrent_players import noise_size, recurrent_part
from simulacra.nets.translators.noise_maps import NoiseMaps


class Game(Model, Samples, HasPrior, TakesCondition, HasDiagnostics, HasCritic, HasFeatures):
    """Abstract base of the adversarial models, equation (1); subclasses choose networks and objective.

    Args:
        space: space of one observation; it must allow gradients through samples.
        condition: space of the condition, or None.
        generator: network `(z, c) -> (B, *features_shape)`.
        discriminator: network `(h, c) -> Verdict`.
        latent: size of the noise z; of each frame, if the generator is recurrent; 0: no noise.
        objective: loss functions of both players.
        stabilizers: penalties and noise that stabilize the training.
        play: updates per player, optimizers, prior and output activation.
        adversarial: weight of the generator's part of (1); 0: there is no discriminator, and `also` is the
            whole loss.

    Raises:
        ValueError: if `adversarial` is negative, or there is a gradient penalty and the discriminator has
            batch normalization.
    """

    noise: Tensor
    D: Any  # None without a discriminator
    drawing = Truncation
    spatial: ClassVar[bool] = False  # True if the networks take the condition as maps

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
        adversarial: float = 1.0,
    ):
        super().__init__(space, condition)
        if adversarial < 0:
            raise ValueError(
                f"adversarial is {adversarial}, but it must not be negative; 0 is no discriminator."
            )
        self.G, self.D = generator, discriminator if adversarial else None
        self.adversarial = adversarial
        self.latent = self.code_size = noise_size(generator, latent)
        self.objective, self.stabilizers, self.play = (
            objective.smoothed(stabilizers.smoothing),
            stabilizers,
            play,
        )
        # an auxiliary classifier adds its cross entropy to both players' losses
        self.names_class = getattr(discriminator, "conditioning", None) == "auxiliary"
        self.register_buffer("noise", torch.tensor(stabilizers.noise))
        if stabilizers.slopes:
            self._refuse_batch_norm(stabilizers.slopes[0])
        self.history = nn.ModuleDict()
        if stabilizers.historical_averaging:
            players = {"D": self.D, "G": self.G}
            self.history.update({name: History(net) for name, net in players.items() if net is not None})
        if self.D is None:
            self.remove(HasCritic, HasDiagnostics, HasFeatures)
        if not self.code_size:
            self.remove(HasPrior, Decodes)

    def _refuse_batch_norm(self, penalty: str) -> None:
        for name, module in () if self.D is None else self.D.named_modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                ways = [build_with(critic_normalization=name) for name in ("layer", "none")]
                raise Refusal(
                    f"{penalty} is a penalty of each row, but the critic's layer {name!r} is a batch "
                    f"normalization, which mixes rows: take {ways[0]} or {ways[1]}.",
                    *ways,
                )

    # ---- training

    def updates(self) -> list[Update]:
        """Returns the updates of a step: D first, on fresh batches, then G, which is alone without a D."""
        of_D, of_G = self.play.optimizers()
        mixes = getattr(self.D, "minibatch", None) is not None
        losses = self.losses()
        both = [
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
        return both if self.adversarial else both[1:]

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the only stage; virtual batch normalization sets its reference batches at its start.

        Args:
            i: index of the stage, from 0.
            past: records of the earlier stages.
        """
        return with_references(self, super().stage(i, past))

    def losses(self) -> tuple[Loss, Loss]:
        """Returns the loss functions of D and of G."""
        return discriminator_loss, generator_loss

    def also(self, batch: Batch, fake: Tensor, rng: Rng) -> dict[str, Tensor]:
        """Returns further terms of the generator's loss by name, each of shape (B,); by default none.

        Args:
            batch: rows of data.
            fake: the generator's samples for the conditions of these rows, as D sees them, shape (B, *).
            rng: source of random numbers.
        """
        return {}

    # ---- generator and discriminator

    def given(self, c: Tensor | None) -> Tensor | None:
        """Returns the condition's features as the networks take them, or None.

        They are vectors, shape (B, entries), or maps, shape (B, K, *sides), if the game is `spatial`: scaled
        as D sees images.

        Args:
            c: conditions, shape (B, *), or None.
        """
        if self.condition is None or c is None:
            return None
        if not self.spatial:
            return self.condition.vectors(c, self.dtype)
        h = maps(self.condition, c, self.dtype, sides=len(map_shape(self.space)) - 1)
        return h if unbounded(self.condition) or self.play.output == "sigmoid" else 2 * h - 1

    def prior(self, rng: Rng, name: str = "z") -> Tensor:
        """Draws z from the prior, shape (B, latent).

        Args:
            rng: source of random numbers.
            name: name of the draw.
        """
        return drawn_noise(rng, name, self.latent, self.play.prior, self.dtype)

    @property
    def noise_maps(self) -> tuple[tuple[int, ...], ...]:
        """Shape of the noise of a generator that takes it as maps; () for a code without places."""
        z = getattr(self.G, "z", None)
        return (z.shape,) if isinstance(z, NoiseMaps) else ()

    def truncated(self, rng: Rng, most: float) -> Tensor:
        """Draws z from N(0, 1) within [-most, most], by the inverse of its distribution, shape (B, latent).

        Args:
            rng: source of random numbers.
            most: bound a of each entry.

        Raises:
            ValueError: if the prior is not normal, or there is no noise.
        """
        if not self.latent:
            raise ValueError(
                f"truncation is {most}, but this {type(self).__name__} has no noise (latent=0): leave it out."
            )
        if self.play.prior != "normal":
            raise ValueError(
                f"truncation is {most}, but only noise with a normal prior is truncated, and the prior of "
                f"this {type(self).__name__} is {self.play.prior}: leave it out."
            )
        z = noise_within(rng, self.latent, most, self.dtype)
        return z.to(self.device, self.dtype).clamp(-most, most)

    def generate(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns samples G(z, c) scaled as D sees them, shape (B, *features_shape).

        Args:
            z: noise, shape (B, latent).
            c: features of the condition as `given` returns them, or None.
        """
        x = self.G(z, c)
        if unbounded(self.space):
            return x
        return x.tanh() if self.play.output == "tanh" else x.sigmoid()

    def seen(self, x: Tensor) -> Tensor:
        """Returns observations scaled as D sees them, shape (B, *features_shape)."""
        h = self.features(x)
        return h if unbounded(self.space) or self.play.output == "sigmoid" else 2 * h - 1

    def judge(self, h: Tensor, c: Tensor | None = None) -> Verdict:
        """Applies the discriminator.

        Args:
            h: observations or samples as D sees them, shape (B, *features_shape).
            c: features of the condition, or None.
        """
        return self.D(h, c)

    def blurred(self, h: Tensor, rng: Rng, name: str) -> Tensor:
        """Adds instance noise during training, shape of `h`.

        Args:
            h: inputs of D, shape (B, *features_shape).
            rng: source of random numbers.
            name: name of the draw.
        """
        if not self.stabilizers.noise or not self.training:
            return h
        return h + self.noise * rng.normal(name, *h.shape[1:], dtype=h.dtype)

    # ---- capabilities

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns G(z, c) in the units of x, with levels not rounded, shape (B, *).

        Args:
            z: noise, shape (B, latent).
            c: condition, or None.
        """
        h = self.generate(z, self.given(c))
        if not unbounded(self.space) and self.play.output == "tanh":
            h = (h + 1) / 2
        return self.space.from_features(h)

    def looks(self, how: Sampling | None = None) -> int:
        """Returns the number of frames of a recurrent generator, 1 for any other.

        Args:
            how: not used.
        """
        part = recurrent_part(self.G)
        return 1 if part is None else part.frames

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Samples x = G(z, c) with z from the prior and levels rounded, shape (B, *).

        Args:
            rng: source of random numbers, which has the number of rows.
            c: condition, or None.
            how: options of drawing; None: the model's own.
            watch: called for each frame of a recurrent generator; one pass computes all frames; None: never.
        """
        most = how.truncation if isinstance(how, Truncation) else None
        x = self.emit(self.prior(rng) if most is None else self.truncated(rng, most), c)
        x = x if isinstance(step_of(self.space), Real) else x.round()
        part = recurrent_part(self.G)
        if watch is not None and part is not None:
            show_frames(x, part.frame, watch)
        return x

    def critic_score(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the discriminator's score s(x), the mean over patches if it scores these, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: condition, or None.
        """
        return by_row(self.judge(self.seen(x), self.given(c)).score)

    def represent(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the max-pooled outputs of all layers of D, shape (B, width).

        Args:
            x: observations, shape (B, *).
            c: condition, or None.
        """
        return pooled_layers(self.D, self.seen(x), self.given(c))

    def diagnostics(self, x: Tensor, rng: Rng, c: Tensor | None = None) -> dict[str, float]:
        """Computes accuracy, gradient norm and diversity on held-out rows (see `monitor`).

        Args:
            x: held-out rows, shape (B, *).
            rng: random numbers of the samples.
            c: conditions of the rows, or None.
        """
        return diagnostics(self, x, rng, c)

    def alarm(self, diagnostics: dict[str, float]) -> str | None:
        """Returns a sentence on mode collapse or a vanishing gradient, or None.

        Args:
            diagnostics: the result of `diagnostics`.
        """
        return alarm(diagnostics, frozenset(defaults_of(type(self))))


def show_frames(x: Tensor, frame: int, watch: Watch) -> None:
    """Calls `watch` with the first frames of sequences, 0 after them, and True for these, each (B, T, *).

    Args:
        x: sequences, shape (B, T, *).
        frame: steps of a frame.
        watch: the callback.
    """
    t = torch.arange(x.shape[1], device=x.device).view(1, -1, *[1] * (x.dim() - 2))
    total = -(-x.shape[1] // frame)
    for i in range(1, total + 1):
        known = (t < i * frame).expand_as(x)
        watch(i, total, torch.where(known, x, torch.zeros_like(x)), known)


# ---- checks of the constructors


def classes_of(condition: Space | None, name: str, why: str) -> int:
    """Returns the number of classes of the condition.

    Args:
        condition: space of the labels.
        name: name of the model, for the message.
        why: reason for the labels, appended to the first clause of the message; may be empty.

    Raises:
        ValueError: if the condition is not categorical.
    """
    if not isinstance(condition, Categorical):
        given = load_with(condition="label")
        raise Refusal(
            f"{name} needs a label for each row{why}, but the condition is {condition or 'none'}: name the "
            f"labels with label= if the data have no class folders, and load the data with {given}.",
            given,
        )
    return condition.classes
