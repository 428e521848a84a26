"""The scores of a report that need no likelihood, each with the protocol that makes it comparable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulacra.evaluation.fewlabels import OWN
from simulacra.evaluation.interval import WIDE, Interval
from simulacra.evaluation.interval import share as share_of
from simulacra.evaluation.report import Report
from simulacra.evaluation.score_tables import Cell, Column, Scores, of_interval

Found = Mapping[str, Any]

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
TRAINED = (Column("right after learning from samples", "higher"), Column("lost against real rows", "lower"))
FEW = (Column("wrong with few labels", "lower"), Column("against the data themselves", "lower"))
TABLE = (
    Column("told from data (AUC)", "lower"),
    Column("columns kept", "higher"),
    Column("error of pairs", "lower"),
    Column("lost in learning from samples", "lower"),
    Column("outside the range", "lower"),
    Column("equal to training rows", "neither"),
    Column("RMSE of hidden cells", "lower"),
)
LABELS = (Column("wrong labels", "lower"),)


def scores_of(report: Report) -> list[Scores]:
    """One entry for each kind of score that the report holds."""
    return [made for make in KINDS if (made := make(report)) is not None]


def _samples(report: Report) -> Scores | None:
    found = report.quality
    if found is None or "skipped" in found:
        return None
    key = _key(report, samples=found["samples"], features=found["extractor"])
    key |= {"seed": found["seed"], "weights": found["extractor_digest"]}
    n = found["samples"]
    model, best = _judged(found["model"], n), _judged(found["reference"], n)
    modes = found["modes"]
    if modes:
        model = (*model[:-1], Cell(modes["covered"]))
        best = (*best[:-1], Cell(modes["of"]))
    shown = [i for i in range(len(SAMPLES)) if model[i] is not None]
    keep = lambda cells: tuple(cells[i] for i in shown)
    return Scores("samples", key, keep(SAMPLES), keep(model), keep(best))


def _judged(side: Found, n: int) -> tuple[Cell | None, ...]:
    """The cells of one set of rows; modes are filled in by who knows them."""
    shares = side["coverage"]
    return (
        Cell(side["kernel"]["value"], side["kernel"]["error"]),
        Cell(side["frechet"]["limit"], side["frechet"].get("error"), digits=4),
        share(shares["precision"], n),
        share(shares["recall"], n),
        Cell(shares["density"], percent=True),
        share(shares["coverage"], n),
        _measured(side["inception"]),
        None,
    )


def _measured(found: Found | None) -> Cell | None:
    return None if found is None else Cell(found["value"], found["error"])


def _copies(report: Report) -> Scores | None:
    found = report.memorisation
    if found is None:
        return None
    n = found["samples"]
    cells = (
        share(found["share_nearer_than_5th_percentile"], n),
        share(found["exact_copies"] / n, n),
        Cell(found["copying_score"], 1.0),
    )
    return Scores(
        "copies",
        _key(report, samples=n),
        COPIES,
        cells,
        (Cell(0.05, percent=True), None, Cell(0)),
        "expected",
    )


def _reconstructions(report: Report) -> Scores | None:
    found = report.reconstruction
    if found is None:
        return None
    cells = (Cell(found["mse"], found.get("error"), digits=4), Cell(found["explained"], percent=True))
    key = _key(
        report, rows=found["rows"], **({"unit": f"{found['unit']:,.0f} levels"} if "unit" in found else {})
    )
    return Scores("reconstructions", key, KEPT, cells)


def _fidelity(report: Report) -> Scores | None:
    found = report.fidelity
    if found is None:
        return None
    key = _key(report, images=found["images"], window=found["window"], seed=found["seed"])
    model, mean_image = (_seen(found[side]) for side in ("model", "reference"))
    return Scores("reconstructed images", key, SEEN, model, mean_image, "mean image")


def _seen(side: Found) -> tuple[Cell | None, ...]:
    psnr = side["psnr"]
    return _cell(side["ssim"], digits=4), None if psnr is None else _cell(psnr, digits=4)


def _trained(report: Report) -> Scores | None:
    found = (report.tasks or {}).get("samples", {"skipped": ""})
    if "skipped" in found:
        return None
    key = _key(report, samples=found["samples"], classifier=found["classifier"], seed=found["seed"])
    lost = found["difference"]
    cells = (
        _cell(found["accuracy"], True),
        Cell(-lost["value"], lost["error"], (-lost["high"], -lost["low"]), True),
    )
    return Scores("learning from samples", key, TRAINED, cells, (_cell(found["reference"], True), None))


def _few(report: Report) -> Scores | None:
    found = (report.tasks or {}).get("labels", {"skipped": ""})
    if "skipped" in found:
        return None
    if found["read"] == OWN:
        # it may have learned from any number of labels: its errors stand among the wrong labels
        return None
    key = _key(report, labels=found["labels"], choices=len(found["seeds"]), classifier=found["classifier"])
    cells = (_cell(found["error"], True), _cell(found["difference"], True))
    return Scores("few labels", key, FEW, cells, (_cell(found["reference"], True), None), "rows themselves")


def _table(report: Report) -> Scores | None:
    found = report.tables
    if found is None:
        return None
    key = _key(report, samples=found["samples"], rows=found["training_rows"], seed=found["seed"])
    return Scores(
        "table", key, TABLE, _table_cells(found, ""), _table_cells(found, "_held_out"), "held-out rows"
    )


def _table_cells(found: Found, whose: str) -> tuple[Cell | None, ...]:
    """The cells of samples, or of held-out rows."""
    told, side, ours = found["detection" + whose], "held_out" if whose else "drawn", not whose
    useful, imputed = found["usefulness"], found["imputation"]
    return (
        None if "skipped" in told else Cell(told["auc"], told["error"]),
        _known(found["columns"][side], percent=True),
        _known(found["pairs"].get("error" if ours else "held_out")),
        _known(useful.get("loss")) if ours else None,
        _known(found["form" + whose]["outside"], percent=True),
        _known(found["form" + whose]["copies"], percent=True),
        _imputed(imputed) if ours else None,
    )


def _imputed(found: Found) -> Cell | None:
    return None if found.get("model") is None else Cell(found["model"], found["model_error"])


def _known(value: float | None, percent: bool = False) -> Cell | None:
    return None if value is None else Cell(value, percent=percent)


def _cell(found: Found, percent: bool = False, digits: int = 3) -> Cell:
    return of_interval(Interval(**found), percent, digits)


def _labels(report: Report) -> Scores | None:
    found = report.classes
    if found is None:
        return None
    cell = Cell(found["share"], found["error"], percent=True)
    return Scores("labels", _key(report, rows=found["rows"]), LABELS, (cell,))


def _key(report: Report, **more: Any) -> dict[str, Any]:
    """What must be equal: the protocol and what else is named."""
    return {"on": str(report.protocol), **more, "protocol": report.protocol.digest}


def share(value: float, n: int) -> Cell:
    """A share of n rows or samples, with the error that its interval has: none at all is no certainty."""
    found = share_of(value, n)
    return Cell(value, (found.high - found.low) / (2 * WIDE), (found.low, found.high), percent=True)


KINDS: tuple[Callable[[Report], Scores | None], ...] = (
    _samples,
    _copies,
    _reconstructions,
    _fidelity,
    _labels,
    _table,
    _trained,
    _few,
)
