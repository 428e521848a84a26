"""Capabilities of models with an energy, a Markov chain, or an annealing path."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor

from simulacra.core.capabilities.marker import Capability
from simulacra.core.capabilities.older import taking_condition
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.laws import Laws


class HasEnergy(Capability):
    """Has an unnormalized log-density: log p(x) = -F(x) - log Z."""

    phrase = "has an energy"

    @abstractmethod
    def free_energy(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the free energy F(x) in nats, shape (B,).

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
        """


class HasBoundEnergy(Capability):
    """Has an upper bound on an energy without closed form: log p(x) >= -bound - log Z in expectation."""

    phrase = "has a bound on its energy"

    @abstractmethod
    def bound_energy(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """Returns a value whose expectation over the noise is at least F(x), in nats, shape (B,).

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
            rng: generator of the noise.
        """


class HasMarkovChain(Capability):
    """Has a Markov chain that can be run step by step, stationary or of finite length.

    If `chain_length` is None, the chain is stationary: its states have p(x|c) in the limit. If it is a
    number, the chain shows a sample after so many steps; its state then carries its own clock, since `step`
    is not told the time.
    """

    phrase = "steps a Markov chain"
    chain_length: int | None = None

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        for name in ("start_chain", "step"):
            if name in vars(cls):
                setattr(cls, name, taking_condition(cls, name))

    @abstractmethod
    def start_chain(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns an initial state for each of `rng.rows`.

        Args:
            rng: generator of the initial noise.
            c: condition of each, shape (B, *); None: no condition.
        """

    def chain_at(self, x: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor | None:
        """Returns states that show x; None, the default, if the chain cannot begin at observations.

        Args:
            x: observations in the model's space, shape (B, *).
            rng: generator of the rest of the states.
            c: condition of each, shape (B, *); None: no condition.
        """
        return None

    @abstractmethod
    def step(self, state: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns the next state; a pure function of (state, rng, c).

        Args:
            state: states of the chains, one a row.
            rng: generator of the step's noise.
            c: condition of each, shape (B, *); None: no condition.
        """

    @abstractmethod
    def shown(self, state: Tensor) -> Tensor:
        """Returns the observations that states represent, shape (B, *).

        Args:
            state: states of the chains, one a row.
        """

    def drawn(self, state: Tensor) -> Tensor | None:
        """Returns True for the entries that have a value in a state, shape (B, *); None (the default): all.

        `shown` has an arbitrary value of the space at the others.

        Args:
            state: states of the chains, one a row.
        """
        return None


class HasFilters(Capability):
    """Has hidden units whose weights can be shown as images."""

    phrase = "has filters"

    @abstractmethod
    def filters(self) -> Tensor:
        """Returns the weights of each unit as an image, shape (units, C, H, W)."""


class HasAnnealingPath(Capability):
    """Has an annealing path of distributions p*_beta / Z_beta that gives bounds on its log Z.

    At beta = 0 it is a base distribution with known log Z that can be sampled; at beta = 1 it is the model.
    """

    phrase = "anneals"

    @abstractmethod
    def start_chain(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Samples the base distribution (beta = 0), which has no condition: a state for each of `rng.rows`.

        Args:
            rng: generator of the samples.
            c: not used by annealing, which gives None; the name is that of a Markov chain's start.
        """

    @abstractmethod
    def base_log_z(self) -> Tensor:
        """Returns log Z at beta = 0 in nats."""

    @abstractmethod
    def anneal(
        self, state: Tensor, before: float, after: float, rng: Rng, c: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Makes one step of annealed importance sampling.

        Args:
            state: states of the chains, one a row.
            before: present beta.
            after: next beta.
            rng: generator of the step's noise.
            c: condition of each chain; None: no condition.

        Returns:
            the log-weight log p*_after(state) - log p*_before(state) in nats, shape (B,), and the next state
            of a chain that is reversible with respect to p_after.
        """


class HasPartitionFunctions(Capability):
    """Has a log-density that sums energies with different log Z, as sequences of conditional RBMs do."""

    phrase = "has a partition function for each frame"

    @abstractmethod
    def laws(self, x: Tensor, known: Tensor | None = None, c: Tensor | None = None) -> Laws:
        """Returns the terms of the log-density, each with its own log Z.

        Args:
            x: observations, shape (B, *).
            known: True where x is observed, shape of x; None: everywhere.
            c: conditions, shape (B, *), or None.
        """
