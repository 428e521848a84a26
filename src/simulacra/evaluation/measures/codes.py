"""Measures of codes: information about x, rates by part, refined posteriors, and dimension of their image."""

from __future__ import annotations

from simulacra.core.capabilities.general import MissingCapability
from simulacra.evaluation.compare.score_columns import dimension_columns
from simulacra.evaluation.latents.codes import Codes, Latents, active_in, coded, decompose, latent_rows
from simulacra.evaluation.latents.dimension import Dimensions, dimension_rows, dimensions
from simulacra.evaluation.latents.rates import Rates, rate_rows, rates
from simulacra.evaluation.likelihood.refined import ROWS as REFINED_ROWS
from simulacra.evaluation.likelihood.refined import STEPS, Refined, refined, refined_rows
from simulacra.evaluation.measures.measure import Case, Evidence, Look, Measure
from simulacra.evaluation.measures.needs import NUMBERS, OTHER_CODE, POSTERIOR, RATED, WHOLE
from simulacra.evaluation.rows import count
from simulacra.evaluation.samples.quality import Skipped

ROWS = 2000  # largest number of rows for scores of quadratic cost and for the score of the training split
CODES_SEEN = 500  # largest number of rows for codes right after training


def most_code_rows(case: Case) -> int:
    """Returns the largest number of rows for codes and units right after training."""
    return min(CODES_SEEN, len(case.rows))


def _codes(case: Case, found: Evidence) -> Codes:
    laws = coded(case.model, case.rows, case.seed, min(ROWS, count(case.rows, case.limit)))
    units = active_in(laws.q) if len(laws.rows) > 1 else None
    return Codes(decompose(laws.q, seed=case.seed, rows=laws.rows), units)


def _refined(case: Case, found: Evidence) -> Refined | Skipped:
    """Returns the refined bounds, or the reason why a model has none, as somebody asked for them."""
    try:
        return refined(case.model, case.rows, case.seed, min(REFINED_ROWS, count(case.rows, case.limit)))
    except MissingCapability as reason:
        return Skipped(str(reason))


CODES: Measure[Codes] = Measure(
    "latents",
    _codes,
    f"an encoding a row, then N^2 densities of at most {ROWS:,} rows",
    (POSTERIOR,),
    look=Look(lambda case, n: _codes(case.limited(n), Evidence()), most_code_rows, share=0.3),
    record=Latents,
    summary=lambda found: found.summary,
    lines=latent_rows,
)
RATES: Measure[Rates] = Measure(
    "rates",
    lambda case, found: rates(case.model, case.rows, case.seed, min(ROWS, count(case.rows, case.limit))),
    f"an encoding a row, of at most {ROWS:,} rows",
    (RATED,),
    # a Gaussian code is looked at by its units
    look=Look(
        lambda case, n: rates(case.model, case.rows, limit=n), most_code_rows, 0.3, needs=(RATED, OTHER_CODE)
    ),
    record=Rates,
    lines=rate_rows,
)
REFINED: Measure[Refined | Skipped] = Measure(
    "refined",
    _refined,
    f"{STEPS} steps of 32 decodings or more for each of at most {REFINED_ROWS} rows",
    optional=True,
    record=Refined | Skipped,
    lines=refined_rows,
)
DIMENSION: Measure[Dimensions] = Measure(
    "dimension",
    lambda case, found: dimensions(case.model, case.data, case.n, case.seed, case.split, case.limit),
    "n samples, distances of 100 of them to all, components of as many neighbourhoods a scale",
    (NUMBERS, WHOLE),
    optional=True,
    record=Dimensions,
    lines=dimension_rows,
    columns=dimension_columns,
)
