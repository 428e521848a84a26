"""Maximum likelihood learning of an energy, with four estimators of the expectation under the model.

    -d log p(x) = dF(x) - E_model dF(x')                                         (1)

The second term is estimated by
    exact       a sum over all states, if they are few: the gradient of log Z
    cd          k Gibbs sweeps from the data (contrastive divergence, biased)
    pcd         persistent chains, which continue from update to update
    tempering   persistent chains at several temperatures that exchange states

Each works with every machine: it only needs a sweep and the energy of a state.

Reference: Hinton 2002 (CD); Younes 1998, Tieleman 2008 (PCD); Desjardins et al. 2010 (parallel tempering).
Rows A3, A4, A30.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor

from simulacra.core.batch import Batch, Terms
from simulacra.core.errors.suggestion import Phrase, Refusal, build_with
from simulacra.core.numerics.exchange import row_count
from simulacra.core.optimizers import SGD
from simulacra.core.random.keyed import Rng
from simulacra.core.updates import Update
from simulacra.models.boltzmann.machine.energy_model import Layers, conditions_of
from simulacra.models.boltzmann.machine.partition import smaller_side

Estimator = Literal["pcd", "cd", "tempering", "exact"]
Hook = Callable[[Any, Batch, Rng], None]


@dataclass(frozen=True)
class Learning:
    """Options of the learning of a machine.

    Args:
        estimator: `pcd`, `cd`, `tempering` or `exact`; the top of the module describes them.
        k: Gibbs sweeps for each update.
        chains: number of persistent chains.
        temperatures: number of inverse temperatures of `tempering`, from 0 (independent units) to 1 (the
            model).
        centred: if True, layers are centred at their running means.
        lr: learning rate of SGD.
        momentum: momentum of SGD.

    Raises:
        ValueError: if the estimator is unknown, or a number is out of range.
    """

    estimator: Estimator = "pcd"
    k: int = 1
    chains: int = 100
    temperatures: int = 10
    centred: bool = False
    lr: float = 0.05
    momentum: float = 0.0

    def __post_init__(self) -> None:
        if self.estimator not in get_args(Estimator):
            known = ", ".join(get_args(Estimator))
            raise ValueError(f"estimator is {self.estimator!r}; choose from {known}.")
        check_at_least(1, gibbs_steps=self.k, chains=self.chains)
        check_at_least(2, temperatures=self.temperatures)

    @property
    def betas(self) -> list[float]:
        """Inverse temperatures of the chains in ascending order; the last is 1, the model's own."""
        n = self.temperatures
        return [i / (n - 1) for i in range(n)] if self.estimator == "tempering" else [1.0]

    def prepare(self, model: Any, joint: bool = False) -> None:
        """Registers the buffer `persistent` of a machine: a row holds a chain's states at all temperatures.

        Args:
            model: the machine.
            joint: if True, the condition is part of the model, so that there is a single log Z.

        Raises:
            ValueError: if the estimator is `exact` and there are too many states.
        """
        if self.estimator == "exact":
            each = 1 if joint else conditions_of(model.condition)
            brief = build_with(estimator="cd")
            mend = Phrase(f"take {brief}, whose chains begin at the data", brief)
            smaller_side(model, "a step of estimator='exact'", mend, each)
        rows = self.chains if self.estimator in ("pcd", "tempering") else 0
        chains = [model.start_chain(Rng(0, "chains", t, rows=range(rows))) for t in range(len(self.betas))]
        model.register_buffer("persistent", torch.cat(chains, 1))

    def start(self, model: Any, rng: Rng) -> None:
        """Restarts the persistent chains from independent units, after `base` was set from the data.

        Args:
            model: the machine.
            rng: source of random numbers.
        """
        rows = rng.shard("persistent", model.persistent)
        for t, chain in enumerate(replicas(model)):
            chain.copy_(model.start_chain(rng.at("chains", t).on(rows)))

    def update(self, before: Hook | None = None) -> Update:
        """Returns the only update of a machine.

        Args:
            before: hook that runs before the chains advance, or None.
        """

        def prepare(model: Any, batch: Batch, rng: Rng) -> None:
            if before is not None:
                before(model, batch, rng)
            if len(model.persistent):
                advance(model, rng)

        optimizer = SGD(lr=self.lr, momentum=self.momentum)
        return Update(
            "likelihood",
            ("",),
            LOSSES[self.estimator],
            before=prepare,
            optimizer=optimizer,
        )


def replicas(model: Any) -> tuple[Tensor, ...]:
    """Returns the states of the persistent chains at each temperature, that of the model last."""
    return model.persistent.chunk(len(model.learning.betas), 1)


def advance(model: Any, rng: Rng) -> None:
    """Advances the persistent chains by k sweeps at each temperature, with exchanges between neighbours.

    Args:
        model: the machine with its persistent chains.
        rng: source of random numbers.
    """
    rows, betas = rng.shard("persistent", model.persistent), model.learning.betas
    for t in range(model.learning.k):
        for i, (beta, chain) in enumerate(zip(betas, replicas(model))):
            keyed = rng.at(t) if len(betas) == 1 else rng.at(t, i)
            layers = model.sweep(model.unpacked(chain), keyed, rows, beta=beta)
            chain.copy_(model.packed(layers))
        exchange(model, rng.at(t), rows)


def exchange(model: Any, rng: Rng, rows: range) -> None:
    """Swaps states of neighbouring temperatures with the Metropolis probability.

    For states x, y at temperatures a, b it is

        min(1, p*_a(y) p*_b(x) / p*_a(x) p*_b(y))

    Args:
        model: the machine with its persistent chains.
        rng: source of random numbers.
        rows: row keys of the chains.
    """
    betas, chains = model.learning.betas, replicas(model)
    for i, (a, b) in enumerate(pairwise(betas)):
        x, y = chains[i].clone(), chains[i + 1].clone()
        gain = model.log_ratio(x, a, b) - model.log_ratio(y, a, b)
        u = rng.uniform(f"exchange {i}", rows=rows, dtype=x.dtype)
        swap = (u.log() < gain).unsqueeze(1)
        chains[i].copy_(torch.where(swap, y, x))
        chains[i + 1].copy_(torch.where(swap, x, y))


def with_chains(model: Any, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (1) as energies of the data and minus energies of the persistent chains, per row."""
    data, chains = both_energies(model, batch, model.unpacked(replicas(model)[-1]), rng)
    return Terms({"data": data, "chains": -chains})


def contrastive_divergence(model: Any, batch: Batch, rng: Rng) -> Terms:
    """Computes equation (1) with chains of k sweeps from the data."""
    with torch.no_grad():
        layers = model.start_from(batch, rng)
        for t in range(model.learning.k):
            layers = model.sweep(layers, rng.at("cd", t), rng.rows, batch.c)
    data, chains = both_energies(model, batch, layers, rng)
    return Terms({"data": data, "chains": -chains})


def exact(model: Any, batch: Batch, rng: Rng) -> Terms:
    """Computes -log p(x) in nats, shape (B,), with log Z summed over all states."""
    log_z = model.log_z(batch.c).to(model.dtype)
    return Terms({"nll": model.positive(batch, rng) + log_z})


def both_energies(model: Any, batch: Batch, layers: Layers, rng: Rng) -> tuple[Tensor, Tensor]:
    """Computes the energies of the data and of chains; if both are free energies, by one matrix product.

    Args:
        model: the machine.
        batch: rows of data.
        layers: states of the chains by layer.
        rng: source of random numbers.

    Returns:
        Energies of the data, shape (B,), and of the chains, shape (chains,), in nats.
    """
    if model.rest != ("v",):
        return model.positive(batch, rng), model.marginal(layers, batch.c)
    v = model.visible(batch.x)
    c = None if batch.c is None else torch.cat([batch.c, batch.c])
    both = model.marginal({"v": torch.cat([v, layers["v"]])}, c)
    return both[: len(v)], both[len(v) :]


LOSSES = {"pcd": with_chains, "tempering": with_chains, "cd": contrastive_divergence, "exact": exact}


def estimator_for(asked: str, condition: Any) -> Estimator:
    """Returns the estimator, with `auto` resolved: `cd` with a condition, else `pcd`.

    Args:
        asked: name of an estimator, or `auto`.
        condition: space of the condition, or None.

    Raises:
        ValueError: for persistent chains with a condition, where each row has its own distribution.
    """
    if asked == "auto":
        return "cd" if condition is not None else "pcd"
    if condition is not None and asked in ("pcd", "tempering"):
        brief = build_with(estimator="cd")
        raise Refusal(
            f"estimator is {asked!r}, but chains persist for one law, and with a condition each row has its "
            f"own: take {brief}, or 'exact' where the states are few.",
            brief,
        )
    return cast(Estimator, asked)


def few(batch: Batch) -> Batch:
    """Returns the first eighth of the rows of all processes, for means that are averaged over batches.

    Returns:
        The rows of it that this process holds, which may be none.
    """
    return batch.part(0, max(0, min(len(batch), -(-row_count(batch.x) // 8) - batch.rows.start)))


def check_at_least(least: int, **values: int) -> None:
    """Raises ValueError if one of the values is below a minimum.

    Args:
        least: the minimum.
        values: values by the name of their option, which the message names.
    """
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name} is {value}, but it must be at least {least}.")


def check_scale(scale: float) -> None:
    """Raises ValueError unless the scale is positive."""
    if scale <= 0:
        raise ValueError(f"scale is {scale}, but a standard deviation is positive.")
