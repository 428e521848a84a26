"""What a model can do, as declared types: evaluation, command line and studio look only at these.

Each capability names pure functions in the model's space: noise comes in through an `Rng`, nothing
else is random, so they can be tested against enumeration and exported. The words that users call
(`sample`, `log_prob`, `encode`, ...) are in `core.model` and need the matching capability.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor

from simulacra.core.distributions import Gaussian
from simulacra.core.laws import Laws
from simulacra.core.observation import Observation
from simulacra.core.random import Rng


class Capability(ABC):
    """Base of the declared types.

    `phrase` completes the sentence "this model ...".
    """

    phrase: ClassVar[str] = ""


class Samples(Capability):
    """Draws observations from p(x) or p(x|c)."""

    phrase = "samples"
    # whether a draw takes a step of the network an entry; `draw` then takes `watch=` of `core.ancestral`
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


class HasEnergy(Capability):
    """Has an unnormalised log-density: log p(x) = -F(x) - log Z."""

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
        """Unnormalised log p(y|x), shape (B, classes)."""


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
    """Factorises p(x) = prod_t p(x_o(t) | x_o(<t)) over the entries of x in an order o.

    The fast way draws entry by entry from a state that remembers what was drawn: `begin`, then
    `next_parameters` and `advance` for each t, all pure in (state, value).
    """

    phrase = "factorises into conditionals"
    entry_head: Observation  # from the numbers of one entry, (B, P), to its distribution

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


class StepsChain(Capability):
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


class Anneals(Capability):
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


class HasLaws(Capability):
    """log p(x) is a sum of energies, each with a log Z of its own: sequences whose frames are machines."""

    phrase = "has a law for each frame"

    @abstractmethod
    def laws(self, x: Tensor, known: Tensor | None = None) -> Laws:
        """The laws that rows of shape (B, *) are scored by."""


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
    Completes,
    Continues,
    Classifies,
    TakesCondition,
    TakesMissing,
    TakesLengths,
    HasConditionals,
    StepsChain,
    HasFilters,
    Anneals,
    HasLaws,
)


class MissingCapability(ValueError):
    """The model was asked for what it does not declare."""
