"""Measures of the scores of rows: held-out ones, beside as many training rows."""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.core.scores.estimate import Estimate
from simulacra.evaluation.likelihood.annealing import Bracket
from simulacra.evaluation.likelihood.column_cells import cells_gap
from simulacra.evaluation.likelihood.held_out import Likelihood, likelihoods
from simulacra.evaluation.likelihood.relative import relative_estimate
from simulacra.evaluation.measures.codes import ROWS
from simulacra.evaluation.measures.measure import Case, Evidence, Look, Measure, Unfinished
from simulacra.evaluation.measures.needs import HELD_OUT, RELATIVE, SCORED, TABLES, VALID

DRAWS = 16  # importance samples of the training rows' ELBO


@dataclass(frozen=True)
class Generalization:
    """A score of held-out rows, and of as many training rows.

    Args:
        held_out: ELBO if there is one, otherwise the likelihood.
        training: the same score of training rows.
    """

    held_out: Estimate
    training: Estimate


def _likelihood(case: Case, found: Evidence) -> Likelihood:
    rows = (case.model, case.data, case.split, case.k, case.seed, case.limit)
    scored = likelihoods(*rows, annealing=case.annealing)
    if scored.interrupted:
        raise Unfinished(scored)
    return scored


def _generalization(case: Case, found: Evidence) -> Generalization | None:
    held_out = found[LIKELIHOOD]
    if held_out is None:
        return None
    limit = min(ROWS, len(held_out.estimate.values), len(case.data.train))
    # a single log Z is reused; several depend on the rows
    known = held_out.bracket if isinstance(held_out.bracket, Bracket) else case.annealing
    train = likelihoods(case.model, case.data, "train", DRAWS, case.seed, limit, annealing=known)
    if train.interrupted:
        raise KeyboardInterrupt
    return Generalization(held_out.elbo or held_out.estimate, train.elbo or train.estimate)


def _cells_gap(case: Case, found: Evidence) -> float | None:
    scored = found[GENERALIZATION]
    limit = None if scored is None else len(scored.held_out.values)
    return limit and cells_gap(case.model, case.data, case.split, case.seed, limit)


def _most_rows(case: Case) -> int:
    """Returns the largest number of rows for a measure right after training."""
    return min(ROWS, len(case.rows))


def _relative(case: Case, n: int) -> Generalization:
    both = [relative_estimate(case.model, case.data, split, 0, n) for split in ("valid", "train")]
    return Generalization(*both)


LIKELIHOOD: Measure[Likelihood] = Measure(
    "likelihood",
    _likelihood,
    "a density, or k decodings a row; an energy anneals log Z first",
    (SCORED,),
)
GENERALIZATION: Measure[Generalization] = Measure(
    "generalization",
    _generalization,
    f"as the likelihood, of at most {ROWS:,} training rows with k = {DRAWS}",
    (SCORED, HELD_OUT),
    look=Look(_relative, lambda case: min(_most_rows(case), len(case.data.train)), needs=(RELATIVE, VALID)),
)
CELLS_GAP: Measure[float] = Measure(
    "gap of cells", _cells_gap, "a pass over as many rows as the generalization", (HELD_OUT, TABLES)
)
