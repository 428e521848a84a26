"""Flow matching along straight lines, or rectified flow: noise that moves to the data by a learned velocity.

    x = m + s h,   h_t = (1 - t) e + t h_1,   e ~ N(0, I),   t uniform in [0, 1)                      (1)
    v(h, t, c) = k(t) h + net(h, t, c),   k(t) = (2 t - 1) / ((1 - t)^2 + t^2)                        (2)
    loss = |h_1 - e - v(h_t, t, c)|^2,   least at v = E[h_1 - e | h_t]                                (3)
    dh / dt = v(h, t, c) from h(0) = e to h(1)                                                        (4)
    v_g = v(h, t) + g (v(h, t, c) - v(h, t))                                                          (5)

At the optimum of (3), h(1) of (4) has the law of the data. The first term of (2) is the optimum for data of
N(0, I), so that net learns what departs from them. m and s are mean and deviation of each entry of the
training rows; images and series have one of each. The method of (4) and its steps are options of drawing.

The likelihood follows from (4) and the trace of dv/dh. It is an estimate: the steps have an error.

Reference: Lipman et al. 2023; Liu, Gong and Liu 2023; Albergo and Vanden-Eijnden 2023; Ho and Salimans
2022 (5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.chains import ChainDraws
from simulacra.core.capabilities.estimates import DensityEstimate
from simulacra.core.capabilities.general import EstimatesDensity, TakesCondition
from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.densities.bijections import Standard
from simulacra.core.densities.continuous import Continuous, estimate
from simulacra.core.errors.other_data import as_real
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.model import Model
from simulacra.core.numerics import moments
from simulacra.core.numerics.odes import SOLVERS
from simulacra.core.optimizers import Adam
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import is_real
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Initial, Source, Stage, Update
from simulacra.models.diffusion.given import (
    BEFORE_MAPS,
    check_drop,
    check_guidance,
    features_given,
    size_given,
)
from simulacra.models.diffusion.integration import Integration
from simulacra.nets.velocity import build_velocity

DENSITY_STEPS = 32  # steps of a score, each of fourth order


class FlowMatching(Model, ChainDraws, EstimatesDensity, TakesCondition):
    """Flow matching: a velocity learned by regression on straight lines from noise to the data.

    Args:
        space: a `Real` space, or a table of real columns.
        condition: space of the condition c of p(x | c); None for p(x).
        steps: number of steps of a draw.
        hidden: sizes of the hidden layers, or channels at each resolution of a `unet`; None: two layers of
            256, of images three of 512, or channels 32, 64 and 64.
        net: `mlp` or `unet`; `auto` takes `unet` for images with a side of at least 16, else `mlp`.
        drop: share of the rows whose condition is dropped in training, for guidance.
        maps: an image or recording as condition lies beside x in a `unet`, brought to its sides; False: it is
            one vector, as in files of earlier versions.

    Raises:
        ValueError: if the space is not real, or an option is out of range.

    Example:
        >>> from simulacra.core.spaces.plain import Real
        >>> FlowMatching(Real((2,)), hidden=(8,)).sample(3, seed=0, sampler="euler", steps=4).shape
        torch.Size([3, 2])
    """

    drawing = Integration
    earlier = BEFORE_MAPS
    location: Tensor
    deviation: Tensor

    def __init__(
        self,
        space: Space,
        condition: Space | None = None,
        steps: int = 50,
        hidden: tuple[int, ...] | None = None,
        net: Literal["auto", "mlp", "unet"] = "auto",
        drop: float = 0.1,
        maps: bool = True,
        *,
        seed: int = 0,
    ):
        super().__init__(space, condition)
        if not is_real(space):
            mend = as_real(space)
            raise Refusal(f"FlowMatching moves real numbers, but the space is {space}: {mend}.", mend)
        if steps < 1:
            some = build_with(steps=50)
            raise Refusal(f"steps is {steps}, but a draw takes at least one: take {some}.", some)
        check_drop(drop)
        self.chain_length, self.drop = steps, drop
        self.register_buffer("location", torch.zeros(space.shape))
        self.register_buffer("deviation", torch.ones(space.shape))
        self.net = build_velocity(
            space.shape or (1,), net, hidden, size_given(condition), condition if maps else None
        )

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Recommended: an average of the weights over about the last thousand steps."""
        return {"ema": 0.999}

    def updates(self) -> list[Update]:
        """Returns the only update, of one time t a row."""
        return [Update("velocity", ("",), squared_error, optimizer=Adam(lr=1e-3))]

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, which takes m and s of equation (1) from the training rows first.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("train", self.updates(), self.length, start=Initial(place)) if i == 0 else None

    # ---- the velocity

    def velocity(self, h: Tensor, t: Tensor, c: Tensor | None, kept: Tensor | None = None) -> Tensor:
        """Returns v of equation (2), shape (B, d).

        Args:
            h: h_t, shape (B, d).
            t: times from 0 to 1, shape (B, 1).
            c: conditions, shape (B, *), or None.
            kept: True where the condition is given, shape (B, 1); None: everywhere.
        """
        k = (2 * t - 1) / ((1 - t).square() + t.square())
        # (2)
        return k * h + self.net(h, t, features_given(self.condition, h, c, kept))[:, 0]

    def guided(self, h: Tensor, t: Tensor, c: Tensor | None, guidance: float) -> Tensor:
        """Returns v_g of equation (5), shape (B, d).

        Args:
            h: h_t, shape (B, d).
            t: times from 0 to 1, shape (B, 1).
            c: conditions, shape (B, *), or None.
            guidance: g.
        """
        if guidance == 1 or c is None or self.condition is None:
            return self.velocity(h, t, c)
        free = self.velocity(h, t, None)
        # (5)
        return free + guidance * (self.velocity(h, t, c) - free)

    @property
    def standard(self) -> Standard:
        """The map from h to x of equation (1), of flattened rows."""
        return Standard(self.location.reshape(-1), self.deviation.reshape(-1))

    def coordinates(self, x: Tensor) -> Tensor:
        """Returns h of equation (1), shape (B, d).

        Args:
            x: observations, shape (B, *).
        """
        return self.standard.inverse(x.to(self.dtype).unsqueeze(1).flatten(1))

    def estimated_density(self, x: Tensor, c: Tensor | None, rng: Rng) -> DensityEstimate:
        """Estimates log p(x | c) by equation (4), in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of the signs that estimate the trace where there are many entries.
        """
        h = self.coordinates(x)
        found = estimate(Continuous(lambda at, t: self.velocity(at, t, c), DENSITY_STEPS), h, rng)
        return replace(found, value=found.value - self.standard.log_det(h))

    # ---- the chain

    @property
    def sampling(self) -> Sampling:
        """The model's own options of drawing."""
        return Integration(self.chain_length, "heun", 1.0)

    def looks(self, how: Sampling | None = None) -> int:
        """Returns the number of steps of a draw.

        Args:
            how: options of drawing; None: the model's own.
        """
        assert self.chain_length is not None
        return how.steps if isinstance(how, Integration) and how.steps is not None else self.chain_length

    def begun(self, rng: Rng, c: Tensor | None, how: Sampling) -> Tensor:
        """Returns noise, with the clock of as many steps as asked for, shape (B, d + 2).

        Args:
            rng: source of random numbers.
            c: not used.
            how: options of drawing.

        Raises:
            ValueError: if the model cannot follow its condition so.
        """
        assert isinstance(how, Integration)
        check_guidance(how.guidance, type(self).__name__, self.condition, self.drop)
        e = rng.normal("start", self.space.dims, dtype=self.dtype)
        return self._at(self.standard.forward(e), 1.0, self.looks(how))

    def start_chain(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns noise at the beginning of the clock, shape (B, d + 2).

        Args:
            rng: source of random numbers.
            c: conditions, or None.
        """
        return self.begun(rng, c, self.sampling)

    def chain_at(self, x: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns states that show x, at the end of the clock, shape (B, d + 2).

        Args:
            x: observations, shape (B, *).
            rng: not used.
            c: not used.
        """
        return self._at(x.to(self.dtype).unsqueeze(1).flatten(1), 0.0, self.looks())

    def _at(self, x: Tensor, left: float, steps: int) -> Tensor:
        clock = x.new_tensor([left * steps, steps]).expand(len(x), 2)
        return torch.cat([x, clock], 1)

    def step(self, state: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns the states after one of the model's own steps; at the end of the clock nothing moves.

        Args:
            state: states, shape (B, d + 2).
            rng: not used.
            c: conditions, shape (B, *), or None.
        """
        return self.stepped(state, rng, c, self.sampling)

    def stepped(self, state: Tensor, rng: Rng, c: Tensor | None, how: Sampling) -> Tensor:
        """Returns the states after one step of equation (4).

        Args:
            state: states, shape (B, d + 2).
            rng: not used.
            c: conditions, shape (B, *), or None.
            how: options of drawing.
        """
        assert isinstance(how, Integration)
        guidance = 1.0 if how.guidance is None else how.guidance
        x, left, steps = state[:, :-2], state[:, -2:-1], state[:, -1:]
        v = lambda at, t: self.guided(at, t, c, guidance)
        # (4)
        h = SOLVERS[how.sampler or "heun"](
            v, self.standard.inverse(x), 1 - left.clamp_min(1) / steps, 1 / steps
        )
        return torch.where(left > 0, torch.cat([self.standard.forward(h), left - 1, steps], 1), state)

    def shown(self, state: Tensor) -> Tensor:
        """Returns h_t in the units of x, in which states hold it, shape (B, *).

        Args:
            state: states, shape (B, d + 2).
        """
        x = state[:, :-2]
        return x.unflatten(1, self.space.shape) if self.space.shape else x.squeeze(1)


def squared_error(model: FlowMatching, batch: Batch, rng: Rng) -> Terms:
    """Returns equation (3), shape (B,).

    Args:
        model: the model.
        batch: rows.
        rng: source of random numbers.
    """
    h, kept = model.coordinates(batch.x), None
    e, t = rng.normal("e", h.shape[1], dtype=h.dtype), rng.uniform("t", 1, dtype=h.dtype)
    if model.condition is not None and model.drop:
        kept = rng.uniform("dropped", 1, dtype=h.dtype) >= model.drop
    # (1), (3)
    error = h - e - model.velocity((1 - t) * e + t * h, t, batch.c, kept)
    return Terms({"error": error.square().sum(1)})


def place(model: FlowMatching, source: Source, rng: Rng) -> None:
    """Sets m and s of equation (1) to the mean and the deviation of the training rows.

    Args:
        model: the model.
        source: the training split.
        rng: random numbers of the preprocessing.
    """
    m, s = moments.location_and_deviation(model, source, rng)
    if len(model.space.shape) > 1:
        # one of each for all entries: pixels that hardly change stay small
        whole = m.mean()
        s = (s.square() + (m - whole).square()).mean().sqrt().expand_as(s)
        m = whole.expand_as(m)
    model.location.copy_(m.reshape(model.space.shape))
    model.deviation.copy_(s.reshape(model.space.shape))
