"""The report of a table in words: a line for each measure, with the value of held-out rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from simulacra.evaluation.samples.quality import Skipped
from simulacra.evaluation.tables.detection import Detection
from simulacra.evaluation.tables.form import Form
from simulacra.evaluation.tables.imputation import Imputation
from simulacra.evaluation.tables.summary import ColumnsKept, PairsKept, TableSummary
from simulacra.evaluation.tables.usefulness import Usefulness

T = TypeVar("T")
NAMED = 3  # number of columns, pairs or targets that a line lists


def table_rows(found: TableSummary) -> list[tuple[str, str]]:
    """Returns name and value of each line of a table's report."""
    n = found.held_out_rows
    given = [] if found.grouped is None else [("columns given the condition", _grouped(found.grouped))]
    return [
        ("columns kept", _columns(found.columns, n)),
        *given,
        ("associations of pairs", _or_reason(found.pairs, lambda pairs: _pairs(pairs, n))),
        (
            "samples told from data",
            _or_reason(found.detection, lambda d: _detected(d, found.detection_held_out)),
        ),
        ("learning from samples", _or_reason(found.usefulness, _useful)),
        ("outside the range", _outside(found.form, found.form_held_out)),
        ("written as the data", _written(found.form)),
        ("rows equal to a training row", _pair(found.form.copies, found.form_held_out.copies, ".1%")),
        ("hidden cells filled in", _or_reason(found.imputation, _imputed)),
    ]


def _or_reason(part: T | Skipped, words: Callable[[T], str]) -> str:
    return f"not measured: {part.skipped}" if isinstance(part, Skipped) else words(part)


def _columns(found: ColumnsKept, n: int) -> str:
    known = {name: c.drawn for name, c in found.each.items() if c.drawn is not None}
    worst = sorted(known, key=lambda name: known[name])[:NAMED]
    values = [_number(side, ".1%") for side in (found.drawn, found.drawn_as_many, found.held_out)]
    said = f"{values[0]} on average (of {n:,} samples {values[1]}, of {n:,} held-out rows {values[2]})"
    named = (f"{name} {known[name]:.1%}" for name in worst)
    return f"{said}; least: {', '.join(named)}" if worst else said


def _grouped(found: ColumnsKept) -> str:
    known = {name: c.drawn for name, c in found.each.items() if c.drawn is not None}
    worst = ", ".join(f"{name} {known[name]:.1%}" for name in sorted(known, key=lambda n: known[n])[:NAMED])
    return f"{_pair(found.drawn, found.held_out, '.1%')}; least: {worst}"


def _pairs(found: PairsKept, n: int) -> str:
    ours, few, theirs = (_number(x, ".3f") for x in (found.error, found.error_as_many, found.held_out))
    named = (
        f"{' and '.join(w.pair)} {_number(w.drawn, '.2f')} (data {_number(w.data, '.2f')})"
        for w in found.worst[:NAMED]
    )
    return (
        f"off by {ours} on average over {found.pairs:,} pairs (of {n:,} samples {few}, of "
        f"{n:,} held-out rows {theirs}); most: {', '.join(named)}"
    )


def _detected(found: Detection, theirs: Detection | Skipped) -> str:
    beside = "" if isinstance(theirs, Skipped) else f" (held-out rows {theirs.auc:.3f})"
    return f"AUC {found.auc:.3f}{beside}, 0.5 is best; {found.rows:,} rows against {found.drawn:,} samples"


def _useful(found: Usefulness) -> str:
    targets = sorted(found.targets, key=lambda t: -t.loss)
    named = (f"{t.name} {t.score} {t.drawn:.2f} (real rows {t.real:.2f})" for t in targets[:NAMED])
    over = _counted(len(targets), "target")
    return (
        f"{found.loss:.3f} lost on average over {over}; most: {', '.join(named)}; "
        f"tested on {found.tested:,} held-out rows"
    )


def _outside(ours: Form, theirs: Form) -> str:
    if ours.outside is None:
        return "not measured: there is no column of numbers."
    worst = sorted(ours.beyond, key=lambda name: -ours.beyond[name])[:NAMED]
    named = ", ".join(f"{name} {ours.beyond[name]:.1%}" for name in worst)
    return f"{_pair(ours.outside, theirs.outside, '.2%')}{f'; most: {named}' if named else ''}"


def _written(found: Form) -> str:
    if found.decimals is None:
        return "not measured: there is no column of numbers."
    more = ", ..." if len(found.finer) > NAMED else ""
    named = f"; more decimals than in the data: {', '.join(found.finer[:NAMED])}{more}" if found.finer else ""
    return f"{found.decimals:.0%} of the columns of numbers{named}"


def _imputed(found: Imputation) -> str:
    ours = "not by this model, which completes nothing or takes a condition"
    if found.model is not None:
        error = "" if found.model_error is None else f" +- {found.model_error:.2f}"
        ours = f"RMSE {found.model:.2f}{error} deviations"
    beside = f"column mean {found.mean:.2f}"
    beside += "" if found.iterative is None else f", IterativeImputer {found.iterative:.2f}"
    return f"{ours} ({beside}) over {_counted(found.cells, 'cell')}"


def _counted(n: int, of: str) -> str:
    return f"{n:,} {of}{'s' * (n != 1)}"


def _pair(ours: float | None, theirs: float | None, digits: str) -> str:
    return f"{_number(ours, digits)} (held-out rows {_number(theirs, digits)})"


def _number(value: float | None, digits: str) -> str:
    return "unknown" if value is None else f"{value:{digits}}"
