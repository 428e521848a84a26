"""Capabilities of models as types; evaluation, the command line and the studio depend on them alone.

Each capability declares pure functions in the model's space. All randomness comes from an `Rng`, so they
can be tested against enumeration and exported. The methods that users call (`sample`, `log_prob`,
`encode`, ...) are in `core.interface` and need the matching capability.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from simulacra.core.capabilities.bounds import (  # noqa: F401, all capabilities have their name here
    HasBound,
    HasImportanceWeights,
    HasJoint,
    HasNoising,
    HasRates,
    TightensBound,
)
from simulacra.core.capabilities.energy import (  # noqa: F401, all capabilities have their name here
    HasAnnealingPath,
    HasBoundEnergy,
    HasEnergy,
    HasFilters,
    HasMarkovChain,
    HasPartitionFunctions,
)
from simulacra.core.capabilities.estimates import EstimatesDensity, HasScore  # noqa: F401
from simulacra.core.capabilities.mappings import (  # noqa: F401
    FILLS,
    WEIGHED,
    Completes,
    Continues,
    Denoises,
    Predicts,
    PredictsFromCode,
    Translates,
    repeated_fills,
)
from simulacra.core.capabilities.marker import Capability
from simulacra.core.capabilities.narrowing import able as able
from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.distributions.elementary import Gaussian
from simulacra.core.distributions.heads import LikelihoodHead
from simulacra.core.random.keyed import Rng

if TYPE_CHECKING:
    from simulacra.core.spaces.plain import Space


class Samples(Capability):
    """Draws observations from p(x) or p(x|c).

    Models with options of drawing name their class as `drawing`, and `draw` takes an instance as `how`
    (`core.capabilities.sampling`). If `looks` is above 1, `draw` takes `watch=`
    (`core.capabilities.watching`). Models with `entry_by_entry = True` run the network once for each entry,
    those with `code_by_code = True` the network of their prior once for each code.
    """

    phrase = "samples"
    drawing: ClassVar[type[Sampling]] = Sampling
    entry_by_entry: ClassVar[bool] = False
    code_by_code: ClassVar[bool] = False

    if TYPE_CHECKING:
        space: Space

    @property
    def sampling(self) -> Sampling:
        """The model's own options of drawing, under which its samples are scored."""
        return self.drawing()

    @property
    def copies(self) -> bool:
        """True if samples are training rows by intention, which the doctor then does not call a fault."""
        return False

    @property
    def noise_maps(self) -> tuple[tuple[int, ...], ...]:
        """Shapes (channels, *sides) of noise that a draw takes as a vector, though its entries have places.

        Overlapping tiles of one picture then have the same noise at the same places (`core.random.placed`).
        """
        return ()

    def looks(self, how: Sampling | None = None) -> int:
        """Returns the number of looks at x that a draw offers: 1 if it draws all entries at once.

        Args:
            how: options of drawing; None: the model's own.
        """
        return self.space.dims if self.entry_by_entry else 1

    @abstractmethod
    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Draws one x for each of `rng.rows`, shape (B, *).

        Args:
            rng: generator; its rows are the rows drawn.
            c: condition of each row, shape (B, *); None: no condition.
        """


class HasDensity(Capability):
    """Has an exact log-density (or log-probability)."""

    phrase = "has an exact log-density"

    @abstractmethod
    def log_density(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns log p(x|c) in nats, shape (B,).

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
        """

    def marginalizes(self, known: Tensor) -> bool:
        """Returns True if `log_density(known=)` is the exact marginal density for these masks.

        Where it is not, the model must also have importance weights, which estimate it.

        Args:
            known: True where x is observed, shape (B, *shape).
        """
        return True


class Encodes(Capability):
    """Maps an observation to a latent code."""

    phrase = "encodes"

    @abstractmethod
    def infer(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the code of x (the mean of q(z|x) if there is one), shape (B, latent).

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
        """


class HasPosterior(Encodes):
    """Has a Gaussian approximate posterior q(z|x), with the prior N(0, I)."""

    phrase = "has a Gaussian posterior"

    @abstractmethod
    def posterior(self, x: Tensor, c: Tensor | None = None) -> Gaussian:
        """Returns q(z|x) over codes of shape (latent,).

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
        """


class Decodes(Capability):
    """Maps a latent code to an observation; `code_size` is the dimension of the code.

    Models with `exact = True` decode every code to the very x that it encodes, as a bijection does: the
    errors of reconstructions say nothing about them and are not measured.
    """

    phrase = "decodes"
    code_size: int
    exact: ClassVar[bool] = False

    @abstractmethod
    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the expectation of x given z, shape (B, *).

        Args:
            z: latent codes, shape (B, code_size).
            c: condition of each, shape (B, *); None: no condition.
        """


class HasPrior(Decodes):
    """Draws latent codes, and with them observations."""

    phrase = "draws codes"

    @abstractmethod
    def prior(self, rng: Rng, name: str = "z") -> Tensor:
        """Draws a code for each of `rng.rows`, shape (B, code_size).

        Args:
            rng: generator; its rows are the rows drawn.
            name: name of the draw, part of its key.
        """


class Classifies(Capability):
    """Has a distribution of the labels given x."""

    phrase = "classifies"

    @abstractmethod
    def label_logits(self, x: Tensor) -> Tensor:
        """Returns the unnormalized log p(y|x), shape (B, classes).

        Args:
            x: observations in the model's space, shape (B, *).
        """


class TakesCondition(Capability):
    """Models p(x|c): every function that takes x also needs a condition."""

    phrase = "takes a condition"


class TakesMissing(Capability):
    """Marginalizes missing entries.

    Losses use `batch.known`; `log_density`, `log_weights`, `elbo` and `infer` take `known=`, True where x is
    observed, shape of x.
    """

    phrase = "takes rows with missing entries"


class TakesLengths(Capability):
    """Models sequences of differing lengths.

    Losses use `batch.lengths`; `log_density` and `elbo` take `known=`, shape of x, False in the last steps of
    a row (`Sequence.lengths_of`).
    """

    phrase = "takes sequences of differing lengths"


LEAVES_OUT: tuple[type[Capability], ...] = (TakesMissing, TakesLengths)  # accept known=


class HasConditionals(Samples, HasDensity):
    """Factorizes p(x) = prod_t p(x_o(t) | x_o(<t)) over the entries of x in an order o.

    Sampling goes entry by entry with an incremental state: `begin`, then `next_parameters` and `advance` for
    each t. All are pure functions of (state, value).
    """

    phrase = "factorizes into conditionals"
    entry_head: LikelihoodHead  # from the parameters of one entry, (B, P), to its distribution

    def head_at(self, t: int) -> LikelihoodHead:
        """Returns the likelihood head of entry o(t): `entry_head`, unless entries are of several kinds.

        Args:
            t: position in the order, from 0.
        """
        return self.entry_head

    @property
    @abstractmethod
    def order(self) -> Tensor:
        """Order o in which the flattened entries are drawn, shape (d,)."""

    @abstractmethod
    def parameters_of(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the parameters of each entry's conditional distribution, shape (B, P, *shape).

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
        """

    @abstractmethod
    def begin(self, n: int, c: Tensor | None = None) -> Any:
        """Returns the initial state, before any entry is drawn.

        Args:
            n: number of rows.
            c: condition of each, shape (n, *); None: no condition.
        """

    @abstractmethod
    def next_parameters(self, state: Any, t: int) -> Tensor:
        """Returns the parameters of the distribution of entry o(t), shape (B, P).

        Args:
            state: state after entries o(<t).
            t: position in the order, from 0.
        """

    @abstractmethod
    def advance(self, state: Any, t: int, value: Tensor) -> Any:
        """Returns the state after entry o(t) is drawn.

        Args:
            state: state after entries o(<t).
            t: position in the order, from 0.
            value: value of the entry in each row, shape (B,).
        """


class HasDiagnostics(Capability):
    """Measures the progress of training where losses do not show it, as in adversarial games."""

    phrase = "has training diagnostics"

    @abstractmethod
    def diagnostics(self, x: Tensor, rng: Rng, c: Tensor | None = None) -> dict[str, float]:
        """Returns diagnostics by name; the doctor interprets the names.

        Args:
            x: held-out rows in the model's space, shape (B, *).
            rng: generator of the noise.
            c: condition of each, shape (B, *); None: no condition.
        """

    @abstractmethod
    def alarm(self, diagnostics: dict[str, float]) -> str | None:
        """Returns a sentence on a problem (measurement, meaning and remedy), or None if all is well.

        Args:
            diagnostics: result of `diagnostics`.
        """


class HasCritic(Capability):
    """Has a differentiable critic that separates real from generated observations."""

    phrase = "has a critic"

    @abstractmethod
    def critic_score(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the critic's score of x, shape (B,); high means real.

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
        """


class HasFeatures(Capability):
    """Has learned features of observations, which may serve another task."""

    phrase = "has features"

    @abstractmethod
    def represent(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the features of x, shape (B, width).

        Args:
            x: observations in the model's space, shape (B, *).
            c: condition of each, shape (B, *); None: no condition.
        """


class MissingCapability(ValueError):
    """Raised if a method needs a capability that the model lacks."""


def reconstructs(model: Any) -> bool:
    """Returns True if the model encodes and decodes with an error that is worth measuring.

    Args:
        model: any model; one with `Decodes.exact` has no such error.
    """
    both = model.supports(Encodes) and model.supports(Decodes)
    return both and not able(model, Decodes).exact
