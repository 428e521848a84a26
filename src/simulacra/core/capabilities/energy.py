"""Capabilities of models with an energy, a Markov chain, or a path to anneal along."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from simulacra.core.capabilities.marker import Capability
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.laws import Laws


class HasEnergy(Capability):
    """Has an unnormalized log-density: log p(x) = -F(x) - log Z."""

    phrase = "has an energy"

    @abstractmethod
    def free_energy(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """F(x) in nats, shape (B,)."""


class HasBoundEnergy(Capability):
    """Has a bound on its energy where that has no closed form: log p(x) >= -bound - log Z in expectation."""

    phrase = "has a bound on its energy"

    @abstractmethod
    def bound_energy(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """A value whose expectation over noise is at least F(x), in nats, shape (B,)."""


class HasMarkovChain(Capability):
    """Has a Markov chain that can be watched step by step."""

    phrase = "steps a Markov chain"

    @abstractmethod
    def start_chain(self, rng: Rng) -> Tensor:
        """A state for each of `rng.rows`."""

    @abstractmethod
    def step(self, state: Tensor, rng: Rng) -> Tensor:
        """The next state: pure in (state, rng)."""

    @abstractmethod
    def shown(self, state: Tensor) -> Tensor:
        """The observations that states show, shape (B, *)."""


class HasFilters(Capability):
    """Has units whose weights are pictures of what they look for."""

    phrase = "has filters"

    @abstractmethod
    def filters(self) -> Tensor:
        """A picture for each unit, shape (units, C, H, W)."""


class HasAnnealingPath(Capability):
    """Lies at the end of a path of distributions p*_beta / Z_beta, from one whose log Z is known (beta = 0)
    and that can be drawn from, to its own (beta = 1): annealing brackets its log Z.
    """

    phrase = "anneals"

    @abstractmethod
    def start_chain(self, rng: Rng) -> Tensor:
        """Draws at beta = 0: a state for each of `rng.rows`."""

    @abstractmethod
    def base_log_z(self) -> Tensor:
        """log Z at beta = 0 in nats."""

    @abstractmethod
    def anneal(
        self, state: Tensor, before: float, after: float, rng: Rng, c: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """log p*_after(state) - log p*_before(state), shape (B,), and the next state of a chain that is
        reversible with respect to p_after.
        """


class HasPartitionFunctions(Capability):
    """log p(x) is a sum of energies, each with a log Z of its own: sequences whose frames are machines."""

    phrase = "has a law for each frame"

    @abstractmethod
    def laws(self, x: Tensor, known: Tensor | None = None) -> Laws:
        """The laws that rows of shape (B, *) are scored by."""
