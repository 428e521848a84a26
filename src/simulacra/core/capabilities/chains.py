"""Drawing by a Markov chain, written once: samples, completions, and events for `watch`.

    s_0 ~ start,   s_(t+1) ~ T(. | s_t, c),   x = shown(s_n)                      (1)

A stationary chain runs for `burn_in` steps, a finite one for its whole length. For a completion, the known
entries are put back into the state before each step and after the last one:

    s_(t+1) ~ T(. | clamp(s_t, x, known), c)                                      (2)

If T draws the visible entries independently given the rest of the state, (2) has the stationary distribution
p(unknown, rest | known). Other chains need a `clamp` of their own.

Reference: Lee et al. 2009. Row A15.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simulacra.core.capabilities.general import Completes, HasMarkovChain, Samples
from simulacra.core.capabilities.sampling import Sampling, Watch
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng


@dataclass(frozen=True)
class BurnIn(Sampling):
    """Options of drawing by a stationary chain.

    Args:
        burn_in: steps of the chain for a sample, such as Gibbs sweeps; None: as many as the model says.

    Raises:
        ValueError: if it is below 1.
    """

    burn_in: int | None = None

    def __post_init__(self) -> None:
        if self.burn_in is not None and self.burn_in < 1:
            raise ValueError(
                f"burn_in is {self.burn_in}, but a sample needs at least one step: give 1 or more."
            )


class ChainDraws(Samples, HasMarkovChain, mixin=True):
    """Draws by equation (1); subclasses provide the chain.

    A stationary chain that takes `sample(n, burn_in=...)` declares `drawing = BurnIn`. A finite chain with
    options of its own declares their class and overrides `begun` and `looks`; `stepped` is a step with them.
    """

    burn_in: int = 1000

    @property
    def sampling(self) -> Sampling:
        """The model's own options of drawing."""
        return BurnIn(self.burn_in) if self.drawing is BurnIn else self.drawing()

    def looks(self, how: Sampling | None = None) -> int:
        """Returns the number of steps of a draw.

        Args:
            how: options of drawing; None: the model's own.
        """
        if self.chain_length is not None:
            return self.chain_length
        asked = how.burn_in if isinstance(how, BurnIn) else None
        return self.burn_in if asked is None else asked

    def begun(self, rng: Rng, c: Tensor | None, how: Sampling) -> Tensor:
        """Returns the initial states of a draw; by default those of `start_chain`.

        Args:
            rng: generator of the initial noise.
            c: condition of each row, or None.
            how: options of drawing.
        """
        return self.start_chain(rng, c)

    def stepped(self, state: Tensor, rng: Rng, c: Tensor | None, how: Sampling) -> Tensor:
        """Returns the next states of a draw; by default those of `step`, whatever the options.

        Args:
            state: states of the chains, one a row.
            rng: generator of the step's noise.
            c: condition of each row, or None.
            how: options of drawing.
        """
        return self.step(state, rng, c)

    def draw(
        self, rng: Rng, c: Tensor | None = None, how: Sampling | None = None, watch: Watch | None = None
    ) -> Tensor:
        """Samples observations by equation (1), shape (B, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: conditions, shape (B, *), or None.
            how: options of drawing; None: the model's own.
            watch: called after each step with the number of steps, their total, the observations that the
                states show and True for the entries that are drawn; None: never.
        """
        how = self.sampling if how is None else how
        total, state = self.looks(how), self.begun(rng, c, how)
        for t in each(range(total), "chains", "sweep"):
            # (1)
            state = self.stepped(state, rng.at(t), c, how)
            if watch is not None:
                x, drawn = self.shown(state), self.drawn(state)
                watch(t + 1, total, x, torch.ones_like(x, dtype=torch.bool) if drawn is None else drawn)
        return self.shown(state)


class ChainSampler(ChainDraws, Completes, mixin=True):
    """Draws by equation (1) and completes by equation (2); subclasses provide the chain and `clamp`."""

    @abstractmethod
    def clamp(self, state: Tensor, x: Tensor, known: Tensor) -> Tensor:
        """Returns the states with known entries put back in.

        Args:
            state: states of the chains, one a row.
            x: observations, shape (B, *).
            known: True where x is known, shape of x.
        """

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with missing entries drawn by equation (2) given the known ones, shape (B, *).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: conditions, shape (B, *), or None.
        """
        how, x = self.sampling, self.space.filled(x, known)
        state = self.begun(rng, c, how)
        for t in each(range(self.looks(how)), "chains", "sweep"):
            # (2)
            state = self.stepped(self.clamp(state, x, known), rng.at(t), c, how)
        return self.shown(self.clamp(state, x, known))


def stationary(model: Any) -> bool:
    """Returns True if a model has Markov chains that are stationary.

    Args:
        model: any model.
    """
    return model.supports(HasMarkovChain) and model.chain_length is None
