"""An energy given by any network, relative to a Gaussian fitted to the data.

With m and s the mean and the deviation of each entry, and u = (x - m) / s:

    p(x) = q(x) exp(-f(u)) / Z,   q(x) = N(x; m, diag(s^2))                                         (1)
    F(x) = f(u) - log q(x) = f(u) + |u|^2 / 2 + sum_i log s_i + (d/2) log 2 pi                      (2)
    Z = E_q exp(-f(u))                                                                              (3)

The network f is free: its activations grow at most linearly, so that Z is finite. A scale of the data changes
nothing but s. Samples are drawn by Langevin or Hamiltonian moves in u with acceptance
(`core.kernels.hamiltonian`), and log Z is bracketed by annealing from the Gaussian to the model:

    U_beta(u) = beta f(u) + |u|^2 / 2,   with log Z = 0 at beta = 0                                 (4)

The objectives are in `energy_objectives`.

Reference: LeCun et al. 2006; Xie et al. 2016 (1); Du and Mordatch 2019; Song and Kingma 2021. Rows A7, D10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from simulacra.core.capabilities.chains import BurnIn, ChainDraws
from simulacra.core.capabilities.energy import HasAnnealingPath, HasEnergy
from simulacra.core.capabilities.general import Completes
from simulacra.core.capabilities.sampling import Sampling
from simulacra.core.errors.other_data import as_real
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.kernels.hamiltonian import Move, move
from simulacra.core.model import Model
from simulacra.core.numerics.moments import known_features
from simulacra.core.numerics.precision import to_float64
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real, Space
from simulacra.core.updates import Epochs, Initial, Source, Stage, Update
from simulacra.models.chains.energy_net import check_smooth, energy_net
from simulacra.models.chains.energy_objectives import Objective, check_above, update_of

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class Moves(BurnIn):
    """Options of drawing from an energy.

    Args:
        burn_in: moves of the chain for a sample; None: as many as the model says.
        step_size: largest size of a move, in standard deviations of the data; None: that of the model.
        leapfrog: leapfrog steps of a move; 1 is a Langevin move; None: those of the model.

    Raises:
        ValueError: if a number is out of range.
    """

    step_size: float | None = None
    leapfrog: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        given = {"step_size": self.step_size, "leapfrog": self.leapfrog}
        check_above(**{name: value for name, value in given.items() if value is not None})


class NeuralEBM(Model, ChainDraws, HasEnergy, HasAnnealingPath, Completes):
    """Energy-based model with any network, equation (1).

    Args:
        space: a `Real` space: vectors, dequantized images.
        objective: `score-matching` (of the density smoothed by `sigma`), `noise-contrastive` (against the
            Gaussian q, with a learned log Z) or `langevin` (likelihood by persistent chains).
        hidden: sizes of the hidden layers (channels for `conv`); None takes the defaults of the network.
        net: `mlp` or `conv`; `auto` takes `conv` for images with a side of at least 16, else `mlp`.
        activation: `silu`, `tanh`, `softplus` or `sigmoid`; `relu` and others with kinks have no curvature,
            which `score-matching` needs.
        sigma: standard deviation of the noise of `score-matching`, in standard deviations of the data.
        noise_draws: draws k of the Gaussian for each row, of `noise-contrastive`.
        chains: number of persistent chains of `langevin`.
        moves: moves of these chains for each update.
        leapfrog: leapfrog steps of a move; 1 is a Langevin move (MALA), more are Hamiltonian ones (HMC).
        step_size: largest size of a leapfrog step, in standard deviations of the data; sizes are drawn
            between a tenth of it and itself.
        burn_in: moves for a sample, starting from the Gaussian.
        lr: learning rate.
        network: custom network f from u (B, *) to (B, 1); None builds one.

    Raises:
        ValueError: if the space is not real, an option is out of range, or a custom network does not fit.

    Example:
        >>> NeuralEBM(Real((2,)), hidden=(8,), burn_in=5).sample(3, seed=0).shape
        torch.Size([3, 2])
    """

    drawing = Moves
    sharded = ("chains", "acceptance")
    length = Epochs(100)
    location: Tensor
    deviation: Tensor
    chains: Tensor
    acceptance: Tensor

    def __init__(
        self,
        space: Space,
        objective: Objective = "score-matching",
        hidden: tuple[int, ...] | None = None,
        net: Literal["auto", "mlp", "conv"] = "auto",
        activation: str = "silu",
        sigma: float = 0.1,
        noise_draws: int = 10,
        chains: int = 100,
        moves: int = 3,
        leapfrog: int = 5,
        step_size: float = 0.5,
        burn_in: int = 300,
        lr: float = 1e-3,
        network: nn.Module | None = None,
        *,
        seed: int = 0,
    ):
        super().__init__(space)
        if not isinstance(space, Real):
            mend = as_real(space)
            raise Refusal(f"NeuralEBM is a continuous density, but the space is {space}: {mend}.", mend)
        check_above(sigma=sigma, noise_draws=noise_draws, chains=chains, moves=moves, leapfrog=leapfrog)
        check_above(step_size=step_size, burn_in=burn_in, lr=lr)
        if objective == "score-matching" and network is None:
            check_smooth(activation)
        self.objective, self.sigma, self.noise_draws, self.moves = objective, sigma, noise_draws, moves
        self.leapfrog, self.step_size, self.burn_in, self.lr = leapfrog, step_size, burn_in, lr
        self.f = energy_net(space, net, hidden, activation, network)
        if objective == "noise-contrastive":
            self.log_z = nn.Parameter(torch.zeros(()))
        self.register_buffer("location", torch.zeros(space.shape))
        self.register_buffer("deviation", torch.ones(space.shape))
        kept = chains if objective == "langevin" else 0
        self.register_buffer("chains", self.free(Rng(0, "chains", rows=range(kept))))
        self.register_buffer("acceptance", torch.ones(kept))

    # ---- training

    @property
    def recommended(self) -> dict[str, Any]:
        """Training options that suit vectors: at least 2000 steps."""
        return {} if self.space.image else {"least_steps": 2000}

    def updates(self) -> list[Update]:
        """Returns the only update, that of the objective."""
        return [update_of(self.objective, self.lr)]

    def stage(self, i: int, past: list[dict[str, Any]]) -> Stage | None:
        """Returns the only stage, which begins with the Gaussian q of the training rows.

        Args:
            i: index of the stage, from 0.
            past: not used.
        """
        return Stage("train", self.updates(), self.length, start=Initial(fit_gaussian)) if i == 0 else None

    # ---- energy

    def standardized(self, x: Tensor) -> Tensor:
        """Returns u = (x - m) / s, shape (B, *).

        Args:
            x: observations, shape (B, *).
        """
        return (self.features(x) - self.location) / self.deviation

    def tilt(self, u: Tensor) -> Tensor:
        """Returns f(u) in nats, shape (B,).

        Args:
            u: standardized observations, shape (B, *).
        """
        return self.f(u).squeeze(1)

    def potential(self, u: Tensor, beta: float = 1.0) -> Tensor:
        """Returns U_beta of equation (4) in nats, shape (B,).

        Args:
            u: standardized observations, shape (B, *).
            beta: position on the path, from 0 (the Gaussian) to 1 (the model).
        """
        # (4)
        return beta * self.tilt(u) + u.flatten(1).square().sum(1) / 2

    def free_energy(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Returns F(x) of equation (2) in nats, shape (B,).

        Args:
            x: observations, shape (B, *).
            c: not used.
        """
        # (2)
        constant = self.deviation.log().sum() + self.space.dims * HALF_LOG_2PI
        return self.potential(self.standardized(x)) + constant

    # ---- chains, whose states are observations

    def free(self, rng: Rng) -> Tensor:
        """Draws u from the Gaussian, shape (B, *).

        Args:
            rng: generator of the draws.
        """
        return rng.normal("start", *self.space.shape, dtype=self.dtype)

    def observed(self, u: Tensor) -> Tensor:
        """Returns x = m + s u, shape (B, *).

        Args:
            u: standardized observations, shape (B, *).
        """
        return self.location + self.deviation * u

    def start_chain(self, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Draws x from the Gaussian q, shape (B, *).

        Args:
            rng: generator of the draws.
            c: not used.
        """
        return self.observed(self.free(rng))

    def chain_at(self, x: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x as a state, shape (B, *).

        Args:
            x: observations, shape (B, *).
            rng: not used.
            c: not used.
        """
        return self.features(x)

    def shown(self, state: Tensor) -> Tensor:
        """Returns x, which is the state, shape (B, *).

        Args:
            state: states of the chains, shape (B, *).
        """
        return state

    def step(self, state: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Makes one Langevin or Hamiltonian move, shape (B, *).

        Args:
            state: states of the chains, shape (B, *).
            rng: generator of the move.
            c: not used.
        """
        return self.stepped(state, rng, c, self.sampling)

    def stepped(self, state: Tensor, rng: Rng, c: Tensor | None, how: Sampling) -> Tensor:
        """Makes one move of a draw with its own options, shape (B, *).

        Args:
            state: states of the chains, shape (B, *).
            rng: generator of the move.
            c: not used.
            how: options of drawing.
        """
        assert isinstance(how, Moves)
        return self.observed(self.moved(self.standardized(state), rng, how=how).state)

    def moved(
        self,
        u: Tensor,
        rng: Rng,
        beta: float = 1.0,
        scale: Tensor | float = 1.0,
        how: Moves | None = None,
    ) -> Move:
        """Returns the next u, which leaves U_beta invariant, and the probability that it was accepted.

        Args:
            u: standardized observations, shape (B, *).
            rng: generator of the move.
            beta: position on the path (4).
            scale: 1 for entries that move and 0 for those that are held.
            how: options of drawing; None: the model's own.
        """
        size = self.step_size if how is None or how.step_size is None else how.step_size
        steps = self.leapfrog if how is None or how.leapfrog is None else how.leapfrog
        return move(u, lambda u: self.potential(u, beta), rng, size, steps, scale)

    @property
    def sampling(self) -> Moves:
        """The model's own options of drawing."""
        return Moves(self.burn_in, self.step_size, self.leapfrog)

    def fill(self, x: Tensor, known: Tensor, rng: Rng, c: Tensor | None = None) -> Tensor:
        """Returns x with missing entries drawn by moves that hold the known ones, shape (B, *).

        Args:
            x: observations, shape (B, *); missing entries may have any value.
            known: True where known, shape (B, *).
            rng: source of random numbers.
            c: not used.
        """
        given = self.standardized(self.space.filled(x, known))
        u, free = torch.where(known, given, self.free(rng)), (~known).to(given.dtype)
        for t in each(range(self.burn_in), "chains", "sweep"):
            u = self.moved(u, rng.at(t), scale=free).state
        return torch.where(known, x.to(u.dtype), self.observed(u))

    # ---- annealing

    def base_log_z(self) -> Tensor:
        """Returns log Z = 0 of the Gaussian, since (2) contains its normalizer."""
        return torch.zeros((), dtype=torch.float64)

    def anneal(
        self, state: Tensor, before: float, after: float, rng: Rng, c: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Makes one step of annealing on the path (4).

        Args:
            state: states of the chains, shape (B, *).
            before: present beta.
            after: next beta.
            rng: generator of the move.
            c: not used.

        Returns:
            The log-weights (before - after) f(u) in nats, shape (B,), and the next x.
        """
        u = self.standardized(state)
        return (before - after) * to_float64(self.tilt(u)), self.observed(self.moved(u, rng, after).state)


def fit_gaussian(model: NeuralEBM, source: Source, rng: Rng) -> None:
    """Sets m and s to the mean and deviation of the training rows, and draws the persistent chains anew.

    A column that never changes has the deviation 1.

    Args:
        model: the energy.
        source: the training split.
        rng: random numbers of the preprocessing and of the chains.
    """
    m, v = mean_and_variance(model, source, rng)
    s = torch.where(v > 0, v.sqrt(), torch.ones_like(v))
    model.location.copy_(m.reshape(model.location.shape))
    model.deviation.copy_(s.reshape(model.deviation.shape))
    rows = rng.shard("chains", model.chains)
    model.chains.copy_(model.free(rng.at("chains").on(rows)))


def mean_and_variance(model: Model, source: Source, rng: Rng) -> tuple[Tensor, Tensor]:
    """Returns mean and variance of the flattened features in float64, each (d,).

    Sums are taken about the first row, so that large offsets cost no precision.

    Args:
        model: model whose space gives the features.
        source: training split.
        rng: random numbers of the preprocessing.
    """
    n, shift = len(source), None
    for f, _ in known_features(model, source, rng, n):
        if shift is None:
            shift = f[0]
            total, square = torch.zeros_like(shift), torch.zeros_like(shift)
        total += (f - shift).sum(0)
        square += (f - shift).square().sum(0)
    assert shift is not None, "an empty training split"
    offset = total / n
    return shift + offset, (square / n - offset.square()).clamp_min(0.0)
