"""Converts the measures of a report that need no likelihood to table columns with their protocol."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from simulacra.core.numerics.dimension import Curve
from simulacra.core.scores.estimate import Protocol
from simulacra.evaluation.compare.score_tables import Cell, Column, Scores, of_interval
from simulacra.evaluation.interval import WIDE, Interval
from simulacra.evaluation.interval import share as share_of
from simulacra.evaluation.latents.dimension import Dimensions
from simulacra.evaluation.latents.fidelity import Fidelity, ImageScores
from simulacra.evaluation.latents.reconstruction import Reconstruction
from simulacra.evaluation.samples.memorization import Copies
from simulacra.evaluation.samples.overlap import Overlap
from simulacra.evaluation.samples.quality import SampleQuality, Skipped
from simulacra.evaluation.samples.quality import Scores as SideScores
from simulacra.evaluation.tables.detection import Detection
from simulacra.evaluation.tables.imputation import Imputation
from simulacra.evaluation.tables.summary import TableSummary
from simulacra.evaluation.tasks.classification import Classification
from simulacra.evaluation.tasks.denoising import Denoising, Quality
from simulacra.evaluation.tasks.downstream import Downstream
from simulacra.evaluation.tasks.few_labels import OWN, FewLabels
from simulacra.evaluation.tasks.prediction import Prediction
from simulacra.evaluation.tasks.suite import Tasks
from simulacra.evaluation.tasks.validity import Validity

SAMPLES = (
    Column("kernel distance", "lower"),
    Column("Frechet distance", "lower"),
    Column("precision", "higher"),
    Column("recall", "higher"),
    Column("density", "neither"),
    Column("coverage", "higher"),
    Column("inception score", "higher"),
    Column("modes", "higher"),
)
COPIES = (
    Column("nearer than 5% of held-out rows", "neither"),
    Column("exact copies", "neither"),
    Column("copying score", "neither"),
)
KEPT = (Column("squared error", "lower"), Column("explained", "higher"))
SEEN = (Column("SSIM", "higher"), Column("PSNR in dB", "higher"))
SURFACE = (Column("local dimension", "neither"), Column("of decoded codes", "neither"))
CLEANED = (Column("gain in dB", "higher"), Column("PSNR in dB", "higher"), Column("SSIM", "higher"))
TRAINED = (Column("right after learning from samples", "higher"), Column("lost against real rows", "lower"))
FEW = (Column("wrong with few labels", "lower"), Column("against the data themselves", "lower"))
TABLE = (
    Column("told from data (AUC off 0.5)", "lower"),
    Column("columns kept", "higher"),
    Column("error of pairs", "lower"),
    Column("lost in learning from samples", "lower"),
    Column("outside the range", "lower"),
    Column("equal to training rows", "neither"),
    Column("RMSE of hidden cells", "lower"),
)
PREDICTED = (Column("absolute error", "lower"), Column("explained", "higher"))
VALID = (Column("valid", "higher"), Column("different", "neither"), Column("new", "neither"))
OVERLAP = (Column("IoU nearest", "higher"), Column("IoU covered", "higher"))
LABELS = (Column("wrong labels", "lower"),)


def sample_columns(found: SampleQuality | Skipped, protocol: Protocol) -> list[Scores]:
    """Returns distances, precision, coverage and modes of samples, with training rows as reference.

    Args:
        found: scores of samples.
        protocol: protocol of the report.
    """
    if isinstance(found, Skipped):
        return []
    key = key_of(protocol, samples=found.samples, features=found.extractor)
    key |= {"seed": found.seed, "weights": found.extractor_digest}
    n = found.samples
    model, best = _quality_cells(found.model, n), _quality_cells(found.reference, n)
    if found.modes:
        model = (*model[:-1], Cell(found.modes.covered))
        best = (*best[:-1], Cell(found.modes.of))
    shown = [i for i in range(len(SAMPLES)) if model[i] is not None]
    keep = lambda cells: tuple(cells[i] for i in shown)
    return [Scores("samples", key, keep(SAMPLES), keep(model), keep(best))]


def _quality_cells(side: SideScores, n: int) -> tuple[Cell | None, ...]:
    """Returns the cells of one set of rows, without modes.

    Args:
        side: scores of samples or of training rows.
        n: number of samples.
    """
    shares, inception = side.coverage, side.inception
    return (
        Cell(side.kernel.value, side.kernel.error),
        Cell(side.frechet.limit, side.frechet.error, digits=4),
        share(shares.precision, n),
        share(shares.recall, n),
        Cell(shares.density, percent=True),
        share(shares.coverage, n),
        None if inception is None else Cell(inception.value, inception.error),
        None,
    )


def copy_columns(found: Copies, protocol: Protocol) -> list[Scores]:
    """Returns the shares of samples near to and equal to training rows.

    Args:
        found: result of the search for copies.
        protocol: protocol of the report.
    """
    n = found.samples
    cells = (
        share(found.share_nearer_than_5th_percentile, n),
        share(found.exact_copies / n, n),
        Cell(found.copying_score, 1.0),
    )
    expected = (Cell(0.05, percent=True), None, Cell(0))
    return [Scores("copies", key_of(protocol, samples=n), COPIES, cells, expected, "expected")]


def reconstruction_columns(found: Reconstruction, protocol: Protocol) -> list[Scores]:
    """Returns squared error and R^2 of reconstructions.

    Args:
        found: scores of reconstructions.
        protocol: protocol of the report.
    """
    cells = (Cell(found.mse, found.error, digits=4), Cell(found.explained, percent=True))
    unit = {} if found.unit is None else {"unit": f"{found.unit:,.0f} levels"}
    return [Scores("reconstructions", key_of(protocol, rows=found.rows, **unit), KEPT, cells)]


def dimension_columns(found: Dimensions, protocol: Protocol) -> list[Scores]:
    """Returns the local dimension of samples and of decoded codes, with that of the data as reference.

    Args:
        found: local dimensions.
        protocol: protocol of the report.
    """
    cells = (_dimension(found.samples), _dimension(found.decoded))
    key = key_of(protocol, rows=found.data.rows)
    return [Scores("dimension", key, SURFACE, cells, (_dimension(found.data), None), "data")]


def _dimension(curve: Curve | None) -> Cell | None:
    place = None if curve is None else curve.place
    return None if curve is None or place is None else Cell(curve.dimension[place], curve.error[place])


def fidelity_columns(found: Fidelity, protocol: Protocol) -> list[Scores]:
    """Returns PSNR and SSIM of reconstructed images, with the mean image as reference.

    Args:
        found: scores of reconstructed images.
        protocol: protocol of the report.
    """
    key = key_of(protocol, images=found.images, window=found.window, seed=found.seed)
    model, mean_image = (_fidelity_cells(side) for side in (found.model, found.reference))
    return [Scores("reconstructed images", key, SEEN, model, mean_image, "mean image")]


def _fidelity_cells(side: ImageScores) -> tuple[Cell | None, ...]:
    return _cell(side.ssim, digits=4), None if side.psnr is None else _cell(side.psnr, digits=4)


def denoising_columns(found: Denoising, protocol: Protocol) -> list[Scores]:
    """Returns gain, PSNR and SSIM at the level of training, with the noisy rows as reference.

    Args:
        found: scores of a denoising model.
        protocol: protocol of the report.
    """
    at = found.trained
    if at is None:
        return []
    key = key_of(protocol, noise=at.corruption, rows=found.rows, seed=found.seed)
    cells = (_cell(at.gain, digits=4), *_quality_of(at.clean))
    return [Scores("denoising", key, CLEANED, cells, (Cell(0), *_quality_of(at.noisy)), "as it is")]


def _quality_of(side: Quality) -> tuple[Cell | None, Cell | None]:
    found = (side.psnr, side.ssim)
    return tuple(None if one is None else _cell(one, digits=4) for one in found)  # type: ignore[return-value]


def task_columns(found: Tasks, protocol: Protocol) -> list[Scores]:
    """Returns the accuracy of a classifier trained on samples, and errors with few labels.

    Args:
        found: scores by downstream tasks.
        protocol: protocol of the report.
    """
    return [*_downstream_scores(found.samples, protocol), *_few_label_scores(found.labels, protocol)]


def _downstream_scores(found: Downstream | Skipped, protocol: Protocol) -> Iterator[Scores]:
    if isinstance(found, Skipped):
        return
    key = key_of(protocol, samples=found.samples, classifier=found.classifier, seed=found.seed)
    lost = found.difference
    cells = (
        _cell(found.accuracy, True),
        Cell(-lost.value, lost.error, (-lost.high, -lost.low), True),
    )
    yield Scores("learning from samples", key, TRAINED, cells, (_cell(found.reference, True), None))


def _few_label_scores(found: FewLabels | Skipped, protocol: Protocol) -> Iterator[Scores]:
    # skip classifiers: they may have learned from any number of labels; see `label_columns`
    if isinstance(found, Skipped) or found.read == OWN:
        return
    key = key_of(protocol, labels=found.labels, choices=len(found.seeds), classifier=found.classifier)
    cells = (_cell(found.error, True), _cell(found.difference, True))
    yield Scores("few labels", key, FEW, cells, (_cell(found.reference, True), None), "rows themselves")


def table_columns(found: TableSummary, protocol: Protocol) -> list[Scores]:
    """Returns the measures of a table, with held-out rows as reference.

    Args:
        found: summary of the table's measures.
        protocol: protocol of the report.
    """
    key = key_of(protocol, samples=found.samples, rows=found.training_rows, seed=found.seed)
    columns, pairs = found.columns, None if isinstance(found.pairs, Skipped) else found.pairs
    useful = None if isinstance(found.usefulness, Skipped) else found.usefulness.loss
    ours = (
        _detection_cell(found.detection),
        _cell_or_none(columns.drawn, True),
        _cell_or_none(None if pairs is None else pairs.error),
        _cell_or_none(useful),
        _cell_or_none(found.form.outside, True),
        _cell_or_none(found.form.copies, True),
        _imputation_cell(found.imputation),
    )
    theirs = (
        _detection_cell(found.detection_held_out),
        _cell_or_none(columns.held_out, True),
        _cell_or_none(None if pairs is None else pairs.held_out),
        None,
        _cell_or_none(found.form_held_out.outside, True),
        _cell_or_none(found.form_held_out.copies, True),
        None,
    )
    return [Scores("table", key, TABLE, ours, theirs, "held-out rows")]


def _detection_cell(found: Detection | Skipped) -> Cell | None:
    """Returns the distance of the AUC from 0.5, that of perfect samples; copies of data lie below."""
    return None if isinstance(found, Skipped) else Cell(abs(found.auc - 0.5), found.error)


def _imputation_cell(found: Imputation | Skipped) -> Cell | None:
    if isinstance(found, Skipped) or found.model is None:
        return None
    return Cell(found.model, found.model_error)


def label_columns(found: Classification, protocol: Protocol) -> list[Scores]:
    """Returns the share of wrong labels.

    Args:
        found: errors of the model's classification.
        protocol: protocol of the report.
    """
    cell = Cell(found.share, found.error, percent=True)
    return [Scores("labels", key_of(protocol, rows=found.rows), LABELS, (cell,))]


def prediction_columns(found: Prediction, protocol: Protocol) -> list[Scores]:
    """Returns MAE and R^2 of each predicted number, with the mean of the training rows as reference.

    Args:
        found: scores of the model's predictions.
        protocol: protocol of the report.
    """
    return [
        Scores(
            f"prediction of {one.name}",
            key_of(protocol, number=one.name, rows=found.rows),
            PREDICTED,
            (_cell(one.error, digits=4), Cell(one.explained)),
            (_cell(one.trivial, digits=4), None),
            "the mean",
        )
        for one in found.columns
    ]


def validity_columns(found: Validity, protocol: Protocol) -> list[Scores]:
    """Returns the shares of valid, different and new samples, with held-out rows as reference.

    Args:
        found: validity of the model's samples.
        protocol: protocol of the report.
    """
    share = lambda value: None if math.isnan(value) else Cell(value, percent=True)
    key = key_of(protocol, samples=found.samples, check=found.check)
    cells = (_cell(found.valid, True), share(found.distinct), share(found.new))
    theirs = (Cell(found.held_out, percent=True), None, None)
    return [Scores("valid texts", key, VALID, cells, theirs, "held-out rows")]


def overlap_columns(found: Overlap, protocol: Protocol) -> list[Scores]:
    """Returns the overlap of samples with held-out volumes, with training rows as reference.

    Args:
        found: overlap of the model's samples.
        protocol: protocol of the report.
    """
    cells = (_cell(found.nearest), _cell(found.covered))
    theirs = (_cell(found.real_nearest), _cell(found.real_covered))
    key = key_of(protocol, samples=found.samples, rows=found.rows)
    return [Scores("overlap of volumes", key, OVERLAP, cells, theirs, "training rows")]


def _cell_or_none(value: float | None, percent: bool = False) -> Cell | None:
    return None if value is None else Cell(value, percent=percent)


def _cell(found: Interval, percent: bool = False, digits: int = 3) -> Cell:
    return of_interval(found, percent, digits)


def key_of(protocol: Protocol, **more: Any) -> dict[str, Any]:
    """Returns the protocol and everything else that must be equal for scores to share a table.

    Args:
        protocol: protocol of the report.
        more: further entries by name, such as a number of samples.
    """
    drawn = {"sampling": protocol.sampling} if protocol.sampling else {}
    return {"on": str(protocol), **more, **drawn, "protocol": protocol.digest}


def share(value: float, n: int) -> Cell:
    """Returns a share of n rows or samples as a cell with its interval, which is not empty at 0 or 1.

    Args:
        value: share in [0, 1].
        n: number of rows or samples.
    """
    found = share_of(value, n)
    return Cell(value, (found.high - found.low) / (2 * WIDE), (found.low, found.high), percent=True)
