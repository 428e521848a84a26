"""The report of a table in words: a line for each measure, beside what held-out rows get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Found = Mapping[str, Any]
NAMED = 3  # columns, pairs or targets that are named


def table_rows(found: Found) -> list[tuple[str, str]]:
    """Name and value of each number of `TableReport.summary`."""
    return [
        ("columns kept", _columns(found["columns"], found["held_out_rows"])),
        ("associations of pairs", _told(found["pairs"], lambda p: _pairs(p, found["held_out_rows"]))),
        ("samples told from data", _told(found["detection"], lambda d: _detected(d, found))),
        ("learning from samples", _told(found["usefulness"], _useful)),
        ("outside the range", _outside(found["form"], found["form_held_out"])),
        ("written as the data", _written(found["form"])),
        ("rows equal to a training row", _pair(found["form"], found["form_held_out"], "copies", ".1%")),
        ("hidden cells filled in", _told(found["imputation"], _imputed)),
    ]


def _told(part: Found, words: Any) -> str:
    return f"not measured: {part['skipped']}" if "skipped" in part else words(part)


def _columns(found: Found, n: int) -> str:
    known = {name: c["drawn"] for name, c in found["each"].items() if c["drawn"] is not None}
    worst = sorted(known, key=lambda name: known[name])[:NAMED]
    values = [_number(found[side], ".1%") for side in ("drawn", "drawn_as_many", "held_out")]
    said = f"{values[0]} on average (of {n:,} samples {values[1]}, of {n:,} held-out rows {values[2]})"
    named = (f"{name} {known[name]:.1%}" for name in worst)
    return f"{said}; least: {', '.join(named)}" if worst else said


def _pairs(found: Found, n: int) -> str:
    few, theirs = (_number(found[side], ".3f") for side in ("error_as_many", "held_out"))
    named = (
        f"{' and '.join(w['pair'])} {w['drawn']:.2f} (data {w['data']:.2f})" for w in found["worst"][:NAMED]
    )
    return (
        f"off by {found['error']:.3f} on average over {found['pairs']:,} pairs (of {n:,} samples {few}, of "
        f"{n:,} held-out rows {theirs}); most: {', '.join(named)}"
    )


def _detected(part: Found, found: Found) -> str:
    theirs = found["detection_held_out"]
    beside = "" if "skipped" in theirs else f" (held-out rows {theirs['auc']:.3f})"
    return (
        f"AUC {part['auc']:.3f}{beside}, 0.5 is best; {part['rows']:,} rows against {part['drawn']:,} samples"
    )


def _useful(found: Found) -> str:
    targets = sorted(found["targets"], key=lambda t: t["drawn"] - t["real"])
    named = (
        f"{t['name']} {t['score']} {t['drawn']:.2f} (real rows {t['real']:.2f})" for t in targets[:NAMED]
    )
    return (
        f"{found['loss']:.3f} lost on average over {len(targets)} targets; most: {', '.join(named)}; "
        f"tested on {found['tested']:,} held-out rows"
    )


def _outside(ours: Found, theirs: Found) -> str:
    if ours["outside"] is None:
        return "not measured: there is no column of numbers."
    worst = sorted(ours["beyond"], key=lambda name: -ours["beyond"][name])[:NAMED]
    named = ", ".join(f"{name} {ours['beyond'][name]:.1%}" for name in worst)
    return f"{_pair(ours, theirs, 'outside', '.2%')}{f'; most: {named}' if named else ''}"


def _written(found: Found) -> str:
    if found["decimals"] is None:
        return "not measured: there is no column of numbers."
    finer = found["finer"]
    more = ", ..." if len(finer) > NAMED else ""
    named = f"; more decimals than in the data: {', '.join(finer[:NAMED])}{more}" if finer else ""
    return f"{found['decimals']:.0%} of the columns of numbers{named}"


def _imputed(found: Found) -> str:
    ours = (
        "the model completes nothing" if found["model"] is None else f"RMSE {found['model']:.2f} deviations"
    )
    beside = f"column mean {found['mean']:.2f}"
    beside += "" if found["iterative"] is None else f", IterativeImputer {found['iterative']:.2f}"
    return f"{ours} ({beside}) over {found['cells']:,} cells"


def _pair(ours: Found, theirs: Found, name: str, digits: str) -> str:
    return f"{_number(ours[name], digits)} (held-out rows {_number(theirs[name], digits)})"


def _number(value: float | None, digits: str) -> str:
    return "unknown" if value is None else f"{value:{digits}}"
