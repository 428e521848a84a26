"""The registry of measures, in the order of a report."""

from __future__ import annotations

from typing import Any, cast

from simulacra.data.toys import Modes
from simulacra.evaluation.compare import score_columns as columns
from simulacra.evaluation.diagnostics.dead_units import Layer, dead_units
from simulacra.evaluation.diagnostics.mixing import Mixing, mixing
from simulacra.evaluation.diagnostics.state import Diagnostics, diagnostics
from simulacra.evaluation.latents.fidelity import Fidelity, fidelity, fidelity_rows
from simulacra.evaluation.latents.reconstruction import Reconstruction, reconstruction
from simulacra.evaluation.latents.spread import Spread, spread
from simulacra.evaluation.likelihood.constant_columns import Constant, constant_columns
from simulacra.evaluation.likelihood.held_out import fits
from simulacra.evaluation.likelihood.repeated_values import repeated_values
from simulacra.evaluation.measures.captions import AGREEMENT
from simulacra.evaluation.measures.checked import (
    AGAINST_MEAN,
    CELLS,
    CONDITION,
    DRAWN,
    ENTRIES,
    SETTING,
    SHARED,
    WEIGHTS,
)
from simulacra.evaluation.measures.codes import CODES, DIMENSION, RATES, REFINED, ROWS, most_code_rows
from simulacra.evaluation.measures.domains import CROSSED, LED
from simulacra.evaluation.measures.history import History
from simulacra.evaluation.measures.measure import Case, Evidence, Look, Measure, evidence_of
from simulacra.evaluation.measures.needs import (
    CHAINED,
    CLASSIFIES,
    CODED,
    DENOISES,
    HELD_OUT,
    IMAGES,
    IMPLICIT,
    LANGUAGE,
    MODES_OF,
    NUMBERS,
    PREDICTS,
    PRIOR,
    SAMPLES,
    SCORED,
    TRAINED,
    TWO_ROWS,
    VITALS_OF,
    VOLUMES,
    WHOLE,
)
from simulacra.evaluation.measures.noising import AVERAGED, STEPS_BACK
from simulacra.evaluation.measures.pairs import HEEDING, PAIRED, TOO_FEW, TRANSLATED
from simulacra.evaluation.measures.row_scores import CELLS_GAP, GENERALIZATION, LIKELIHOOD
from simulacra.evaluation.measures.tables import TABLE
from simulacra.evaluation.rows import count, samples_like
from simulacra.evaluation.samples.implicit import NotScored, modes_found, sample_scores
from simulacra.evaluation.samples.memorization import Copies, Memorization, copy_rows, memorization
from simulacra.evaluation.samples.mmd import SampleScore, mmd
from simulacra.evaluation.samples.neighbours import neighbour_accuracy
from simulacra.evaluation.samples.overlap import Overlap, overlap, overlap_rows
from simulacra.evaluation.samples.quality import ModesFound, SampleQuality, Skipped, quality_rows
from simulacra.evaluation.tasks.classification import Classification, classification
from simulacra.evaluation.tasks.denoising import Denoising, denoising, denoising_rows, gain_in_words
from simulacra.evaluation.tasks.prediction import Prediction, prediction, prediction_rows
from simulacra.evaluation.tasks.suite import Tasks, task_rows, tasks
from simulacra.evaluation.tasks.validity import Validity, validity_of, validity_rows

CHAINS, PROBED, SWEEPS = 8, 50, (200, 500)  # after training: chains, timed sweeps, fewest and most sweeps


def _fidelity(case: Case, found: Evidence) -> Fidelity | None:
    """Returns PSNR and SSIM; None if the range is unknown or there are too few images."""
    try:
        return fidelity(case.model, case.data, case.split, case.seed, case.limit)
    except NotScored:
        return None


def _quality(case: Case, found: Evidence) -> SampleQuality | Skipped | None:
    """Returns scores of samples, or the reason why a default measurement is not possible."""
    if case.judging is not None:
        how = case.judging
        return sample_scores(
            *(case.model, case.data, case.split, how.samples, how.extractor, case.seed, case.limit)
        )
    if SCORED.met(case) or not SAMPLES.met(case):
        return None
    try:
        return sample_scores(case.model, case.data, case.split, seed=case.seed, limit=case.limit)
    except NotScored as reason:
        return Skipped(str(reason))


def _validity(case: Case, found: Evidence) -> Validity | None:
    drawn = found[DRAWN]
    return None if drawn is None else validity_of(case.data, case.split, drawn)


def _overlap(case: Case, found: Evidence) -> Overlap | None:
    drawn = found[DRAWN]
    return None if drawn is None else overlap(case.data, case.split, drawn)


def _mmd(case: Case, found: Evidence) -> SampleScore:
    return mmd(case.model, case.data, case.split, min(case.n, count(case.rows, case.limit)), case.seed)


HISTORY: Measure[History] = Measure("history", lambda case, found: case.history, "none", (TRAINED,))
QUALITY: Measure[SampleQuality | Skipped] = Measure(
    "quality",
    _quality,
    "n samples, features of 3 n rows, n^2 distances",
    record=SampleQuality | Skipped,
    lines=quality_rows,
    columns=columns.sample_columns,
)
SAMPLE_SCORE: Measure[SampleScore] = Measure(
    "samples",
    _mmd,
    "n samples, n^2 distances, permutations of them",
    (SAMPLES, IMPLICIT, TWO_ROWS),
    record=SampleScore,
    lines=lambda found: [
        ("MMD^2", f"{found.mmd2:.3g} (training rows {found.reference:.3g}, p {found.chance:.2g})")
    ],
    instead=lambda found: f"MMD^2 {found.mmd2:.3g}",
)
RECONSTRUCTION: Measure[Reconstruction] = Measure(
    "reconstruction",
    lambda case, found: reconstruction(case.model, case.data, case.split, case.seed, case.limit),
    "an encoding and a decoding a row",
    (CODED,),
    record=Reconstruction,
    lines=lambda found: [("reconstruction", f"MSE {found.mse:.4g}, R^2 {found.explained:.1%}")],
    columns=columns.reconstruction_columns,
    instead=lambda found: f"reconstruction explains {found.explained:.1%} of the variance",
)
FIDELITY: Measure[Fidelity] = Measure(
    "fidelity",
    _fidelity,
    "an encoding and a decoding a row",
    (CODED, IMAGES),
    record=Fidelity,
    lines=fidelity_rows,
    columns=columns.fidelity_columns,
)
DENOISING: Measure[Denoising] = Measure(
    "denoising",
    lambda case, found: denoising(case.model, case.data, case.split, case.seed, case.limit),
    "a denoising of at most 500 rows at each of three levels",
    (DENOISES, NUMBERS, WHOLE),
    record=Denoising,
    lines=denoising_rows,
    columns=columns.denoising_columns,
    instead=gain_in_words,
)
MEMORIZATION: Measure[Memorization] = Measure(
    "memorization",
    lambda case, found: memorization(
        *(case.model, case.data, case.split, case.n, case.seed, case.limit), drawn=found[DRAWN]
    ),
    "n samples, (n + M) N distances to training rows",
    (SAMPLES, HELD_OUT, WHOLE),
    record=Copies,
    summary=lambda found: found.summary,
    lines=copy_rows,
    columns=columns.copy_columns,
)
CLASSES: Measure[Classification] = Measure(
    "classes",
    lambda case, found: classification(case.model, case.data, case.split, case.seed, case.limit),
    "a classification a row",
    (CLASSIFIES,),
    record=Classification,
    lines=lambda found: [("wrong labels", found.words)],
    columns=columns.label_columns,
)
PREDICTION: Measure[Prediction] = Measure(
    "prediction",
    lambda case, found: prediction(case.model, case.data, case.split, case.seed, case.limit),
    "a prediction a row",
    (PREDICTS, WHOLE),
    record=Prediction,
    lines=prediction_rows,
    columns=columns.prediction_columns,
)
VALIDITY: Measure[Validity] = Measure(
    "validity",
    _validity,
    "n samples, a check of each",
    (SAMPLES, HELD_OUT, LANGUAGE),
    record=Validity,
    lines=validity_rows,
    columns=columns.validity_columns,
)
OVERLAP: Measure[Overlap] = Measure(
    "overlap",
    _overlap,
    "n samples, n M overlaps of volumes",
    (SAMPLES, VOLUMES, HELD_OUT, WHOLE),
    record=Overlap,
    lines=overlap_rows,
    columns=columns.overlap_columns,
    instead=lambda found: f"IoU with the nearest solid {found.nearest.value:.3f}",
)
TASKS: Measure[Tasks] = Measure(
    "tasks",
    lambda case, found: tasks(case.model, case.data, case.split, case.seed, case.limit),
    "n samples, and two classifiers trained on n rows",
    optional=True,
    record=Tasks,
    lines=task_rows,
    columns=columns.task_columns,
)
# measures that only the doctor uses
DIAGNOSTICS: Measure[Diagnostics] = Measure(
    "diagnostics",
    lambda case, found: diagnostics(case.model, case.data, case.split, case.seed, case.limit),
    "a step of each player without moving it",
    (VITALS_OF,),
)
NEIGHBOUR: Measure[float] = Measure(
    "neighbour",
    lambda case, found: neighbour_accuracy(case.model, case.data, case.split, case.seed, case.limit),
    "N samples, N^2 distances",
    (VITALS_OF,),
    look=Look(
        lambda case, n: neighbour_accuracy(case.model, case.data, case.split, limit=n),
        most_code_rows,
        needs=(VITALS_OF, PRIOR),
        after="diagnostics",
    ),
)
REPEATED: Measure[float] = Measure(
    "repeated", lambda case, found: repeated_values(case.data, case.rows), f"a sort of {ROWS:,} rows"
)
CONSTANT: Measure[Constant] = Measure(
    "constant",
    lambda case, found: constant_columns(case.model, case.data, case.seed),
    "a pass over the training rows",
    look=Look(
        lambda case, n: constant_columns(case.model, case.data, limit=n),
        lambda case: min(ROWS, len(case.data.train)),
    ),
)
LAYERS: Measure[list[Layer]] = Measure(
    "layers",
    lambda case, found: dead_units(case.model, case.data, case.split, case.seed, case.limit),
    "a forward pass a row",
    look=Look(lambda case, n: dead_units(case.model, case.data, case.split, limit=n), most_code_rows),
)
SPREAD: Measure[Spread] = Measure(
    "spread",
    lambda case, found: spread(case.model, case.data, case.split, case.seed, case.limit),
    "a decoding a row",
    look=Look(lambda case, n: spread(case.model, case.data, case.split, limit=n), most_code_rows),
)
MIXING: Measure[Mixing] = Measure(
    "mixing",
    lambda case, found: mixing(case.model, case.data, case.split, case.seed),
    "some hundred sweeps of the chains",
    (CHAINED,),
    look=Look(
        lambda case, n: mixing(case.model, case.data, case.split, chains=CHAINS, sweeps=n),
        lambda case: SWEEPS[1],
        *(0.9, PROBED, SWEEPS[0]),
    ),
)
MODES: Measure[ModesFound] = Measure(
    "modes",
    lambda case, found: modes_found(
        cast(Modes, case.data.truth),
        samples_like(case.model, case.rows, case.n, case.seed).cpu(),
        case.rows.x,
    ),
    "n samples",
    (SAMPLES, MODES_OF),
)

# scores of samples come early, so that a request that cannot be met fails before minutes of other measures
MEASURES: tuple[Measure[Any], ...] = (
    HISTORY,
    SETTING,
    WEIGHTS,
    QUALITY,
    DIAGNOSTICS,
    LIKELIHOOD,
    CODES,
    RATES,
    REFINED,
    DIMENSION,
    NEIGHBOUR,
    GENERALIZATION,
    CELLS_GAP,
    TRANSLATED,
    PAIRED,
    TOO_FEW,
    AGREEMENT,
    LED,
    CROSSED,
    SAMPLE_SCORE,
    RECONSTRUCTION,
    FIDELITY,
    DENOISING,
    DRAWN,
    MEMORIZATION,
    CLASSES,
    PREDICTION,
    VALIDITY,
    OVERLAP,
    TASKS,
    TABLE,
    LAYERS,
    SPREAD,
    CONSTANT,
    MIXING,
    STEPS_BACK,
    AVERAGED,
    REPEATED,
    MODES,
    ENTRIES,
    CELLS,
    SHARED,
    CONDITION,
    HEEDING,
    AGAINST_MEAN,
)


def examined(case: Case) -> Evidence:
    """Returns the results of all measures whose requirements are met.

    Args:
        case: model and rows.

    Raises:
        ValueError: if model and data do not fit, or the samples cannot be scored as `judging` says.

    Example:
        >>> import simulacra
        >>> data = simulacra.load_data("ring")
        >>> found = examined(Case(simulacra.PPCA(data.space, latent=1), data, n=50, limit=50))
        >>> found[LIKELIHOOD].estimate.kind, found[CODES]
        ('exact', None)
    """
    fits(case.model, case.data)
    return evidence_of(MEASURES, case)
