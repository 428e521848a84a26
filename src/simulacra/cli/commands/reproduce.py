"""`simulacra reproduce NAME`: runs a recipe and compares its figures with the published ones."""

from __future__ import annotations

import datetime
import importlib.util
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from simulacra.cli.commands.recipes import Recipe, find
from simulacra.cli.options.command import call
from simulacra.cli.options.durations import in_minutes
from simulacra.cli.output import say, shown, table
from simulacra.core.storage.files import read_json, write_json

if TYPE_CHECKING:
    from simulacra.evaluation.compare.reproduction import Measured

Record = dict[str, Any]


def run(words: Sequence[str]) -> int:
    """Runs `simulacra reproduce` with the given command-line words."""
    return call("reproduce", reproduce, words)


def reproduce(
    name: str, *, budget: str | None = None, record: bool = False, folder: str | None = None
) -> int:
    """Run a recipe and print, for each of its figures, the published number, ours and a verdict.

    Args:
        name: name of the recipe, as `simulacra recipes` lists it.
        budget: time for its trainings, such as 90s, 20m or 1.5h, which then run fewer passes; by default
            the recipe's whole schedule.
        record: write the measurements to results/NAME.json beside the recipe.
        folder: folder of the recipes; by default that of the source checkout.

    Raises:
        ValueError: if there is no such recipe, it has no figures, or `budget` is no time.
    """
    minutes = None if budget is None else in_minutes(budget)
    recipe = find(name, folder)
    from simulacra.training.hardware.budget import Budget

    module = imported(recipe)
    machine = device()
    began = time.perf_counter()
    with shown():
        for measured in module.reproduce(Budget(minutes)):
            now = time.perf_counter()
            found = as_record(measured, (now - began) / 60, machine)
            began = now
            say(described(found), "")
            if record:
                say(recorded(found, results(recipe)), "")
    return 0


def imported(recipe: Recipe) -> ModuleType:
    """Imports a recipe and returns its module.

    Raises:
        ValueError: if the module has no `reproduce`.
    """
    spec = importlib.util.spec_from_file_location(f"recipe_{recipe.name}", recipe.path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up annotations there
    spec.loader.exec_module(module)
    if not hasattr(module, "reproduce"):
        raise ValueError(
            f"{recipe.name} has no figures to compare (FIGURES and reproduce); run it by itself: "
            f"python {recipe.path}."
        )
    return module


def device() -> str:
    """Returns the computing device in words, such as `x86_64, 2 cores, 1 thread`."""
    from simulacra.cli.commands.info import facts

    found = facts()
    used, cores = found["threads"]["used"], found["threads"]["cores"]
    cores_and_threads = f"{cores} core{'s' * (cores > 1)}, {used} thread{'s' * (used > 1)}"
    name = re.sub(r"\((?:R|TM|C)\)| @.*$", "", str(found["device"]["name"]))
    return f"{name}, {cores_and_threads}"


def as_record(measured: Measured, minutes: float, machine: str) -> Record:
    """Returns a measured figure as a dictionary for JSON.

    Args:
        measured: the figure with our value.
        minutes: time of the measurement in minutes.
        machine: device in words, from `device`.
    """
    from simulacra.version import __version__

    figure = measured.figure
    return {
        "figure": figure.name,
        "published": figure.published,
        "source": figure.source,
        "ours": measured.value,
        "error": measured.error,
        "unit": figure.unit,
        "published_protocol": figure.protocol,
        "protocol": measured.protocol or figure.protocol,
        "share": measured.share,
        "verdict": measured.verdict,
        "note": measured.note,
        "minutes": round(minutes, 2),
        "device": machine,
        "version": __version__,
        "date": datetime.date.today().isoformat(),
    }


def described(found: Record) -> str:
    """Returns a record as a table of text."""
    rows = [("published", published(found)), ("ours", ours(found))]
    theirs, here = found["published_protocol"], found["protocol"]
    if here == theirs:
        rows.append(("protocol", here))
    else:
        rows += [("protocol", f"published: {theirs}"), ("", f"ours: {here}")]
    rows.append(("schedule", share(found)))
    if found["note"]:
        rows.append(("note", found["note"]))
    rows += [("minutes", f"{found['minutes']:g}"), ("verdict", found["verdict"])]
    return f"{found['figure']}\n" + table([(f"  {word}", said) for word, said in rows])


def number(value: float) -> str:
    """Returns a number with five significant digits.

    Example:
        >>> number(-142.387), number(0.00061234), number(64)
        ('-142.39', '0.00061234', '64')
    """
    return f"{value:.5g}"


def published(found: Record) -> str:
    """Returns the published number of a record with unit and source, or `none`."""
    if found["published"] is None:
        return "none"
    return f"{_with_unit(number(found['published']), found)} ({found['source']})"


def ours(found: Record) -> str:
    """Returns our value of a record with its standard error, or `not measured`."""
    if found["ours"] is None:
        return "not measured"
    error = f" +- {found['error']:.2g}" if found["error"] is not None else ""
    return _with_unit(f"{number(found['ours'])}{error}", found)


def _with_unit(text: str, found: Record) -> str:
    return f"{text} {found['unit']}".rstrip()


def share(found: Record) -> str:
    """Returns the part of the published schedule that was run, in words."""
    if not found["share"]:
        return "not to its end"
    return "whole" if found["share"] >= 1 else f"{found['share']:.2g} of it"


def results(recipe: Recipe) -> Path:
    """Returns the file for records of a recipe."""
    return recipe.path.parent / "results" / f"{recipe.name}.json"


def recorded(found: Record, file: Path) -> str:
    """Writes a record to its file, unless the file holds this figure from more of the schedule.

    Args:
        found: the record.
        file: JSON file, created if it does not exist.

    Returns:
        a sentence that says whether the record was written.
    """
    content = read_json(file) if file.is_file() else {}
    records: list[Record] = content.get("records", [])
    places = {record["figure"]: i for i, record in enumerate(records)}
    place = places.get(found["figure"])
    if place is None:
        records.append(found)
    elif found["share"] < records[place]["share"]:
        return (
            f"not recorded: {file} holds this figure from more of the schedule "
            f"({records[place]['share']:.2g} of it, now {found['share']:.2g})."
        )
    else:
        records[place] = found
    file.parent.mkdir(exist_ok=True)
    write_json(file, {**content, "records": records})
    return f"recorded in {file}"
