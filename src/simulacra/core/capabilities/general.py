"""What a model can do, as declared types: evaluation, command line and studio look only at these.

Each capability names pure functions in the model's space: noise comes in through an `Rng`, nothing
else is random, so they can be tested against enumeration and exported. The words that users call
(`sample`, `log_prob`, `encode`, ...) are in `core.model` and need the matching capability.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from torch import Tensor

from simulacra.core.capabilities.energy import (
    HasAnnealingPath,
    HasBoundEnergy,
    HasEnergy,
    HasFilters,
    HasMarkovChain,
    HasPartitionFunctions,
)
from simulacra.core.capabilities.marker import Capability
from simulacra.core.capabilities.marker import able as able
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.distributions.heads import LikelihoodHead
from simulacra.core.random.keyed import Rng


class Samples(Capability):
    """Draws observations from p(x) or p(x|c)."""

    phrase = "samples"
    # a draw takes a step of the network an entry; `draw` then takes `watch=` (`core.capabilities.ancestral`)
    entry_by_entry: ClassVar[bool] = False

    @abstractmethod
    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """One x for each of `rng.rows`, shape (B, *)."""


class HasDensity(Capability):
    """Has an exact log-density (or log-probability)."""

    phrase = "has an exact log-density"

    @abstractmethod
    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """log p(x|c) in nats, shape (B,)."""

    def marginalizes(self, known: Tensor) -> bool:
        """Returns True if `log_density(known=)` is exact for these patterns, of shape (B, *shape).

        Otherwise the model also has importance weights, which estimate it.
        """
        return True


class HasBound(Capability):
    """Has a lower bound on its log-density."""

    phrase = "has a bound on its log-density"

    @abstractmethod
    def elbo(self, x: Tensor, c: Tensor | None, rng: Rng) -> Tensor:
        """A value whose expectation over noise is at most log p(x|c), in nats, shape (B,)."""


class HasImportanceWeights(HasBound):
    """Has a bound that importance samples tighten: E log (1/k) sum w -> log p."""

    phrase = "has an importance-weighted bound"

    @abstractmethod
    def log_weights(self, x: Tensor, c: Tensor | None, rng: Rng, k: int) -> Tensor:
        """log p(x, z_j|c) - log q(z_j|x, c) of k draws z_j ~ q, in nats, shape (B, k)."""


class Encodes(Capability):
    """Maps an observation to a code."""

    phrase = "encodes"

    @abstractmethod
    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """The code of x (the mean of q(z|x) where there is one), shape (B, latent)."""


class HasPosterior(Encodes):
    """Has a Gaussian q(z|x) against the prior N(0, I)."""

    phrase = "has a Gaussian posterior"

    @abstractmethod
    def posterior(self, x: Tensor, c: Tensor | None = None) -> Gaussian:
        """q(z|x), event of shape (latent,)."""


class Decodes(Capability):
    """Maps a code to an observation."""

    phrase = "decodes"
    code_size: int

    @abstractmethod
    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """The expectation of x given z, shape (B, *)."""


class HasPrior(Decodes):
    """Draws codes, and with them observations."""

    phrase = "draws codes"

    @abstractmethod
    def prior(self, rng: Rng, name: str = "z") -> Tensor:
        """A code for each of `rng.rows`, shape (B, code_size); `name` is that of the noise."""


class Completes(Capability):
    """Fills in what is missing, given what is known."""

    phrase = "completes"

    @abstractmethod
    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """x with the entries where `known` is False drawn given the others, shape (B, *)."""


class Continues(Capability):
    """Goes on with sequences of which the first steps are known."""

    phrase = "continues sequences"

    @abstractmethod
    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """x with the last steps of its rows, where `known` is False, drawn given the first, shape (B, *)."""


class Classifies(Capability):
    """Has a distribution over the labels given x."""

    phrase = "classifies"

    @abstractmethod
    def label_logits(self, x: Tensor) -> Tensor:
        """Unnormalized log p(y|x), shape (B, classes)."""


class TakesCondition(Capability):
    """Models p(x|c): needs a condition wherever it needs x."""

    phrase = "takes a condition"


class TakesMissing(Capability):
    """Leaves out the entries that are missing: losses look at `batch.known`, and `log_density`,
    `log_weights`, `elbo` and `infer` take `known=`, True where x is observed, shape of x.
    """

    phrase = "takes rows with missing entries"


class TakesLengths(Capability):
    """Models sequences of differing lengths: losses look at `batch.lengths`, and `log_density` and `elbo`
    take `known=`, shape of x, False in the last steps of a row (`Sequence.lengths_of`).
    """

    phrase = "takes sequences of differing lengths"


FILLS: tuple[type[Capability], ...] = (Completes, Continues)
LEAVES_OUT: tuple[type[Capability], ...] = (TakesMissing, TakesLengths)  # what may see known=


class HasConditionals(Samples, HasDensity):
    """Factorizes p(x) = prod_t p(x_o(t) | x_o(<t)) over the entries of x in an order o.

    The fast way draws entry by entry from a state that remembers what was drawn: `begin`, then
    `next_parameters` and `advance` for each t, all pure in (state, value).
    """

    phrase = "factorizes into conditionals"
    entry_head: LikelihoodHead  # from the numbers of one entry, (B, P), to its distribution

    def head_at(self, t: int) -> LikelihoodHead:
        """The distribution of entry o(t): that of all, unless entries are of several kinds."""
        return self.entry_head

    @property
    @abstractmethod
    def order(self) -> Tensor:
        """Numbers of the flattened entries in the order in which they are drawn, shape (d,)."""

    @abstractmethod
    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """The numbers of each entry's distribution given the entries before it, (B, P, *shape)."""

    @abstractmethod
    def begin(self, n: int, c: Tensor | None = None) -> Any:
        """The state of n rows of which nothing is drawn yet."""

    @abstractmethod
    def next_parameters(self, state: Any, t: int) -> Tensor:
        """The numbers of the distribution of entry o(t), shape (B, P)."""

    @abstractmethod
    def advance(self, state: Any, t: int, value: Tensor) -> Any:
        """The state after entry o(t) took `value`, shape (B,)."""


class HasDiagnostics(Capability):
    """Tells how training goes where its losses do not: games, whose losses rise and fall together."""

    phrase = "tells how training goes"

    @abstractmethod
    def diagnostics(self, x: Tensor, rng: Rng, c: Tensor | None = None) -> dict[str, float]:
        """Named numbers measured on held-out rows x of shape (B, *); the doctor knows their names."""

    @abstractmethod
    def alarm(self, diagnostics: dict[str, float]) -> str | None:
        """One sentence while something is wrong: what was measured, what it means and what to try."""


class HasCritic(Capability):
    """Tells real observations from generated ones by a number, which has a gradient."""

    phrase = "has a critic"

    @abstractmethod
    def critic_score(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """The critic's number for x, shape (B,): high is real."""


class HasFeatures(Capability):
    """Sees observations through features that it learned, which may serve another task."""

    phrase = "has features"

    @abstractmethod
    def represent(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """The features of x, shape (B, width)."""


ALL: tuple[type[Capability], ...] = (
    Samples,
    HasDensity,
    HasBound,
    HasImportanceWeights,
    HasEnergy,
    HasBoundEnergy,
    Encodes,
    HasPosterior,
    Decodes,
    HasPrior,
    Completes,
    Continues,
    Classifies,
    TakesCondition,
    TakesMissing,
    TakesLengths,
    HasConditionals,
    HasMarkovChain,
    HasFilters,
    HasAnnealingPath,
    HasPartitionFunctions,
    HasDiagnostics,
    HasCritic,
    HasFeatures,
)


class MissingCapability(ValueError):
    """The model was asked for what it does not declare."""
