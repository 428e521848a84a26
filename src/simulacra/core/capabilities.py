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
    entry_by_entry: ClassVar[bool] = False  # whether a draw takes a step of the network an entry

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


ALL: tuple[type[Capability], ...] = (
    Samples,
    HasDensity,
    HasBound,
    HasImportanceWeights,
    HasEnergy,
    Encodes,
    HasPosterior,
    Decodes,
    Completes,
    Classifies,
    TakesCondition,
    TakesMissing,
    HasConditionals,
    StepsChain,
)


class MissingCapability(ValueError):
    """The model was asked for what it does not declare."""
