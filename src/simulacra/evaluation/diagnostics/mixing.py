"""Mixing of Markov chains: split R-hat and integrated autocorrelation time of functions of the state.

A function of the state has value theta for each of n kept states of m chains. The chains are cut in halves,
and the values replaced by normal scores of their ranks r among all S of them,
z = Phi^-1((r - 3/8) / (S + 1/4)). With B / n the variance of the halves' means and W the mean of their
variances,

    var+ = (n - 1)/n W + B/n,   R-hat = sqrt(var+ / W)                            (1)

also of |theta - median|, which detects chains of different spread; the larger of the two counts. R-hat is 1
if all halves have the same distribution. With s_j^2 and rho_tj the variance and autocorrelations of chain j

    rho_t = 1 - (W - mean_j s_j^2 rho_tj) / var+,   tau = 1 + 2 sum_t rho_t       (2)

summed over Geyer's initial monotone sequence: tau states are worth one independent one.

Chains of p(x|c) have different distributions for different c. Two chains are run for each of several
conditions of held-out rows, ranks are taken within a condition, and B / n is the mean over conditions of the
variance between the halves of one condition. A chain of finite length has no stationary distribution, so
nothing here applies to it.

Reference: Vehtari, Gelman, Simpson, Carpenter and Buerkner 2021; Geyer 1992.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.progress.tasks import each
from simulacra.core.random.keyed import Rng
from simulacra.data.dataset import Dataset
from simulacra.evaluation.rows import blocks, count

CHAINS, SWEEPS = 8, 500
ROWS = 500  # training rows from which principal directions are computed
DIRECTIONS = 3


@dataclass(frozen=True)
class Mixing:
    """Mixing of chains, for the worst of the observed functions.

    Args:
        r_hat: largest R-hat, equation (1).
        r_hat_of: name of its function.
        tau: largest autocorrelation time, equation (2), in sweeps.
        tau_of: name of its function.
        chains: number of chains m.
        from_data: number of chains that started at held-out rows.
        kept: number of kept states of each chain: the second half of its sweeps.
        conditions: number of conditions, each with its own chains; 0: the model takes none.
    """

    r_hat: float
    r_hat_of: str
    tau: float
    tau_of: str
    chains: int
    from_data: int
    kept: int
    conditions: int = 0

    @property
    def effective(self) -> float:
        """Effective sample size of all chains together."""
        return self.chains * self.kept / self.tau


def mixing(
    model: Model,
    data: Dataset,
    split: str = "test",
    seed: int = 0,
    chains: int = CHAINS,
    sweeps: int = SWEEPS,
) -> Mixing | None:
    """Runs Markov chains and measures how well they mix.

    Half of the chains start from rows if the model's `chain_at` allows it, the others from its initial
    states.

    Args:
        model: model with stationary Markov chains.
        data: data set.
        split: split of these rows: `train`, `valid` or `test`.
        seed: seed of all draws.
        chains: number of chains; for a model with a condition, two for each of half as many rows.
        sweeps: steps of each chain; the first half is discarded.

    Returns:
        the result; None if all observed functions are constant.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("bars-and-stripes")
        >>> found = mixing(simulacra.RBM(data.space, hidden=3), data, sweeps=200)
        >>> found.r_hat < 1.1, found.from_data
        (True, 4)
    """
    chain = can.able(model, can.HasMarkovChain)
    rng = Rng(seed, "chains", rows=range(chains), device=model.device)
    with evaluating(model):
        begun = _begun(model, data, split, rng, seed)
        state, c, rng = begun.state, begun.c, rng.on(range(len(begun.state)))
        looks, numbers = _functions(model, data, seed), []
        for t in each(range(sweeps), "mixing", "sweep"):
            state = chain.step(state, rng.at(t), c)
            if t >= sweeps // 2:
                numbers.append(_values(model, state, looks, c))
    kept = torch.stack(numbers, 1)
    names = [*(["the free energy"] if _has_energy(model) else []), *looks.names]
    moving = {name: theta for name, theta in zip(names, kept) if float(theta.std()) > 0}
    if not moving:
        return None
    groups = max(begun.conditions, 1)
    r_hats = {name: r_hat(theta.T, groups) for name, theta in moving.items()}
    taus = {name: autocorrelation_time(theta.T, groups) for name, theta in moving.items()}
    worst, slowest = max(r_hats, key=r_hats.__getitem__), max(taus, key=taus.__getitem__)
    counts = (len(state), begun.from_data, kept.shape[1], begun.conditions)
    return Mixing(r_hats[worst], worst, taus[slowest], slowest, *counts)


def r_hat(theta: Tensor, groups: int = 1) -> float:
    """Returns the rank-normalized split R-hat, equation (1), the larger of bulk and folded.

    Args:
        theta: value of a function for each state, shape (m, n).
        groups: number of distributions; chain i has that of number i modulo `groups`.

    Example:
        >>> same = torch.randn(4, 500, generator=torch.Generator().manual_seed(0))
        >>> abs(r_hat(same) - 1) < 0.02, r_hat(same + 3 * torch.arange(4).unsqueeze(1)) > 2
        (True, True)
    """
    halves = [split_halves(part) for part in _by_group(theta.double(), groups)]
    folded = [(half - half.quantile(0.5)).abs() for half in halves]
    return max(basic_r_hat(*map(normal_scores, halves)), basic_r_hat(*map(normal_scores, folded)))


def _by_group(theta: Tensor, groups: int) -> Tensor:
    """Returns the chains (m, n) by their distribution, shape (groups, m / groups, n)."""
    return theta.view(-1, groups, theta.shape[1]).transpose(0, 1)


def basic_r_hat(*chains: Tensor) -> float:
    """Returns equation (1); infinite for different constant chains.

    Args:
        chains: values of the chains of each distribution, shape (m, n).
    """
    n = chains[0].shape[1]
    W = float(torch.stack([theta.var(1).mean() for theta in chains]).mean())
    B_over_n = _between(chains)
    if W == 0:
        return math.inf if B_over_n > 0 else 1.0
    # (1)
    return math.sqrt(((n - 1) / n * W + B_over_n) / W)


def _between(chains: Iterable[Tensor]) -> float:
    """Returns B / n: the variance of the means of chains of one distribution, averaged over distributions."""
    return float(torch.stack([theta.mean(1).var() for theta in chains]).mean())


def split_halves(theta: Tensor) -> Tensor:
    """Returns both halves of each chain, shape (2 m, n // 2)."""
    n = theta.shape[1] // 2
    return torch.cat([theta[:, :n], theta[:, -n:]])


def normal_scores(theta: Tensor) -> Tensor:
    """Returns Phi^-1 of the ranks among all values, shape of theta; ties have their mean rank."""
    _, place, times = theta.flatten().unique(return_inverse=True, return_counts=True)
    last = times.cumsum(0).double()
    rank = (last - (times.double() - 1) / 2)[place]
    return torch.special.ndtri((rank - 3 / 8) / (theta.numel() + 1 / 4)).view_as(theta)


def autocorrelation_time(theta: Tensor, groups: int = 1) -> float:
    """Returns tau of equation (2) in steps, at least 1 / log10(m n) as in Stan, for alternating chains.

    Args:
        theta: value of a function for each state, shape (m, n).
        groups: number of distributions; chain i has that of number i modulo `groups`.
    """
    x = theta.double()
    m, n = x.shape
    W = float(x.var(1).mean())
    var_plus = (n - 1) / n * W + (_between(_by_group(x, groups)) if m > groups else 0.0)
    if var_plus == 0 or W == 0:
        return math.inf
    # autocovariances with divisor n - 1, like W
    rho = 1 - (W - autocovariances(x).mean(0) * n / (n - 1)) / var_plus
    pairs = rho[: 2 * (n // 2)].view(-1, 2).sum(1)
    ends = (pairs < 0).nonzero()
    positive = pairs[: int(ends[0]) if len(ends) else len(pairs)]
    # (2): the pairs P_k = rho_2k + rho_2k+1 are positive and fall
    tau = -1 + 2 * float(positive.cummin(0).values.sum()) if len(positive) else 1.0
    return max(tau, 1 / math.log10(max(m * n, 11)))


def autocovariances(theta: Tensor) -> Tensor:
    """Returns 1/n sum_i (theta_i - mean)(theta_i+t - mean) for t = 0..n-1 by FFT, shape of theta."""
    n = theta.shape[1]
    f = torch.fft.rfft(theta - theta.mean(1, keepdim=True), 2 * n)
    return torch.fft.irfft(f.abs().square(), 2 * n)[:, :n] / n


@dataclass(frozen=True)
class _Functions:
    """Observed functions of x: projections of features, shape (d, functions), and their names."""

    along: Tensor
    names: list[str]


def _functions(model: Model, data: Dataset, seed: int) -> _Functions:
    """Returns the mean entry and the principal directions of training rows, along which modes separate."""
    rows = torch.cat([_flat(model, b.y) for b in blocks(model, data.train, seed, count(data.train, ROWS))])
    d = rows.shape[1]
    directions = torch.linalg.svd(rows - rows.mean(0), full_matrices=False).Vh[:DIRECTIONS].T
    names = [f"principal component {i + 1}" for i in range(directions.shape[1])]
    return _Functions(torch.cat([rows.new_full((d, 1), 1 / d), directions], 1), ["the mean entry", *names])


def _values(model: Model, state: Tensor, looks: _Functions, c: Tensor | None) -> Tensor:
    """Returns the value of each function for each state, shape (functions, chains)."""
    x = can.able(model, can.HasMarkovChain).shown(state)
    seen = (_flat(model, x) @ looks.along).T
    if not _has_energy(model):
        return seen
    F = can.able(model, can.HasEnergy).free_energy(x, c)
    return torch.cat([to_float64(F).cpu().unsqueeze(0), seen])


def _flat(model: Model, x: Tensor) -> Tensor:
    return model.space.features(x).flatten(1).double().cpu()


def _has_energy(model: Model) -> bool:
    return model.supports(can.HasEnergy) and (model.condition is None or model.supports(can.TakesCondition))


@dataclass(frozen=True)
class _Begun:
    """Initial states of chains, their conditions, and the numbers of chains from rows and of conditions."""

    state: Tensor
    c: Tensor | None
    from_data: int
    conditions: int


def _begun(model: Model, data: Dataset, split: str, rng: Rng, seed: int) -> _Begun:
    """Returns the initial states: half of them at rows of the split, if the chain can begin there."""
    chain, n, starts = can.able(model, can.HasMarkovChain), len(rng.rows), rng.at("start")
    conditional, m = model.supports(can.TakesCondition), n // 2
    if len(data[split]) < m and not conditional:
        return _Begun(chain.start_chain(starts), None, 0, 0)
    rows = next(blocks(model, data[split], seed, max(m, 1)))
    m, c = len(rows.y), None
    if conditional:
        assert rows.c is not None
        # chains i and i + m have the condition of row i
        n, c = 2 * m, torch.cat([rows.c, rows.c])
    state = chain.start_chain(starts.on(range(n)), c)
    at = chain.chain_at(rows.y, starts.on(range(m)), rows.c) if n > 1 else None
    conditions = m if conditional else 0
    if at is None:
        return _Begun(state, c, 0, conditions)
    return _Begun(torch.cat([at.to(state.dtype), state[m:]]), c, m, conditions)
