"""`simulacra reproduce NAME`: runs a recipe and says how its figures compare with the published ones."""

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
from simulacra.cli.options.times import in_minutes
from simulacra.cli.output import say, shown, table
from simulacra.core.storage.files import read_json, write_json

if TYPE_CHECKING:
    from simulacra.evaluation.compare.reproduction import Measured

Record = dict[str, Any]


def run(words: Sequence[str]) -> int:
    """Run a recipe."""
    return call("reproduce", reproduce, words)


def reproduce(
    name: str, *, budget: str | None = None, record: bool = False, folder: str | None = None
) -> int:
    """Run a recipe and print, for each of its figures, the published number, ours and a verdict.

    Args:
        budget: time for its trainings, such as 90s, 20m or 1.5h, which then run fewer passes; by default
            the recipe's whole schedule.
        record: write what was measured to results/NAME.json beside the recipe.
        folder: where recipes lie; by default those of the source checkout.
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
    """The recipe's module.

    Raises:
        ValueError: if it has no `reproduce`.
    """
    spec = importlib.util.spec_from_file_location(f"recipe_{recipe.name}", recipe.path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for their names
    spec.loader.exec_module(module)
    if not hasattr(module, "reproduce"):
        raise ValueError(
            f"{recipe.name} has no figures to compare (FIGURES and reproduce); run it by itself: "
            f"python {recipe.path}."
        )
    return module


def device() -> str:
    """What computes, in words: `x86_64, 2 cores, 1 thread`."""
    from simulacra.cli.commands.info import facts

    found = facts()
    used, cores = found["threads"]["used"], found["threads"]["cores"]
    cores_and_threads = f"{cores} core{'s' * (cores > 1)}, {used} thread{'s' * (used > 1)}"
    name = re.sub(r"\((?:R|TM|C)\)| @.*$", "", str(found["device"]["name"]))
    return f"{name}, {cores_and_threads}"


def as_record(measured: Measured, minutes: float, machine: str) -> Record:
    """What is kept of a figure."""
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
    """A record as lines."""
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
    """A number as tables show it: five digits, and no noise of the arithmetic.

    Example:
        >>> number(-142.387), number(0.00061234), number(64)
        ('-142.39', '0.00061234', '64')
    """
    return f"{value:.5g}"


def published(found: Record) -> str:
    """The number in print of a record, and where it stands."""
    if found["published"] is None:
        return "none"
    return f"{_with_unit(number(found['published']), found)} ({found['source']})"


def ours(found: Record) -> str:
    """Our value of a record, with its error where it has one."""
    if found["ours"] is None:
        return "not measured"
    error = f" +- {found['error']:.2g}" if found["error"] is not None else ""
    return _with_unit(f"{number(found['ours'])}{error}", found)


def _with_unit(text: str, found: Record) -> str:
    return f"{text} {found['unit']}".rstrip()


def share(found: Record) -> str:
    """How much of the published schedule was run."""
    if not found["share"]:
        return "not to its end"
    return "whole" if found["share"] >= 1 else f"{found['share']:.2g} of it"


def results(recipe: Recipe) -> Path:
    """The file that holds what was recorded of a recipe."""
    return recipe.path.parent / "results" / f"{recipe.name}.json"


def recorded(found: Record, file: Path) -> str:
    """Put a record into its file, unless more of the schedule was run before; say which."""
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
