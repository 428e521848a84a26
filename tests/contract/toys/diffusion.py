"""A tiny diffusion: a Markov chain that ends after a number of steps, with its clock in the state.

    x_t = a_t x + s_t e,   a_t = cos(pi t / 2), s_t = sin(pi t / 2), e ~ N(0, I), t from 1 to 0        (1)
    min E |f(x_t, t, c) - x|^2                                                  (2)
    x_r = a_r f + sqrt(s_r^2 - q^2) (x_t - a_t f) / s_t + q e',  q = s_r / s_t sqrt(1 - (a_t / a_r)^2)  (3)

What strains the contract: the chain has no stationary distribution, its length is an option of drawing, its
state is more than x, and a condition is given at every step.

Reference: Ho, Jain and Abbeel 2020; Song, Meng and Ermon 2021, equation 12.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.capabilities.chains import ChainSampler
from simulacra.core.capabilities.general import TakesCondition
from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.model import Model
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Space
from simulacra.core.updates import Update
from simulacra.nets.mlp import mlp


@dataclass(frozen=True)
class Steps(Sampling):
    """Options of drawing.

    Args:
        steps: number of steps from noise to x; None: the model's own.
    """

    steps: int | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps is {self.steps}, but a chain has at least one.")


class Diffusion(Model, ChainSampler, TakesCondition):
    """Diffusion on real observations.

    Args:
        space: what one observation is.
        condition: space of the condition; None: p(x).
        length: steps of the chain.
    """

    drawing = Steps

    def __init__(self, space: Space, condition: Space | None = None, length: int = 12):
        super().__init__(space, condition)
        given = 0 if condition is None else math.prod(condition.features_shape)
        self.chain_length = length
        self.f = mlp([space.dims + 1 + given, 13, space.dims], "tanh")

    def updates(self) -> list[Update]:
        """One player."""
        return [Update("f", ("",), squared_error)]

    def expected(self, x: Tensor, t: Tensor, c: Tensor | None) -> Tensor:
        """f(x_t, t, c), shape (B, d).

        Args:
            x: x_t, shape (B, d).
            t: times, shape (B, 1).
            c: conditions, or None.
        """
        given = (
            [] if c is None or self.condition is None else [self.condition.features(c, self.dtype).flatten(1)]
        )
        return self.f(torch.cat([x, t, *given], 1))

    # ---- the chain: a state holds x, the steps to come and the number of all steps

    @property
    def sampling(self) -> Sampling:
        """As many steps as the constructor says."""
        return Steps(self.chain_length)

    def looks(self, how: Sampling | None = None) -> int:
        """One for each step."""
        assert self.chain_length is not None
        return how.steps if isinstance(how, Steps) and how.steps is not None else self.chain_length

    def begun(self, rng: Rng, c: Tensor | None, how: Sampling) -> Tensor:
        """Noise, with the clock of as many steps as asked for."""
        return self._at(rng.normal("start", self.space.dims, dtype=self.dtype), 1.0, self.looks(how))

    def start_chain(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Noise at the beginning of the clock."""
        return self.begun(rng, c, self.sampling)

    def chain_at(self, x: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """x at the end of the clock."""
        return self._at(self.features(x).flatten(1), 0.0, self.looks())

    def _at(self, x: Tensor, t: float, steps: int) -> Tensor:
        clock = x.new_tensor([t * steps, steps]).expand(len(x), 2)
        return torch.cat([x, clock], 1)

    def step(self, state: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Equation (3); nothing moves when the clock has run down."""
        x, left, steps = state[:, :-2], state[:, -2:-1], state[:, -1:]
        (a, s), (a_r, s_r) = levels(left / steps), levels((left - 1) / steps)
        f = self.expected(x, left / steps, c)
        # (3)
        q = s_r / s * (1 - (a / a_r).square()).clamp_min(0).sqrt()
        kept = (s_r.square() - q.square()).clamp_min(0).sqrt() / s
        e = rng.normal("step", self.space.dims, dtype=x.dtype)
        moved = torch.cat([a_r * f + kept * (x - a * f) + q * e, left - 1, steps], 1)
        return torch.where(left > 0, moved, state)

    def shown(self, state: Tensor) -> Tensor:
        """x_t, shape (B, *)."""
        return state[:, :-2].unflatten(1, self.space.shape)

    def clamp(self, state: Tensor, x: Tensor, known: Tensor) -> Tensor:
        """What is known of x, at the level of the clock."""
        a, _ = levels(state[:, -2:-1] / state[:, -1:])
        entries = torch.where(known.flatten(1), a * self.features(x).flatten(1), state[:, :-2])
        return torch.cat([entries, state[:, -2:]], 1)


def levels(t: Tensor) -> tuple[Tensor, Tensor]:
    """a and s of equation (1); at t = 0 they are 1 and (to the last digit) 0."""
    angle = t * math.pi / 2
    return angle.cos(), angle.sin()


def squared_error(model: Diffusion, batch: Batch, rng: Rng) -> Terms:
    """Equation (2), shape (B,)."""
    x = model.features(batch.x).flatten(1)
    t = 1 - rng.uniform("t", 1, dtype=x.dtype)
    a, s = levels(t)
    noisy = a * x + s * rng.normal("e", model.space.dims, dtype=x.dtype)
    return Terms({"error": (model.expected(noisy, t, batch.c) - x).square().sum(1)})
