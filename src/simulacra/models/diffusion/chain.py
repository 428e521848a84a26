"""The shared base of diffusion models: a chain of T steps, its bound and its rates.

    log p(x) >= E_q log p(x_0|x_1) - sum_t=2^T KL(q(x_t-1|x_t, x_0) || p(x_t-1|x_t))
                - KL(q(x_T|x_0) || p(x_T))                                                            (1)
    rate of x_t-1 = the KL of step t,   rate of x_T = the last KL                                     (2)
    m_g = m(x_t) + g (m(x_t, c) - m(x_t))                                                             (3)

A score sums over all t, in T passes and memory that does not grow with T,
with one draw of x_t for each. A state of the chain holds x_t, the steps to go and the number of all steps.
Samplers other than the model's own, fewer steps and guidance (3) change the law of samples: they are
options of drawing.

Reference: Sohl-Dickstein et al. 2015, equation 14; Ho and Salimans 2022 (3). Rows H20, H21.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.bounds import StepErrors
from simulacra.core.capabilities.chains import ChainDraws
from simulacra.core.capabilities.general import (
    Completes,
    HasBound,
    HasNoising,
    HasRates,
    TakesCondition,
)
from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.model import Model
from simulacra.core.numerics.precision import bounded, to_float64
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.models.diffusion.binomial import BinomialKernel
from simulacra.models.diffusion.given import check_drop, check_guidance, features_given
from simulacra.models.diffusion.options import Denoising
from simulacra.models.diffusion.samplers import ddim, heun, karras
from simulacra.models.diffusion.steps.completion import check_resamples, filled
from simulacra.models.diffusion.steps.importance import Importance


class DiffusionModel(Model, ChainDraws, HasBound, HasRates, HasNoising, Completes, TakesCondition):
    """Abstract base: subclasses say what the network's output predicts, and which loss trains it.

    Args:
        space: space of one observation.
        condition: space of the condition c of p(x | c); None for p(x).
        kernel: noise of the steps.
        net: the network.
        drop: share of the rows whose condition is dropped in training.
        weighed: True if the steps of training are drawn by importance.
        resamples: draws of each step of a completion.
    """

    drawing: ClassVar[type[Sampling]] = Denoising
    stratified: ClassVar[bool] = False  # the steps of a batch are drawn evenly spread, not one by one
    kernel: Any
    net: Any

    def __init__(
        self,
        space: Space,
        condition: Space | None,
        kernel: Any,
        net: nn.Module,
        drop: float,
        weighed: bool = False,
        resamples: int = 1,
    ):
        super().__init__(space, condition)
        check_drop(drop)
        self.kernel, self.net = kernel, net
        self.chain_length, self.drop = kernel.T, drop
        self.importance = Importance(kernel.T) if weighed else None
        self.resamples = check_resamples(resamples)

    # ---- training

    @property
    def recommended(self) -> Mapping[str, Any]:
        """Recommended: an average of the weights, a rate that falls, and at least 4,000 steps."""
        return {"ema": 0.999, "schedule": "cosine", "least_steps": 4000}

    # ---- the prediction of x_0

    @abstractmethod
    def predicted(self, h: Tensor, t: Any, r: Any, c: Tensor | None, kept: Tensor | None = None) -> Any:
        """Returns the prediction of x_0 given x_t, as the kernel takes it.

        Args:
            h: x_t, shape (B, d).
            t: level of x_t.
            r: level of x_r, to which the step leads.
            c: conditions, shape (B, *), or None.
            kept: True where the condition is given, shape (B, 1); None: everywhere.
        """

    def output(self, h: Tensor, t: Any, c: Tensor | None, kept: Tensor | None = None) -> Tensor:
        """Returns the network's output, shape (B, outputs, d).

        Args:
            h: x_t as the network sees it, shape (B, d).
            t: level of x_t.
            c: conditions, shape (B, *), or None.
            kept: True where the condition is given, shape (B, 1); None: everywhere.
        """
        return self.net(bounded(h), t.u, features_given(self.condition, h, c, kept))

    def guided(self, h: Tensor, t: Any, r: Any, c: Tensor | None, guidance: float) -> Any:
        """Returns the prediction of equation (3).

        Args:
            h: x_t, shape (B, d).
            t: level of x_t.
            r: level of x_r, to which the step leads.
            c: conditions, shape (B, *), or None.
            guidance: g.
        """
        if guidance == 1 or c is None or self.condition is None:
            return self.predicted(h, t, r, c)
        # (3)
        return self.predicted(h, t, r, None).toward(self.predicted(h, t, r, c), guidance)

    # ---- the bound

    @property
    def part_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the states, `x_1` to `x_T`."""
        return tuple(f"x_{t}" for t in range(1, self.kernel.T + 1))

    def _levels(self, t: Tensor) -> tuple[Any, Any]:
        return self.kernel.level(t), self.kernel.level(t - 1)

    def nats(self, x0: Tensor, t: Tensor, c: Tensor | None, e: Tensor, kept: Tensor | None = None) -> Tensor:
        """Returns the term of step t in equation (1) at one draw of x_t, in nats, shape (B,).

        Args:
            x0: x_0 as the kernel sees it, shape (B, d).
            t: whole numbers from 1 to T in the type of x_0, shape (B, 1).
            c: conditions, shape (B, *), or None.
            e: noise of x_t, shape (B, d).
            kept: True where the condition is given, shape (B, 1); None: everywhere.
        """
        now, before = self._levels(t)
        h = self.kernel.noised(x0, now, e)
        return self.kernel.nats(x0, h, now, before, self.predicted(h, now, before, c, kept))

    def _terms(self, x: Tensor, c: Tensor | None, rng: Rng) -> Iterator[Tensor]:
        """Yields the terms of steps 1 to T and the last KL of equation (1), float64, shape (B,) each."""
        x0 = self.kernel.coordinates(x, self.dtype)
        for t in each(range(1, self.kernel.T + 1), "sums", "term"):
            e = self.kernel.noise(rng.at("level", t), "x_t", x0.dtype)
            yield to_float64(self.nats(x0, x0.new_full((len(x0), 1), t), c, e))
        yield to_float64(self.kernel.last(x0))

    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Returns equation (1) with one draw of x_t for each t, in nats, float64, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
        """
        # (1)
        terms = self._terms(x, c, rng)
        total = next(terms)
        for term in terms:
            total = total + term
        return -total

    def brief_bound(self, x: Tensor, c: Tensor | None, rng: Rng, passes: int) -> Tensor:
        """Returns an estimate of equation (1) from its first term and one of each equal part of the others.

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
            passes: number of terms, at least 2.
        """
        T = self.kernel.T
        if passes >= T:
            return self.elbo(x, c, rng)
        x0 = self.kernel.coordinates(x, self.dtype)
        ends = [1 + (T - 1) * i // (passes - 1) for i in range(passes)]
        total = to_float64(self.kernel.last(x0))
        for low, high in ((0, 1), *pairwise(ends)):
            at = rng.at("part", high)
            t = (
                low
                + 1
                + (at.uniform("t", 1, dtype=x0.dtype) * (high - low)).floor().clamp_max(high - low - 1)
            )
            total = total + (high - low) * to_float64(
                self.nats(x0, t, c, self.kernel.noise(at, "x_t", x0.dtype))
            )
        return -total

    def rates(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Returns the rates of equation (2), in nats, float64, shape (B, T).

        Args:
            x: observations, shape (B, *).
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
        """
        # (2): without -log p(x_0|x_1), which is no rate
        return torch.stack([*self._terms(x, c, rng)][1:], 1)

    # ---- its steps, for the doctor

    @property
    def noise_steps(self) -> int:
        """T, the number of steps."""
        return self.kernel.T

    def signal_left(self, x: Tensor) -> Tensor:
        """Returns the last KL of equation (1), in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
        """
        return self.kernel.last(self.kernel.coordinates(x, self.dtype))

    def step_errors(self, x: Tensor, t: int, c: Tensor | None, rng: Rng) -> StepErrors:
        """Returns the error of the step from x_t to x_t-1 beside its variance, at one draw of x_t.

        Args:
            x: observations, shape (B, *).
            t: step, from 1 to T.
            c: conditions, shape (B, *), or None.
            rng: source of random numbers.
        """
        x0 = self.kernel.coordinates(x, self.dtype)
        now, before = self._levels(x0.new_full((len(x0), 1), t))
        h = self.kernel.noised(x0, now, self.kernel.noise(rng.at("level", t), "x_t", x0.dtype))
        return self.kernel.errors(x0, h, now, before, self.predicted(h, now, before, c))

    # ---- the chain

    @property
    def sampling(self) -> Sampling:
        """The model's own reverse steps, all of them."""
        return Denoising(self.kernel.T, "ancestral", 0.0, 1.0)

    def looks(self, how: Sampling | None = None) -> int:
        """Returns the number of steps of a draw.

        Args:
            how: options of drawing; None: the model's own.
        """
        return how.steps if isinstance(how, Denoising) and how.steps is not None else self.kernel.T

    def begun(self, rng: Rng, c: Tensor | None, how: Sampling) -> Tensor:
        """Returns noise, with the clock of as many steps as asked for, shape (B, d + 2).

        Args:
            rng: source of random numbers.
            c: conditions, or None.
            how: options of drawing.

        Raises:
            ValueError: if the model cannot draw so.
        """
        self._check(how)
        e = self.kernel.noise(rng, "start", self.dtype)
        return self._at(self.kernel.start(e), 1.0, self.looks(how))

    def _check(self, how: Sampling) -> None:
        assert isinstance(how, Denoising)
        T, name = self.kernel.T, type(self).__name__
        if how.sampler != "ancestral" and isinstance(self.kernel, BinomialKernel):
            raise ValueError(
                f"sampler is {how.sampler!r}, but the noise of bits is no Gaussian: take the ancestral one."
            )
        if self.looks(how) > T and how.sampler != "heun":
            raise ValueError(f"steps is {how.steps}, but this {name} has {T} steps: give {T} or fewer.")
        check_guidance(how.guidance, name, self.condition, self.drop)

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
        return self._at(self.kernel.coordinates(x, self.dtype), 0.0, self.kernel.T)

    def _at(self, h: Tensor, left: float, steps: int) -> Tensor:
        clock = h.new_tensor([left * steps, steps]).expand(len(h), 2)
        return torch.cat([h, clock], 1)

    def step(self, state: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns the states after one of the model's own steps; at the end of the clock nothing moves.

        Args:
            state: states, shape (B, d + 2).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        return self._next(state, rng, c, self.sampling)

    def stepped(self, state: Tensor, rng: Rng, c: Tensor | None, how: Sampling) -> Tensor:
        """Returns the states after one step of a sampler.

        Args:
            state: states, shape (B, d + 2).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
            how: options of drawing.
        """
        return self._next(state, rng, c, how)

    def _next(self, state: Tensor, rng: Rng, c: Tensor | None, how: Sampling) -> Tensor:
        h, left, steps = state[:, :-2], state[:, -2:-1], state[:, -1:]
        h = self._advanced(h, left.clamp_min(1), steps, rng, c, how)
        return torch.where(left > 0, torch.cat([h, left - 1, steps], 1), state)

    def _advanced(
        self, h: Tensor, left: Tensor, steps: Tensor, rng: Rng, c: Tensor | None, how: Sampling
    ) -> Tensor:
        assert isinstance(how, Denoising)
        guidance = 1.0 if how.guidance is None else how.guidance
        if how.sampler == "heun":
            t, r = karras(self.kernel, left, steps), karras(self.kernel, left - 1, steps)
            return heun(h, t, r, lambda at, t, r: self.guided(at, t, r, c, guidance))
        t, r = (self.kernel.level((n * self.kernel.T / steps).round()) for n in (left, left - 1))
        guess, e = self.guided(h, t, r, c, guidance), self.kernel.noise(rng, "step", h.dtype)
        if how.sampler == "ddim":
            return ddim(h, t, r, guess, how.eta or 0.0, e)
        return self.kernel.moved(h, t, r, guess, e)

    def shown(self, state: Tensor) -> Tensor:
        """Returns x_t in the units of x, with levels rounded, shape (B, *).

        Args:
            state: states, shape (B, d + 2).
        """
        return self.kernel.shown(state[:, :-2])

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with missing entries drawn by clamping, and by resampling if the model says so, (B, *).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        return filled(self, x, known, rng, c)
