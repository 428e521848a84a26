"""`simulacra data inspect PATH`: what is in it, and what one could train on it."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from simulacra.cli.arguments import Pair
from simulacra.cli.plan import Plan
from simulacra.cli.said import LOADED, in_options, say, table
from simulacra.cli.start import build
from simulacra.cli.typed import Typed
from simulacra.core import capabilities as can
from simulacra.core.model import Model
from simulacra.core.waves import Wave
from simulacra.data.dataset import Dataset
from simulacra.data.images.files import reads_kept
from simulacra.data.inspection import inspect_data
from simulacra.data.load import load_data
from simulacra.models.catalog import CATALOG, Entry
from simulacra.training.cost import estimate_cost
from simulacra.training.fit import check_fits
from simulacra.training.options import Options
from simulacra.training.progress import duration

USAGE = "simulacra data inspect PATH_OR_NAME [--data.OPTION ...]"
SUGGESTED = 3
# a closed form is run whole to time it: rows (or columns) times squared columns that are worth it
MOST_WORK = 5e10
BEST_FIRST = (can.HasDensity, can.HasBound, can.HasEnergy, can.Samples, can.Encodes)


@dataclass(frozen=True)
class Candidate:
    """A model that the data fit.

    Args:
        entry: of the catalogue.
        model: untrained.
        data: loaded as the model wants them.
        pairs: the options with which they were loaded.
    """

    entry: Entry
    model: Model
    data: Dataset
    pairs: tuple[Pair, ...]

    @property
    def rank(self) -> int:
        """0 for a model that can be scored exactly; more where less can be said."""
        able = [i for i, capability in enumerate(BEST_FIRST) if self.model.supports(capability)]
        return min(able, default=len(BEST_FIRST))

    @property
    def order(self) -> int:
        """What can be said of the model, and what had to be done to the data for it: small comes first."""
        return self.rank + len(self.pairs)


def inspect(name: str, pairs: Sequence[Pair]) -> None:
    """Print what is in a data set, and suggest what to train.

    Args:
        name: a path or a name.
        pairs: options of `load_data`, each named `data.OPTION`.

    Raises:
        ValueError: as `load_data`.
    """
    with reads_kept():
        _inspect(name, pairs)


def _inspect(name: str, pairs: Sequence[Pair]) -> None:
    found = inspect_data(name, **_options(pairs))
    say(table([(about, in_options(what)) for about, what in found.facts.items()]))
    if found.columns:
        say(
            "",
            table([("column", "type", "missing", "values"), *((n, t, m, v) for n, t, v, m in found.columns)]),
        )
    given = [*pairs, *((f"data.{option}", _text(value)) for option, value in found.added.items())]
    with _quiet():
        lines = [_line(name, candidate) for candidate in _best(name, found.data, given)]
    if lines:
        say("", "to train, with the time on this machine:", table(lines))


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _options(pairs: Sequence[Pair]) -> dict[str, Any]:
    """The options of `load_data` that were given."""
    options = Typed(USAGE)
    options.add(load_data, "data", ["name_or_path"])
    values = options.parse(pairs)["data"]
    given = {name.removeprefix("data.").split(".")[0] for name, _ in pairs}
    return {name: value for name, value in values.items() if name in given}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what was said already when the data were loaded first."""
    log = logging.getLogger("simulacra")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _best(name: str, data: Dataset, pairs: Sequence[Pair]) -> list[Candidate]:
    """The best model of each family that takes the data, at most three."""
    fitting = [c for entry in CATALOG.values() if (c := _candidate(entry, name, data, pairs))]
    fitting.sort(key=lambda c: c.order)
    if isinstance(data.preprocessing.raw, Wave) and (entry := CATALOG.get("wavenet")):
        # any series of numbers will do for it, but it was made for companded sound
        companded = [*pairs, *([] if data.space.discrete else [("data.mu_law", "256")])]
        again = load_data(name, **_options(companded))
        fitting = [c for c in [_built(entry, name, again, companded)] if c] + fitting
    families: dict[str, Candidate] = {}
    for candidate in fitting:
        families.setdefault(candidate.entry.family, candidate)
    return list(families.values())[:SUGGESTED]


def _candidate(entry: Entry, name: str, data: Dataset, pairs: Sequence[Pair]) -> Candidate | None:
    """The model, on the data as they are or loaded as its refusal says; None if it takes neither."""
    try:
        return _built(entry, name, data, pairs)
    except ValueError as refusal:
        mend = LOADED.search(str(refusal))
    if mend is None:
        return None
    mended = [*pairs, (f"data.{mend[1]}", mend[2])]
    try:
        return _built(entry, name, load_data(name, **_options(mended)), mended)
    except ValueError:
        return None


def _built(entry: Entry, name: str, data: Dataset, pairs: Sequence[Pair]) -> Candidate | None:
    model = build(Plan(entry.name, name), data, Options())
    check_fits(model, data)
    stage = model.stage(0, [])
    closed = stage is None or not stage.updates
    dims = data.space.dims
    worth = max(len(data.train), dims) * dims**2 < MOST_WORK
    return Candidate(entry, model, data, tuple(pairs)) if worth or not closed else None


def _line(name: str, candidate: Candidate) -> tuple[str, str, str]:
    """A command, how long it takes and what it trains."""
    cost = estimate_cost(candidate.model, candidate.data)
    options = [word for option, value in candidate.pairs for word in (f"--{option}", value or "true")]
    command = shlex.join(["simulacra", "train", candidate.entry.name, name, *options])
    return f"  {command}", f"about {duration(max(1.0, cost.seconds))}", candidate.entry.summary
