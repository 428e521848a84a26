"""Runs one entry of the queue: starts or resumes it, stops it at its limit, and records it beside the recipe.

CACHE/RECIPE/start.json      the entry and the recipe as they were when the run began
             spent.json      CPU seconds over all starts
             measured.json   figures so far
             work/           finished trainings and scores, and the checkpoint of the one that goes on
"""

from __future__ import annotations

import datetime
import hashlib
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from headlines.entries import Entry, changes, check_figures, read
from headlines.meter import Meter, Spent
from simulacra.cli.commands.recipes import Recipe, find
from simulacra.cli.commands.reproduce import Record, as_record, described, device, imported, results
from simulacra.core.storage.files import read_json, write_json

FITTED = 0.9  # share of the limit for training; scores and rounding take the rest
Tell = Callable[[str], Any]


@dataclass(frozen=True)
class Place:
    """The files of a run of an entry.

    Args:
        entry: the entry of the queue.
        queue: file of the queue; recipes lie beside it.
        cache: folder outside the repository for what runs keep.
    """

    entry: Entry
    queue: Path
    cache: Path

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.cache / self.entry.recipe

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe of the entry."""
        return find(self.entry.recipe, self.queue.parent)

    @cached_property
    def module(self) -> ModuleType:
        """The recipe as an imported module."""
        return imported(self.recipe)

    @property
    def start(self) -> Path:
        """The file that records the entry and the recipe at the beginning of the run."""
        return self.folder / "start.json"

    @property
    def measured(self) -> list[Record]:
        """The figures that are measured so far."""
        file = self.folder / "measured.json"
        return read_json(file)["records"] if file.is_file() else []

    @property
    def record(self) -> dict[str, Any] | None:
        """The recorded run of the entry, or None."""
        file = results(self.recipe)
        return read_json(file).get("headline") if file.is_file() else None

    @property
    def done(self) -> bool:
        """True if its run is recorded and was not restarted since."""
        record = self.record
        begun_anew = self.start.is_file() and record and read_json(self.start)["began"] != record["began"]
        return record is not None and not begun_anew


def run(place: Place, tell: Tell, meter: Meter | None = None) -> None:
    """Runs an entry from its beginning or from where it stopped, and records it.

    Args:
        place: entry and folders of the run.
        tell: prints a line.
        meter: counts CPU time and stops the run; None: all CPU seconds of this process.

    Raises:
        ValueError: if entry or recipe changed since the run began, or contradict each other.
        KeyboardInterrupt: if a stop was requested; the run can be resumed.
    """
    begin(place)
    meter = meter or Meter(place.folder, place.entry.minutes)
    if not meter.exhausted:
        try:
            with meter.watching(lambda: meter.exhausted and finish(place, meter.spent)):
                measure(place, meter, tell)
        except KeyboardInterrupt:
            if not meter.exhausted:
                raise
    record = finish(place, meter.spent)
    for figure in record["records"]:
        tell(f"{figure['figure']}: {figure['verdict']}")
    tell(
        f"recorded in {results(place.recipe)}: {record['cpu_minutes']:g} CPU minutes of "
        f"{record['limit_minutes']:g}, {record['starts']} start{'s' * (record['starts'] > 1)}."
    )


# ---- the beginning


def begin(place: Place) -> None:
    """Records the entry at the beginning of a run; refuses to resume a run whose entry or recipe changed.

    Raises:
        ValueError: if the entry or the recipe changed since the run began, or they contradict each other.
    """
    if place.start.is_file():
        began = read_json(place.start)
        check_unchanged(place, began)
    else:
        check_figures(place.entry, place.module.FIGURES)
        place.folder.mkdir(parents=True, exist_ok=True)
        began = {
            "entry": place.entry.content,
            "recipe": digest(place.recipe.path),
            "began": datetime.datetime.now().isoformat(timespec="seconds"),
            "commits": [],
        }
    commit = commit_of(place.queue.parent)
    write_json(place.start, {**began, "commits": list(dict.fromkeys([*began["commits"], commit]))})


def check_unchanged(place: Place, began: dict[str, Any]) -> None:
    """Raises ValueError if entry or recipe changed since the beginning of the run.

    Args:
        place: entry and folders of the run.
        began: the record of its beginning.
    """
    again = f"or begin anew with `make headline ARGS='{place.entry.recipe} --again'`."
    found = changes(began["entry"], place.entry.content)
    if found:
        raise ValueError(
            f"the entry of {place.entry.recipe} in {place.queue} changed after its run began on "
            f"{began['began']} ({'; '.join(found)}): put it back, {again}"
        )
    if digest(place.recipe.path) != began["recipe"]:
        raise ValueError(
            f"{place.recipe.path} changed after its run began on {began['began']}: put it back, {again}"
        )


def digest(path: Path) -> str:
    """Returns the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def commit_of(folder: Path) -> str:
    """Returns the commit of the checkout with `folder`, and says if its sources differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        changed = git("status", "--porcelain", "--", ":/src", ":/recipes", ":(top,exclude)recipes/results")
    except OSError:
        return "unknown"
    return (commit + " with changes" * bool(changed)) if commit else "unknown"


# ---- the middle


def measure(place: Place, meter: Meter, tell: Tell) -> None:
    """Runs the recipe and saves each figure as soon as it is measured.

    Args:
        place: entry and folders of the run.
        meter: counts CPU time.
        tell: prints a line.

    Raises:
        ValueError: if the recipe ends without measuring a figure of the entry.
    """
    from simulacra.training.hardware.budget import Budget

    budget = Budget(FITTED * place.entry.minutes, place.folder / "work", meter.clock)
    listed = {target.name for target in place.entry.figures}
    machine = device()
    for measured in place.module.reproduce(budget):
        if measured.figure.name not in listed:
            tell(f"{measured.figure.name}: not in the entry, not recorded")
            continue
        found = keep(place, meter.spent, as_record(measured, 0.0, machine))
        tell(described({**found, "minutes": found["cpu_minutes"]}))
    lacking = sorted(listed - {record["figure"] for record in place.measured})
    if lacking:
        raise ValueError(
            f"{place.entry.recipe} ended without measuring {lacking[0]!r}: take it out of its entry in "
            f"{place.queue}, and begin anew with --again."
        )


def keep(place: Place, spent: Spent, found: Record) -> Record:
    """Adds a figure to those of the run, with the time it took; an earlier value of the same figure is kept.

    A resumed recipe measures its first figures again; a difference is mentioned in the note.

    Args:
        place: entry and folders of the run.
        spent: time spent so far.
        found: the record of the figure.
    """
    records = place.measured
    for record in records:
        if record["figure"] != found["figure"]:
            continue
        if repr(record["ours"]) != repr(found["ours"]) and "measured again" not in record["note"]:
            again = f"measured again after an interruption: {found['ours']:g}"
            record["note"] = f"{record['note']}; {again}".lstrip("; ")
        write_json(place.folder / "measured.json", {"records": records})
        return record
    cpu, wall = (sum(record[key] for record in records) for key in ("cpu_minutes", "minutes"))
    found["cpu_minutes"] = max(0.0, round(spent.cpu / 60 - cpu, 4))
    found["minutes"] = max(0.0, round(spent.wall / 60 - wall, 4))
    write_json(place.folder / "measured.json", {"records": [*records, found]})
    return found


# ---- the end


def finish(place: Place, spent: Spent) -> dict[str, Any]:
    """Records the run beside its recipe; figures that were not measured in time get a verdict too.

    Args:
        place: entry and folders of the run.
        spent: time of the run.

    Raises:
        ValueError: if entry or recipe changed since the run began.
    """
    entry = next((e for e in read(place.queue) if e.recipe == place.entry.recipe), place.entry)
    began = read_json(place.start)
    check_unchanged(Place(entry, place.queue, place.cache), began)
    headline = {
        "began": began["began"],
        "ended": datetime.datetime.now().isoformat(timespec="seconds"),
        "commit": ", ".join(began["commits"]),
        "recipe_sha256": began["recipe"],
        "machine": device(),
        "limit_minutes": entry.minutes,
        "cpu_minutes": round(spent.cpu / 60, 4),
        "wall_minutes": round(spent.wall / 60, 4),
        "starts": spent.starts,
        "entry": began["entry"],
        "records": all_figures(place, place.measured),
    }
    file = results(place.recipe)
    content = read_json(file) if file.is_file() else {}
    file.parent.mkdir(exist_ok=True)
    write_json(file, {**content, "headline": headline})
    return headline


def all_figures(place: Place, measured: Sequence[Record]) -> list[Record]:
    """Returns the records of the entry's figures, in its order.

    Args:
        place: entry and folders of the run.
        measured: the figures that were measured.
    """
    found = {record["figure"]: record for record in measured}
    figures = {figure.name: figure for figure in place.module.FIGURES}
    note = f"the run stopped at its limit of {place.entry.minutes:g} CPU minutes before it was measured"
    for target in place.entry.figures:
        if target.name not in found:
            left_out = as_record(figures[target.name].unmeasured(note), 0.0, device())
            found[target.name] = {**left_out, "cpu_minutes": 0.0}
    return [found[target.name] for target in place.entry.figures]


def lowest_priority() -> None:
    """Lowers the priority of this process as far as possible, and uses one thread."""
    import torch

    torch.set_num_threads(1)
    nice = getattr(os, "nice", None)  # Windows has none
    if nice is not None:
        nice(19)
