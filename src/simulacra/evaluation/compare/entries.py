"""Collects the models to compare: runs, reports and estimates by name, with the valid reports of each run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from simulacra.core.artifact.save import CONFIG, WEIGHTS
from simulacra.core.errors.argument_types import brief
from simulacra.core.errors.calls import WrongCall
from simulacra.core.errors.suggestion import Refusal, command
from simulacra.core.model import Model
from simulacra.core.scores.estimate import Estimate, Protocol
from simulacra.core.storage.files import read_json
from simulacra.core.storage.links import check_links
from simulacra.evaluation.fresh import why_not
from simulacra.evaluation.report import REPORT, Report, reports_in
from simulacra.training.run import Run
from simulacra.version import __version__

Comparable = Run | Report | Estimate | str | Path
UNBOUNDED = ("unbounded density", "density on discrete data")  # findings of densities without a limit


@dataclass(frozen=True)
class CompareEntry:
    """One model under one protocol.

    Args:
        name: name in the tables.
        estimate: its likelihood; None if it has none.
        report: its report; None if a bare estimate was given.
        path: its run folder; None if there is none.
        notes: further remarks about it, as clauses.
    """

    name: str
    estimate: Estimate | None = None
    report: Report | None = None
    path: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def protocol(self) -> Protocol | None:
        """The protocol of the likelihood, or else of the report."""
        if self.estimate is not None:
            return self.estimate.protocol
        return self.report.protocol if self.report else None

    @property
    def unbounded(self) -> str | None:
        """A clause if the doctor found an unbounded density, whose likelihood decides nothing (row I7)."""
        found = self.report.findings if self.report else []
        if any(f.name in UNBOUNDED and f.severity == "warning" for f in found):
            return "has a density that grows without limit (its report says more)"
        return None


def entries(
    models: Sequence[Comparable | Mapping[str, Comparable]], named: Mapping[str, Comparable]
) -> list[CompareEntry]:
    """Returns one entry for each model and protocol.

    Args:
        models: runs, folders, reports or estimates; a mapping or list among them is unpacked.
        named: the same under names of the caller's own.

    Raises:
        ValueError: if a folder is no evaluated run, or its report is not of the run's present weights.
    """
    items: list[tuple[str, Comparable]] = []
    for model in models:
        if isinstance(model, Mapping):
            items += [(name, _comparable(one)) for name, one in model.items()]
        else:
            many = model if isinstance(model, (list, tuple)) else [model]
            items += [(_name_of(one), one) for one in map(_comparable, many)]
    found: dict[str, Comparable] = {}
    for name, item in [*items, *((name, _comparable(one)) for name, one in named.items())]:
        tries = (name, *(f"{name} ({i})" for i in range(2, len(items) + len(named) + 2)))
        found[next(t for t in tries if t not in found)] = item
    return [one for name, item in found.items() for one in _entries(name, item)]


def _comparable(item: Comparable) -> Comparable:
    """Returns the folder of a run, and other objects as they are; raises WrongCall for other types."""
    if isinstance(item, Run):
        return item.path
    if not isinstance(item, Comparable):
        instead = "give its run, or the report of evaluate(model, data)" if isinstance(item, Model) else ""
        raise WrongCall(
            f"compare takes runs, their folders, reports and estimates, not {brief(item)}"
            f": {instead or 'give one of these'}."
        )
    return item


def _name_of(item: Comparable) -> str:
    if isinstance(item, Report):
        return item.model
    return item.method if isinstance(item, Estimate) else Path(cast(str, item)).resolve().name


def _entries(name: str, item: Comparable) -> list[CompareEntry]:
    if isinstance(item, Estimate):
        return [CompareEntry(name, item)]
    if isinstance(item, Report):
        return [CompareEntry(name, item.likelihood, item)]
    assert isinstance(item, str | Path)
    path = Path(item)
    check_run(path)
    notes = _notes(path)
    check_links(path)
    reports = reports_in(path)
    doubts = [why_not(path, report) for report in reports]
    sound = [report for report, why in zip(reports, doubts) if why is None]
    if not sound:
        score = command("evaluate", path)
        raise Refusal(f"{path}: {doubts[0]}; run {score} again.", score)
    return [CompareEntry(name, report.likelihood, report, path, notes) for report in sound]


def check_run(path: Path) -> None:
    """Raises ValueError, with a command as remedy, unless `path` holds an evaluated run."""
    if not path.is_dir():
        raise ValueError(f"{path} is no folder of a run: give runs, such as runs/vae-digits-1.")
    finished = (path / WEIGHTS).is_file()
    if (path / CONFIG).is_file() and not finished and not (path / REPORT).is_file():
        go_on = command("train", "--resume", path)
        raise Refusal(f"{path} is unfinished, it holds no {WEIGHTS}: go on with {go_on}.", go_on)
    if not (path / REPORT).is_file():
        score = command("evaluate", path)
        raise Refusal(f"{path} has no report: run {score} first.", score)


def typed(path: Path) -> str:
    """Returns a path quoted for the shell."""
    return shlex.quote(str(path))


def _notes(path: Path) -> tuple[str, ...]:
    """Returns a clause if the run was trained with another version."""
    if not (path / CONFIG).is_file():
        return ()
    version = read_json(path / CONFIG).get("version") or "an early version"
    if version == __version__:
        return ()
    return (f"was trained with version {version}; this is {__version__}",)
