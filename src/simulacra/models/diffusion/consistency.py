"""Consistency distillation: the end of a teacher's way from noise to data, in one pass.

    x = m + s' h,   y = h + s e,   dy / ds = (y - m(y, s)) / s                                         (1)
    f(y, s) = h at the end of the way of (1) through y,   f(y, s_min) = y                              (2)
    f(y, s) = a(s) y + b(s) net(y / sqrt(1 + s^2), s),
    a = sqrt((1 + s_min^2) / (1 + s^2)),   b = (s - s_min) / sqrt(1 + s^2)                             (3)
    loss = |f(y_n+1, s_n+1) - f(y_n, s_n)|^2,   y_n from y_n+1 by one step of the teacher              (4)
    h = f(s_max e, s_max);   again  y = h + sqrt(s_i^2 - s_min^2) e_i,   h = f(y, s_i)                 (5)

The first term of (3) is the end of the way for data of N(0, I), so that net learns what departs from them.
All points of one way have the same end. (4) says so of neighbors, with no gradient through the second of
them, and (3) holds the end fixed, so that what is known of it moves up from level to level. One pass of (5)
draws a sample; further passes add less and less noise and denoise again.

The teacher is a trained run of `ddpm`, `diffusion` or `flow-matching` of the same data. Only training reads
it: the distilled model stands alone.

Reference: Song, Dhariwal, Chen and Sutskever, Consistency Models, 2023, algorithms 1 and 2; Song and Dhariwal
2023, on second copies of the network, which are not needed. Row H21.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.general import HasPrior, Samples, TakesCondition
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.densities.bijections import Standard
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.model import Model
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import is_real
from simulacra.core.spaces.plain import Levels, Space
from simulacra.core.updates import Initial, Source, Stage, Update
from simulacra.models.diffusion.given import BEFORE_MAPS, features_given, size_given
from simulacra.models.diffusion.samplers import RHO
from simulacra.models.diffusion.teacher import Teacher, load_teacher, moved, noise_of, place_of
from simulacra.nets.velocity import build_velocity


@dataclass(frozen=True)
class Passes(Sampling):
    """Options of drawing from a consistency model.

    Args:
        steps: passes of the network for a sample; None: 1.

    Raises:
        ValueError: if it is below 1.
    """

    steps: int | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps is {self.steps}, but a draw takes at least one: give 1 or more.")


class Consistency(Model, Samples, HasPrior, TakesCondition):
    """A consistency model, distilled from a trained diffusion or flow: samples in one or few passes.

    Args:
        space: space of one observation: reals, a table of real columns, or levels.
        condition: space of the condition c of p(x | c); None for p(x).
        teacher: run folder of the trained model; read by training alone.
        levels: number of steps of the teacher between the largest and the smallest noise.
        guidance: how far the teacher follows its condition, which the distilled model then does.
        hidden: sizes of the hidden layers, or channels at each resolution of a `unet`; None: two layers of
            256, of images three of 512, or channels 32, 64 and 64.
        net: `mlp` or `unet`; `auto` takes `unet` for images with a side of at least 16, else `mlp`.
        maps: an image or recording as condition lies beside x in a `unet`, brought to its sides; False: it is
            one vector, as in files of earlier versions.

    Raises:
        ValueError: if the space has other entries, or an option is out of range; in training, if there is
            no such teacher, or its data are others.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> model = Consistency(Real((2,)), hidden=(8,))
        >>> model.sample(3, seed=0).shape, model.sample(3, seed=0, steps=2).shape
        (torch.Size([3, 2]), torch.Size([3, 2]))
    """

    drawing = Passes
    earlier = BEFORE_MAPS
    location: Tensor
    deviation: Tensor
    noise: Tensor

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        teacher: str = "",
        levels: int = 18,
        guidance: float = 1.0,
        hidden: tuple[int, ...] | None = None,
        net: Literal["auto", "mlp", "unet"] = "auto",
        maps: bool = True,
        *,
        seed: int = 0,
    ):
        super().__init__(space, condition)
        _check(space, condition, levels, guidance)
        self.path, self.levels, self.guidance, self.code_size = teacher, levels, guidance, space.dims
        self.register_buffer("location", torch.zeros(space.shape))
        self.register_buffer("deviation", torch.ones(space.shape))
        self.register_buffer("noise", torch.tensor([0.002, 80.0]))  # s_min and s_max
        self.net = build_velocity(
            space.shape or (1,), net, hidden, size_given(condition), condition if maps else None
        )
        self._teacher: list[Teacher] = []  # in a list: its weights are no part of the model

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Recommended: an average of the weights of about a thousand steps, and a rate that ends at 0."""
        return {"ema": 0.999, "schedule": "cosine"}

    def updates(self) -> list[Update]:
        """Returns the only update, of one level a row."""
        return [Update("consistency", ("net.",), distillation, optimizer=Adam(lr=1e-3))]

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which takes coordinates and noise from the teacher first.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("distil", self.updates(), self.length, start=Initial(learn_place)) if i == 0 else None

    def teacher(self) -> Teacher:
        """Returns the teacher on the model's device, read from its run when it is first needed.

        Raises:
            ValueError: if there is no such run, or it is of another space, condition or preprocessing.
        """
        if not self._teacher:
            found = load_teacher(self.path)
            _check_same(self, found)
            self._teacher.append(found)
        found = self._teacher[0]
        if (found.device, found.dtype) != (self.device, self.dtype):
            found.to(self.device, self.dtype)
        return found

    # ---- the map to the end of a way

    def size(self, n: Tensor) -> Tensor:
        """Returns s_n between s_min at n = 0 and s_max at n = `levels`, shape (B, 1).

        Args:
            n: levels, shape (B, 1).
        """
        low, high = (self.noise ** (1 / RHO)).unbind()
        return (low + n / self.levels * (high - low)) ** RHO

    def end(self, y: Tensor, s: Tensor, c: Tensor | None) -> Tensor:
        """Returns f(y, s) of equation (3), shape (B, d).

        Args:
            y: h and noise, shape (B, d).
            s: size of the noise, shape (B, 1).
            c: conditions, shape (B, *), or None.
        """
        low, high = self.noise.unbind()
        u = (s / low).log() / (high / low).log()
        wide = (1 + s.square()).sqrt()
        f = self.net(y / wide, u, features_given(self.condition, y, c, None))[:, 0]
        # (3)
        return (1 + low.square()).sqrt() / wide * y + (s - low) / wide * f

    def coordinates(self, x: Tensor) -> Tensor:
        """Returns h of equation (1), shape (B, d).

        Args:
            x: observations, shape (B, *).
        """
        return self._standard.inverse(x.to(self.dtype).unsqueeze(1).flatten(1))

    @property
    def _standard(self) -> Standard:
        return Standard(self.location.reshape(-1), self.deviation.reshape(-1))

    def shown(self, h: Tensor) -> Tensor:
        """Returns h in the units of x, with levels rounded, shape (B, *).

        Args:
            h: coordinates, shape (B, d).
        """
        x = self._standard.forward(h)
        x = x.unflatten(1, self.space.shape) if self.space.shape else x.squeeze(1)
        return x.round().clamp(0, self.space.levels - 1) if isinstance(self.space, Levels) else x

    # ---- samples

    @property
    def sampling(self) -> Sampling:
        """The model's own options of drawing: one pass."""
        return Passes(1)

    def looks(self, how: Sampling | None = None) -> int:
        """Returns the number of passes of a draw.

        Args:
            how: options of drawing; None: the model's own.
        """
        return (how.steps or 1) if isinstance(how, Passes) else 1

    def prior(self, rng: Rng, name: str = "z") -> Tensor:
        """Draws e of equation (5) from N(0, I), shape (B, d).

        Args:
            rng: source of random numbers.
            name: name of the draw.
        """
        return rng.normal(name, self.code_size, dtype=self.dtype)

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns x of the first pass of equation (5), shape (B, *).

        Args:
            z: noise e, shape (B, d).
            c: conditions, shape (B, *), or None.
        """
        return self.shown(self._first(z, c))

    def _first(self, z: Tensor, c: Tensor | None) -> Tensor:
        s = self.noise[1] * torch.ones_like(z[:, :1])
        return self.end(s * z, s, c)

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Samples by equation (5), shape (B, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: conditions, shape (B, *), or None.
            how: options of drawing; None: the model's own.
            watch: called after each pass; None: never.
        """
        total, h = self.looks(how), self._first(self.prior(rng), c)
        for i in range(total):
            if i:
                s = self.size(self.levels * (1 - i / total) * torch.ones_like(h[:, :1]))
                e = rng.normal(f"again {i}", self.code_size, dtype=h.dtype)
                # (5)
                h = self.end(h + (s.square() - self.noise[0].square()).clamp_min(0).sqrt() * e, s, c)
            if watch is not None:
                x = self.shown(h)
                watch(i + 1, total, x, torch.ones_like(x, dtype=torch.bool))
        return self.shown(h)


def distillation(model: Consistency, batch: Batch, rng: Rng) -> Terms:
    """Returns equation (4), shape (B,).

    Args:
        model: the model.
        batch: rows.
        rng: source of random numbers.
    """
    h, c = model.coordinates(batch.x), batch.c
    e, u = rng.normal("e", h.shape[1], dtype=h.dtype), rng.uniform("level", 1, dtype=h.dtype)
    n = (u * model.levels).floor().clamp_max(model.levels - 1)
    s, r = model.size(n + 1), model.size(n)
    y = h + s * e
    with torch.no_grad():
        goal = model.end(moved(model.teacher(), y, s, r, c, model.guidance), r, c)
    # (4)
    return Terms({"error": (model.end(y, s, c) - goal).square().sum(1)})


def learn_place(model: Consistency, source: Source, rng: Rng) -> None:
    """Sets coordinates, s_min and s_max of equations (1) and (2) to those of the teacher.

    Args:
        model: the model.
        source: not used.
        rng: not used.

    Raises:
        ValueError: if there is no such teacher, or its data are others.
    """
    teacher = model.teacher()
    location, deviation = place_of(teacher)
    model.location.copy_(location)
    model.deviation.copy_(deviation)
    model.noise.copy_(torch.tensor(noise_of(teacher)))


def _check(space: Space, condition: Space | None, levels: int, guidance: float) -> None:
    """Raises ValueError unless a consistency model can be built from these options."""
    if not is_real(space) and not isinstance(space, Levels):
        raise ValueError(
            f"Consistency takes reals or levels, but the space is {space}: a VAE or MADE takes it."
        )
    if levels < 2:
        some = build_with(levels=18)
        raise Refusal(f"levels is {levels}, but a way has at least two steps: take {some}.", some)
    if not 0 <= guidance <= 100:
        raise ValueError(f"guidance is {guidance}, but it lies in [0, 100]: 1 is p(x|c).")
    if guidance != 1 and condition is None:
        plain = build_with(guidance=1.0)
        raise Refusal(f"guidance is {guidance}, but there is no condition: give {plain}.", plain)


def _check_same(model: Consistency, teacher: Teacher) -> None:
    """Raises ValueError unless the teacher is of the model's data."""
    for what, ours, theirs in (
        ("space", model.space, teacher.space),
        ("condition", model.condition, teacher.condition),
        ("preprocessing", model.preprocessing.label, teacher.preprocessing.label),
    ):
        if ours != theirs:
            raise ValueError(
                f"the {what} of the data is {ours}, but that of the teacher in {model.path} is {theirs}: "
                "load the data as they were for the teacher."
            )
    if model.guidance != 1 and not teacher.drop:
        plain = build_with(guidance=1.0)
        raise Refusal(
            f"guidance is {model.guidance}, but the teacher always saw its condition: give {plain}.", plain
        )
