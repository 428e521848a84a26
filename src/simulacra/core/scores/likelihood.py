"""Estimators of log p(x) from a model's capabilities, in chunks so that memory does not grow with k."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from simulacra.core.capabilities.bounds import SAMPLE_BLOCK, observed, weight_blocks
from simulacra.core.capabilities.general import (
    EstimatesDensity,
    HasBound,
    HasDensity,
    HasImportanceWeights,
    TightensBound,
    able,
)
from simulacra.core.errors.outputs import check_one_each
from simulacra.core.numerics.precision import precise_device, to_float64
from simulacra.core.progress.tasks import stage
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.estimate import Kind
from simulacra.core.spaces.abstract import Space

if TYPE_CHECKING:
    from simulacra.core.methods.rows import RawRows
    from simulacra.core.model import Model

ENTRIES = 2**20  # entries of x that one chunk decodes at most (4 MB in fp32)


class CutShort(KeyboardInterrupt):
    """A keyboard interrupt that carries the results obtained so far.

    Args:
        done: partial result, such as an `ImportanceBound` or a `Score` of the first rows, or a report.
    """

    def __init__(self, done: Any):
        super().__init__()
        self.done = done


@dataclass
class ImportanceBound:
    """Results of k importance samples for each example.

    Args:
        bound: log (1/k) sum w, a stochastic lower bound on log p(x), in nats, shape (B,).
        elbo: the mean of log w, in nats, shape (B,).
        effective: (sum w)^2 / sum w^2, effective number of samples, shape (B,).
    """

    bound: Tensor
    elbo: Tensor
    effective: Tensor


@torch.no_grad()
def importance_bound(
    model: HasImportanceWeights,
    x: Tensor,
    c: Tensor | None,
    k: int,
    rng: Rng,
    entries: int = ENTRIES,
    known: Tensor | None = None,
) -> ImportanceBound:
    """Computes L_k(x) = log (1/k) sum_j p(x, z_j) / q(z_j|x) in float64 (Burda et al. 2015, eq. 8).

    Args:
        model: model with importance weights.
        x: observations, shape (B, *).
        c: condition of each, shape (B, *), or None.
        k: number of importance samples; k = 1 gives the ELBO.
        rng: generator; the noise of a row depends on `rng.rows[i]`, not on the batch.
        entries: memory budget: number of entries of x that are decoded at once.
        known: True where x is observed, shape of x: the bound is that of these entries; None: all.

    Raises:
        CutShort: at a keyboard interrupt, with the results of the first rows.
    """
    rows = _rows_within(x, k, entries)
    cut = lambda t, i: None if t is None else t[i : i + rows]
    parts: list[ImportanceBound] = []
    try:
        with stage("importance samples", len(x), "row") as progress:
            for i in range(0, len(x), rows):
                keyed = rng.on(rng.rows[i : i + rows])
                parts.append(_rows_bound(model, x[i : i + rows], cut(c, i), k, keyed, cut(known, i)))
                progress.advance(len(keyed.rows))
    except KeyboardInterrupt:
        if parts:
            raise CutShort(_whole(parts)) from None
        raise
    return _whole(parts)


def _whole(parts: list[ImportanceBound]) -> ImportanceBound:
    return ImportanceBound(
        *(torch.cat([getattr(p, f) for p in parts]) for f in ("bound", "elbo", "effective"))
    )


def _rows_bound(
    model: Any, x: Tensor, c: Tensor | None, k: int, rng: Rng, known: Tensor | None
) -> ImportanceBound:
    shape = (len(x),)
    log_sum = torch.full(shape, -math.inf, dtype=torch.float64, device=precise_device(x.device))
    log_squares, total = log_sum.clone(), torch.zeros_like(log_sum)
    for log_w in weight_blocks(model, x, c, rng, k, known):
        log_sum = torch.logaddexp(log_sum, log_w.logsumexp(1))
        log_squares = torch.logaddexp(log_squares, (2 * log_w).logsumexp(1))
        total += log_w.sum(1)
    # if all weights are 0, the effective number is 0
    effective = torch.exp(2 * log_sum - log_squares).nan_to_num(0.0)
    return ImportanceBound(log_sum - math.log(k), total / k, effective)


@dataclass
class Score:
    """The best available estimate of log p(x) from a model's capabilities, on the raw space.

    Args:
        value: log p(x), or a bound or estimate of it, in nats, float64, shape (B,).
        kind: exact, lower, upper or stochastic.
        method: name of the estimator, such as `IWAE bound, k=5000`.
        elbo: mean of the log-weights, or the model's bound of one draw, in nats, shape (B,); None if `value`
            is exact or that bound.
        effective: effective number of the k importance samples, NaN where a value is exact, shape (B,); None
            without importance samples.
        entries: number of scored (known) entries of all rows together.
        off: change of `value` when its computation is made half as fine, in nats, shape (B,), or None.
    """

    value: Tensor
    kind: Kind
    method: str
    elbo: Tensor | None = None
    effective: Tensor | None = None
    entries: int = 0
    off: Tensor | None = None

    @property
    def dims(self) -> float:
        """Mean number of scored entries of a row: the d of bits per dimension."""
        return self.entries / len(self.value)


def score(
    model: RawRows,
    x: Tensor,
    c: Tensor | None,
    log_det: Tensor,
    k: int,
    rng: Rng,
    entries: int = ENTRIES,
    known: Tensor | None = None,
) -> Score:
    """Scores preprocessed rows and adds the log-Jacobian of the preprocessing.

    It uses the density if the model has one, otherwise the importance-weighted bound, otherwise a bound of
    the model that tightens with k, otherwise the model's own bound, otherwise its estimate.

    Args:
        model: model to evaluate.
        x: observations in the model's space, shape (B, *).
        c: condition of each, shape (B, *), or None.
        log_det: log |det dx/d raw| of each row, in nats, shape (B,).
        k: number of importance samples.
        rng: generator; the noise of a row depends on `rng.rows[i]`, not on the batch.
        entries: memory budget: number of entries of x that are decoded at once.
        known: True where x is observed, shape of x; the score is that of these entries. None: all.

    Raises:
        CutShort: at a keyboard interrupt, with the `Score` of the first rows.
    """
    log_det = log_det.cpu()
    scored = entries_scored(model.space, x, known)
    raw = lambda value: to_float64(value).cpu() + log_det
    if has_exact(model, known):
        density = able(model, HasDensity).log_density(x, c, **observed(known))
        check_one_each(density, len(x), model, "log_density")
        return Score(raw(density), "exact", "exact", entries=scored)
    if model.supports(HasImportanceWeights):
        return _importance_score(able(model, HasImportanceWeights), x, c, log_det, k, rng, entries, known)
    if not model.supports(HasBound):
        found = able(model, EstimatesDensity).estimated_density(x, c, rng)
        check_one_each(found.value, len(x), model, "estimated_density")
        return Score(
            raw(found.value), "stochastic", found.method, entries=scored, off=to_float64(found.off).cpu()
        )
    elbo = able(model, HasBound).elbo(x, c, rng, **observed(known))
    check_one_each(elbo, len(x), model, "elbo")
    if model.supports(TightensBound):
        bound = tightened(able(model, TightensBound), x, c, k, rng, entries, known)
        check_one_each(bound, len(x), model, "bound")
        method = f"{able(model, TightensBound).bound_name}, k={k}"
        return Score(raw(bound), "lower", method, raw(elbo), entries=scored)
    return Score(raw(elbo), "lower", able(model, HasBound).elbo_name, entries=scored)


def _importance_score(
    model: HasImportanceWeights,
    x: Tensor,
    c: Tensor | None,
    log_det: Tensor,
    k: int,
    rng: Rng,
    entries: int,
    known: Tensor | None,
) -> Score:
    space = cast("Model", model).space
    method = f"IWAE bound, k={k}" if k > 1 else "ELBO, k=1"

    def scored(found: ImportanceBound) -> Score:
        n = len(found.bound)
        raw = lambda value: to_float64(value).cpu() + log_det[:n]
        count = entries_scored(space, x[:n], None if known is None else known[:n])
        return Score(raw(found.bound), "lower", method, raw(found.elbo), found.effective.cpu(), count)

    try:
        return scored(importance_bound(model, x, c, k, rng, entries, known))
    except CutShort as short:
        short.done = scored(short.done)
        raise


@torch.no_grad()
def tightened(
    model: TightensBound,
    x: Tensor,
    c: Tensor | None,
    k: int,
    rng: Rng,
    entries: int = ENTRIES,
    known: Tensor | None = None,
) -> Tensor:
    """Returns the model's bound with k draws a row, in nats, float64, shape (B,), within a memory budget.

    Args:
        model: model with a bound that tightens.
        x: observations, shape (B, *).
        c: condition of each, shape (B, *), or None.
        k: number of draws.
        rng: generator; the noise of a row depends on `rng.rows[i]`, not on the batch.
        entries: memory budget: number of entries of x that are decoded at once.
        known: True where x is observed, shape of x; None: everywhere.
    """
    rows, parts = _rows_within(x, k, entries), []
    with stage("draws of the bound", len(x), "row") as progress:
        for i in range(0, len(x), rows):
            here = slice(i, i + rows)
            more = observed(None if known is None else known[here])
            keyed = rng.on(rng.rows[here])
            parts.append(to_float64(model.bound(x[here], None if c is None else c[here], keyed, k, **more)))
            progress.advance(len(keyed.rows))
    return torch.cat(parts)


def entries_scored(space: Space, x: Tensor, known: Tensor | None = None) -> int:
    """Returns the number of entries that a score of these rows counts, such as the tokens of texts.

    Args:
        space: space of the rows.
        x: observations, shape (B, *).
        known: True where x is observed, shape of x; None: everywhere.

    Example:
        >>> from simulacra.core.spaces.tokens import Tokens
        >>> entries_scored(Tokens((4,), 3), torch.tensor([[2, 0, 0, 0], [2, 1, 1, 0]]))
        6
    """
    counted = space.counted(x)
    if counted is None:
        return x.numel() if known is None else int(known.sum())
    return int((counted if known is None else counted & known).sum())


def _rows_within(x: Tensor, k: int, entries: int) -> int:
    """Returns the number of rows whose k draws, in blocks, keep to the memory budget."""
    return max(1, entries // (max(1, x[0].numel()) * min(k, SAMPLE_BLOCK)))


def has_exact(model: RawRows, known: Tensor | None) -> bool:
    """Returns True if the model has an exact density of the known entries.

    Args:
        model: model to evaluate.
        known: True where x is observed, shape (B, *shape); None: everywhere.
    """
    return model.supports(HasDensity) and (known is None or able(model, HasDensity).marginalizes(known))


def joined(parts: list[Score], exact: bool) -> Score:
    """Concatenates the scores of chunks; the kind is the weakest of all.

    Args:
        parts: scores of the chunks, in order.
        exact: False if the preprocessing dequantizes, which turns a density into a lower bound.
    """
    # if some rows have only an estimate, the whole is an estimate
    weakest = next((part for part in parts if part.kind != "exact"), parts[0])
    kind, method = weakest.kind, weakest.method
    off = [part.off for part in parts if part.off is not None]
    if off:
        # the tolerance of an estimate is part of its name
        method = f"{method}, within {float(torch.cat(off).abs().max()):.1g} nats"
    if not exact:
        method = f"{'density' if method == 'exact' else method}, dequantized"
        kind = "lower" if kind == "exact" else kind
    values = torch.cat([part.value for part in parts])
    whole = Score(values, kind, method, entries=sum(part.entries for part in parts))
    # an exact value is its own ELBO and has no importance samples
    if weakest.elbo is not None:
        whole.elbo = torch.cat([part.value if part.elbo is None else part.elbo for part in parts])
    if weakest.effective is not None:
        counts = [torch.full_like(p.value, math.nan) if p.effective is None else p.effective for p in parts]
        whole.effective = torch.cat(counts)
    return whole
