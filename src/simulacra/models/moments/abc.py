"""Approximate Bayesian computation as a model: rows of a simulator at parameters that give data like these.

    theta ~ p(theta given |s - s_o| <= e),   adjusted by regression on s                                 (1)
    x = simulate(theta)                                                                                  (2)
    x* = m + M (x - c),   with mean and covariance of the data                                           (3)

Training draws data sets of N rows at parameters of the prior and keeps the parameters whose summary s is
nearest to that of N training rows, s_o (`rejection`). There is no gradient and no likelihood. A sample (2)
is a draw of the posterior predictive distribution. The map (3) makes its first two moments those of the
data, which is no training: all others stay those of the simulator.

Reference: Rubin 1984; Tavare et al. 1997; Beaumont, Zhang and Balding 2002. Row H22.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from simulacra.core.capabilities.general import Decodes, HasPrior, Samples
from simulacra.core.errors.suggestion import Refusal, build_with
from simulacra.core.model import Model
from simulacra.core.numerics.moments import covariance
from simulacra.core.numerics.precision import to_float64
from simulacra.core.random.keyed import Rng, some_of
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.updates import Source, Stage, Steps
from simulacra.models.moments.rejection import (
    CHUNK,
    Posterior,
    check_returned,
    drawn,
    moment_map,
    posterior_of,
    simulated,
)
from simulacra.models.moments.simulators import Own, Simulator, built_in, moments, shaped

AT_ONCE = 2**22  # numbers that are simulated at a time
REFERENCE = 10_000  # samples whose moments the map (3) changes to those of the data


class ABC(Model, Samples, HasPrior):
    """Approximate Bayesian computation by rejection, with regression adjustment; its code is theta.

    Functions of your own are given in Python. They draw random numbers from an `Rng` of B rows, and are
    recorded as text: `load(path, prior=..., simulate=...)` takes them again.

    Args:
        space: space of one observation; the simulators of the library draw rows of `Real` or `Binary` spaces.
        simulator: one of the library: `normal` with unknown means and deviation 1, `bernoulli`, or
            `g-and-k`; `auto` takes the first one for the space.
        simulations: number of simulated data sets.
        share: share of them that is kept.
        rows: largest number N of training rows; the posterior is that given these.
        adjust: if True, parameters are moved and weighted by a regression on the summaries.
        corrected: if True, samples are moved and sheared to the mean and covariance of the training rows.
        prior: function from an `Rng` to theta, shape (B, p), best of unbounded numbers; None: that of
            `simulator`.
        simulate: function from theta, shape (B, p), and an `Rng` to rows x, shape (B, *); None: that of
            `simulator`.
        summary: function from data sets, shape (B, N, *), to summaries, shape (B, k); None: that of
            `simulator`, or with `simulate` mean and log deviation of each entry.
        mean: function from theta to the expectation of x, shape (B, *); None: that of `simulator`, or with
            `simulate` none: the model then does not decode.

    Raises:
        ValueError: if the simulator draws no rows of the space, a function returns another shape, or the
            share keeps too few parameters for the regression.

    Reference: Beaumont, Zhang and Balding 2002.

    Example:
        >>> model = ABC(Real((2,)), simulator="g-and-k")
        >>> model.code_size, model.kept, model.sample(5, seed=0).shape
        (8, 100, torch.Size([5, 2]))
    """

    theta: Tensor
    weights: Tensor
    epsilon: Tensor
    centre: Tensor
    location: Tensor
    shear: Tensor

    def __init__(
        self,
        space: Space,
        simulator: Literal["auto", "normal", "bernoulli", "g-and-k"] = "auto",
        simulations: int = 10_000,
        share: float = 0.01,
        rows: int = 1000,
        adjust: bool = True,
        corrected: bool = False,
        prior: Callable[[Rng], Tensor] | None = None,
        simulate: Callable[[Tensor, Rng], Tensor] | None = None,
        summary: Callable[[Tensor], Tensor] | None = None,
        mean: Callable[[Tensor], Tensor] | None = None,
        *,
        seed: int = 0,
    ):
        super().__init__(space)
        self.simulator = chosen(space, simulator, prior, simulate, summary, mean)
        self.simulations, self.rows, self.adjust, self.corrected = simulations, rows, adjust, corrected
        if rows < 1:
            raise ValueError(f"rows is {rows}, but it must be at least 1.")
        self.code_size, k = self.simulator.sizes or returned_sizes(self.simulator, space)
        self.kept = kept_of(simulations, share, k if adjust else 0)
        self.register_buffer("theta", torch.zeros(self.kept, self.code_size))
        self.register_buffer("weights", torch.full((self.kept,), 1 / self.kept))
        self.register_buffer("epsilon", torch.zeros(()))
        if corrected:
            if not isinstance(space, Real):
                off = build_with(corrected=False)
                raise Refusal(f"samples of {space} cannot be moved to other moments: {off}.", off)
            self.register_buffer("centre", torch.zeros(space.dims))
            self.register_buffer("location", torch.zeros(space.dims))
            self.register_buffer("shear", torch.zeros(space.dims, space.dims).fill_diagonal_(1))
        if not self.simulator.decodes:
            self.remove(Decodes, HasPrior)

    def stage(self, i: int, past: list) -> Stage | None:
        """Returns the only stage, of simulations without updates.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("simulations", [], Steps(0), start=simulate_and_keep) if i == 0 else None

    @property
    def posterior(self) -> Posterior:
        """The kept parameters with their weights: its `mean` and `deviation` are those of the posterior."""
        return Posterior(self.theta, self.weights, float(self.epsilon))

    def prior(self, rng: Rng, name: str = "theta") -> Tensor:
        """Draws parameters from the approximate posterior (1), shape (B, p).

        Args:
            rng: source of random numbers, with one row for each draw.
            name: name of the draw.
        """
        return drawn(self.theta, self.weights, rng, name)

    def emit(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns the expectation of x given theta, shape (B, *).

        Args:
            z: parameters theta, shape (B, p).
            c: not used.
        """
        return self.moved(self.simulator.mean(z))

    def draw(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Samples the posterior predictive distribution (2), shape (B, *).

        Args:
            rng: source of random numbers, with one row for each sample.
            c: not used.
        """
        return self.moved(self.simulator.simulate(self.prior(rng), rng.at("simulator")))

    def moved(self, x: Tensor) -> Tensor:
        """Returns x* of equation (3) if samples are corrected, otherwise x itself, shape (B, *).

        Args:
            x: rows, shape (B, *).
        """
        if not self.corrected:
            return x
        # (3)
        flat = x.flatten(1) if self.space.shape else x.unsqueeze(1)
        return shaped(self.location + (flat - self.centre) @ self.shear.T, tuple(self.space.shape))


def simulate_and_keep(model: ABC, source: Source, rng: Rng) -> None:
    """Sets the parameters to those of the simulations nearest to the training rows.

    Args:
        model: the model.
        source: the training split.
        rng: source of random numbers.
    """
    index = some_of(len(source), model.rows, rng.at("rows"))
    n, simulator = len(index), model.simulator
    x = source.batch(index, rng.at("data").on(range(n))).x
    observed = simulator.summary(x.unsqueeze(0))

    def summaries(theta: Tensor, here: Rng) -> Tensor:
        first = here.rows[0] if isinstance(here.rows, range) else 0
        many = here.on(range(first * n, (first + len(theta)) * n))
        rows = simulator.simulate(theta.repeat_interleave(n, 0), many)
        return simulator.summary(rows.unflatten(0, (len(theta), n)))

    chunk = max(1, min(CHUNK, AT_ONCE // (n * model.space.dims)))
    theta, s = simulated(
        simulator.prior, summaries, model.simulations, observed.shape[1], rng.at("abc"), chunk
    )
    found = posterior_of(observed.to(s).flatten(), theta, s, model.kept, model.adjust)
    model.theta.copy_(found.theta)
    model.weights.copy_(found.weights)
    model.epsilon.fill_(found.epsilon)
    if model.corrected:
        correct(model, source, rng)


def correct(model: ABC, source: Source, rng: Rng) -> None:
    """Sets the map (3) from the moments of samples to those of the training rows.

    Args:
        model: model that draws by (2).
        source: the training split.
        rng: source of random numbers.
    """
    here = rng.at("reference").on(range(REFERENCE))
    x = to_float64(model.simulator.simulate(model.prior(here), here.at("simulator"))).reshape(REFERENCE, -1)
    mean, square, _ = covariance(model, source, rng.at("moments"))
    model.centre.copy_(x.mean(0))
    model.location.copy_(mean)
    model.shear.copy_(moment_map(x, square))


def chosen(
    space: Space,
    name: str,
    prior: Callable[[Rng], Tensor] | None,
    simulate: Callable[[Tensor, Rng], Tensor] | None,
    summary: Callable[[Tensor], Tensor] | None,
    mean: Callable[[Tensor], Tensor] | None,
) -> Simulator:
    """Returns a simulator of the library, or one of the user's functions, with the arguments of `ABC`."""
    given = {"prior": prior, "simulate": simulate, "summary": summary, "mean": mean}
    if not any(given.values()):
        return built_in(name, space)
    if prior is None or simulate is None:
        missing = "simulate" if prior is not None or simulate is None else "prior"
        there = next(name for name, function in given.items() if function is not None)
        raise ValueError(
            f"{there}= is given without {missing}=: a simulator of your own takes prior= and simulate=."
        )
    if name != "auto":
        raise ValueError(f"simulator is {name!r} beside simulate=: leave one of them out.")
    return Own(prior, simulate, summary or moments, mean or without_mean, mean is not None)


def without_mean(theta: Tensor) -> Tensor:
    """Stands for the mean of a simulator that has none."""
    raise AssertionError("a model without a mean does not decode")


def returned_sizes(simulator: Simulator, space: Space) -> tuple[int, int]:
    """Returns the numbers p of parameters and k of summaries, from two data sets of three rows.

    Args:
        simulator: its functions are called.
        space: space of a row.

    Raises:
        ValueError: if they return other shapes, numbers that are not finite or no observations.
    """
    # also where a model is built without storage
    with torch.device("cpu"):
        rng = Rng(0, "sizes", rows=range(6))
        theta = simulator.prior(rng)
        check_returned("prior", theta, (6, theta.shape[-1] if theta.dim() == 2 else 1))
        x = simulator.simulate(theta, rng.at("x"))
        check_returned("simulate", x, (6, *space.shape))
        space.check(x, "simulate")
        s = simulator.summary(x.unflatten(0, (2, 3)))
        check_returned("summary", s, (2, s.shape[-1] if s.dim() == 2 else 1))
        if simulator.decodes:
            check_returned("mean", simulator.mean(theta), (6, *space.shape))
    return theta.shape[1], s.shape[1]


def kept_of(simulations: int, share: float, slopes: int) -> int:
    """Returns the number of kept parameters.

    Args:
        simulations: number of simulations.
        share: share of them that is kept.
        slopes: number of summaries of the regression; 0 without one.

    Raises:
        ValueError: if they are too few.
    """
    if not 0 < share <= 1:
        raise ValueError(
            f"share is {share}, but it is the part of the simulations that is kept, such as 0.01."
        )
    kept, least = max(1, round(simulations * share)), slopes + 3
    if kept < least:
        more = build_with(simulations=round(least / share) + 1)
        raise Refusal(
            f"a share of {share} of {simulations:,} simulations keeps {kept}, but the regression on {slopes} "
            f"summaries takes {least} or more: {more}.",
            more,
        )
    return kept
