"""Log-likelihood of held-out rows, as a typed estimate with its protocol.

    L_k(x) = log (1/k) sum_j p(x, z_j) / q(z_j|x) <= log p(x) in expectation,  L_1 the ELBO

One pass over the importance samples gives the bound, the ELBO and the effective sample size. An energy model
whose log Z cannot be summed is scored with estimates of log Z from both sides
(`evaluation.likelihood.annealing`).

Reference: Burda, Grosse and Salakhutdinov 2015; Deep Learning 20.14 on comparable likelihoods.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulacra.core.capabilities import general as can
from simulacra.core.inputs.chunks import Rows
from simulacra.core.interface import evaluating
from simulacra.core.model import Model
from simulacra.core.numerics.precision import to_float64
from simulacra.core.progress.tasks import stage
from simulacra.core.random.contents import Contents, contents_of
from simulacra.core.scores.estimate import Estimate, Kind, Protocol
from simulacra.core.scores.laws import Laws
from simulacra.core.scores.likelihood import ENTRIES, CutShort, Score, joined, score
from simulacra.data.dataset import Dataset, Split
from simulacra.evaluation.likelihood.annealing import DEFAULT, Annealing, Bracket
from simulacra.evaluation.likelihood.conditional_annealing import Brackets, Met, bracket_each, energies
from simulacra.evaluation.measures.kept_parts import fields_of, once
from simulacra.evaluation.rows import blocks, count

log = logging.getLogger("simulacra")
SCORED = (can.HasDensity, can.HasBound, can.EstimatesDensity)  # any of them gives rows a likelihood


@dataclass
class Likelihood:
    """Likelihoods of the rows of a split.

    Args:
        estimate: best estimate that the model's capabilities permit.
        elbo: ELBO as the mean of the log-weights, or of one draw where the bound has no weights; None where
            `estimate` is exact or the ELBO itself.
        effective: effective number of the k importance samples, NaN where a value is exact, shape (B,), or
            None.
        bracket: estimates of log Z of an energy model whose log Z cannot be summed; `estimate` is then the
            optimistic score.
        pessimistic: score with the upper estimate of log Z.
        k: number of importance samples.
        interrupted: True after an interrupt: scores are those of the first rows, or of short annealing.
    """

    estimate: Estimate
    elbo: Estimate | None = None
    effective: Tensor | None = None
    bracket: Bracket | Brackets | None = None
    pessimistic: Estimate | None = None
    k: int = 1
    interrupted: bool = False


def likelihood(
    model: Model,
    data: Dataset,
    split: str = "test",
    k: int = 1000,
    seed: int = 0,
    limit: int | None = None,
) -> Estimate:
    """Returns log p(x) of the rows of `split` in nats on the raw space, with its protocol.

    It is exact if the model has a density; otherwise it is the importance-weighted bound with k samples, or
    the model's own bound. Values equal those of `model.log_prob` with the same seed.

    Args:
        model: trained model.
        data: data set.
        split: `train`, `valid` or `test`.
        k: number of importance samples.
        seed: seed of the choice of rows and of all draws.
        limit: score only so many rows, chosen at random by the seed; the protocol then says so; None: all.

    Raises:
        ValueError: if the model is implicit, or the data are not those that it was built for.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> print(likelihood(simulacra.PPCA(data.space, latent=1), data).kind)
        exact
    """
    return likelihoods(model, data, split, k, seed, limit).estimate


def likelihoods(
    model: Model,
    data: Dataset,
    split: str = "test",
    k: int = 1000,
    seed: int = 0,
    limit: int | None = None,
    entries: int = ENTRIES,
    annealing: Annealing | Bracket = DEFAULT,
) -> Likelihood:
    """Returns the bound, the ELBO and effective sample sizes, computed in one pass.

    Args:
        model: trained model.
        data: data set.
        split: `train`, `valid` or `test`.
        k: number of importance samples.
        seed: seed of the choice of rows and of all draws.
        limit: score only so many rows, chosen at random by the seed; None: all.
        entries: memory limit: number of entries of x that are decoded at once.
        annealing: options for estimating log Z where it cannot be summed, or an estimate of it.

    Raises:
        ValueError: if the model is implicit, k is not positive, or model and data do not fit.
    """
    data = data.under(model.preprocessing, model.conditioning)
    scorable(model, data, k)
    if needs_bracket(model):
        return _two_sided_scores(model, data, split, seed, limit, annealing)
    parts, interrupted = _scores(model, data[split], k, seed, limit, entries)
    found = joined(parts, model.preprocessing.exact)
    details: dict[str, Any] = {"seed": seed, "preprocessing": model.preprocessing.label}
    details |= {"k": k} if "k=" in found.method else {}
    dims, protocol = found.dims, protocol_of(data, split, limit, seed)
    if interrupted:
        details["interrupted"] = len(found.value)
        protocol = first_of(protocol, len(found.value), count(data[split], limit))
    more = (details, protocol, model.condition is not None)
    per = model.preprocessing.raw.per
    best = Estimate(found.value, found.kind, dims, found.method, *more, effective=found.effective, per=per)
    whole = Likelihood(best, interrupted=interrupted)
    if found.elbo is not None:
        name = can.able(model, can.HasBound).elbo_name
        how = name if found.effective is None else f"{name}, mean of {k}"
        how += "" if model.preprocessing.exact else ", dequantized"
        whole.elbo = Estimate(found.elbo, "lower", dims, how, *more, per=per)
        whole.effective, whole.k = found.effective, k
    return whole


def _scores(
    model: Model, rows: Split, k: int, seed: int, limit: int | None, entries: int
) -> tuple[list[Score], bool]:
    """Returns scores of the rows by block, and True if an interrupt left only the first of them."""
    parts: list[Score] = []
    try:
        with evaluating(model), stage("scores", count(rows, limit), "row") as progress:
            for block in blocks(model, rows, seed, limit):
                progress.part, more = len(block.y), (k, block.rng, entries, block.known)
                make = lambda block=block, more=more: score(model, block.y, block.c, block.log_det, *more)
                of = (model, block.y, block.c, block.log_det, block.known, block.rng.rows, k, seed, entries)
                parts.append(once("scores", of, make, fields_of(Score)))
                progress.advance(len(block.y))
    except KeyboardInterrupt as interrupt:
        parts += [interrupt.done] if isinstance(interrupt, CutShort) else []
        if not parts:
            raise
        return parts, True
    return parts, False


def _two_sided_scores(
    model: Model, data: Dataset, split: str, seed: int, limit: int | None, annealing: Annealing | Bracket
) -> Likelihood:
    """Returns -F(x) - log Z of the rows, with both estimates of log Z."""
    parts, met, rows = [], Met(), 0
    with evaluating(model):
        for block in blocks(model, data[split], seed, limit):
            n, laws = len(block.y), laws_of(model, block)
            value = -_energy(model, block) if laws is None else energies(laws, n)
            entries = block.y.numel() if laws is None else laws.x.numel()
            parts.append(Score(block.log_det.cpu() + value, "upper", "", entries=entries))
            if laws is not None:
                met.add(laws, rows)
            rows += n
    whole, found = joined(parts, True), _annealed_log_z(model, met, annealing, seed)
    low, high = (whole.value - z for z in _log_z_of_rows(found, met, rows))
    details = {"seed": seed, "preprocessing": model.preprocessing.label, **found.details}
    more = (protocol_of(data, split, limit, seed), model.condition is not None)
    how = f"{found.betas:,} temperatures, {found.chains} chains"
    how += "" if met.machine is None else f" of each of {len(met.conditions):,} log Z"
    how += "" if model.preprocessing.exact else ", dequantized"
    closed = met.machine is not None or model.supports(can.HasEnergy)
    # forward AIS gives an upper bound only if energy and preprocessing are exact
    kind: Kind = "upper" if closed and model.preprocessing.exact else "stochastic"
    how = how if closed else f"{how}, bound on the energy"
    # the error of a single log Z is common to all rows; errors of several are part of the rows' variance
    sides = [found.details.get(f"log_z_{side}_error", 0.0) for side in ("forward", "reverse")]
    ours, theirs = ({**details, "shared_error": error} for error in sides)
    estimate = Estimate(low, kind, whole.dims, f"forward AIS, {how}", ours, *more)
    # not a proven bound, because the reverse chains start from Gibbs samples, not from exact ones
    pessimistic = Estimate(high, "stochastic", whole.dims, f"reverse AIS, {how}", theirs, *more)
    return Likelihood(estimate, bracket=found, pessimistic=pessimistic, interrupted=found.interrupted)


def laws_of(model: Model, block: Rows) -> Laws | None:
    """Returns the law of each row, or None if all rows share one log Z.

    Args:
        model: energy model.
        block: rows.
    """
    if model.supports(can.HasPartitionFunctions):
        return can.able(model, can.HasPartitionFunctions).laws(block.y, block.known, block.c)
    if block.c is None:
        return None
    return Laws(model, block.y, block.c, torch.arange(len(block.y)), contents_of(block.c))


def _annealed_log_z(model: Model, met: Met, annealing: Annealing | Bracket, seed: int) -> Bracket | Brackets:
    if met.machine is not None:
        assert isinstance(annealing, Annealing), "one bracket does not serve several laws"
        kinds = Contents.having(np.array(met.kinds))
        several = bracket_each(met.machine, met.conditions, annealing, seed, kinds)
        log.info("%s", several)
        return several
    if isinstance(annealing, Bracket):
        return annealing
    found = annealing.bracket(model, seed)
    log.info("%s", found)
    return found


def _log_z_of_rows(found: Bracket | Brackets, met: Met, rows: int) -> tuple[Any, Any]:
    """Returns the lower and the upper log Z of the rows."""
    if isinstance(found, Bracket):
        return found.forward.log_z, found.reverse.log_z
    return met.summed(found.forward, rows), met.summed(found.reverse, rows)


def _energy(model: Model, block: Rows) -> Tensor:
    """Returns F(x), or a bound on it, in nats, float64, shape (B,)."""
    if model.supports(can.HasEnergy):
        return to_float64(can.able(model, can.HasEnergy).free_energy(block.y, block.c)).cpu()
    return to_float64(can.able(model, can.HasBoundEnergy).bound_energy(block.y, block.c, block.rng)).cpu()


def needs_bracket(model: Model) -> bool:
    """Returns True if scoring the model's energy requires an estimate of log Z by annealing."""
    if any(map(model.supports, SCORED)):
        return False
    if model.supports(can.HasPartitionFunctions):
        return True
    bounded = model.supports(can.HasBoundEnergy) and model.condition is None
    return model.supports(can.HasAnnealingPath) and (model.supports(can.HasEnergy) or bounded)


def scorable(model: Model, data: Dataset, k: int = 1) -> None:
    """Raises ValueError unless the model gives a likelihood of these data.

    Args:
        model: the model.
        data: data set.
        k: number of importance samples.
    """
    if not has_likelihood(model):
        raise can.MissingCapability(
            f"{type(model).__name__} is implicit: it has neither density nor bound; "
            "judge its samples instead (mmd)."
        )
    if k < 1:
        raise ValueError(f"k is {k}, but the bound needs at least one importance sample.")
    fits(model, data)


def fits(model: Model, data: Dataset) -> None:
    """Raises ValueError unless space and preprocessing of the data are those of the model.

    Args:
        model: the model.
        data: data set.
    """
    if model.space != data.space:
        raise ValueError(f"the model was built for {model.space}, but {data.name} holds {data.space}.")
    if model.preprocessing != data.preprocessing:
        raise ValueError(
            f"the model carries the preprocessing {model.preprocessing.label!r}, but {data.name} has "
            f"{data.preprocessing.label!r}: load the data as they were for training."
        )


def has_likelihood(model: Model) -> bool:
    """Returns True if the model has a density, a bound, or an energy whose log Z can be estimated."""
    return any(map(model.supports, SCORED)) or needs_bracket(model)


def protocol_of(data: Dataset, split: str, limit: int | None = None, seed: int = 0) -> Protocol:
    """Returns the protocol of a split, or of random rows of it.

    Args:
        data: data set.
        split: `train`, `valid` or `test`.
        limit: number of rows; None: all.
        seed: seed of the choice of rows.
    """
    whole = data.protocol(split)
    n = count(data[split], limit)
    if n == len(data[split]):
        return whole
    told = f"{n:,} of {len(data[split]):,}, seed {seed}"
    return replace(whole, data=f"{whole.data}[{told}]", split=f"{split}[{told}]")


def first_of(protocol: Protocol, n: int, rows: int) -> Protocol:
    """Returns the protocol of the first rows, to which an interrupt limited the scores.

    Args:
        protocol: protocol of all rows.
        n: number of scored rows.
        rows: number of all rows.
    """
    told = f"first {n:,} of {rows:,}: interrupted"
    return replace(protocol, data=f"{protocol.data}[{told}]", split=f"{protocol.split}[{told}]")
