"""`simulacra data inspect PATH`: what is in it, and what one could train on it."""

from __future__ import annotations

import gc
import json
import logging
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from simulacra.cli.options.arguments import Pair
from simulacra.cli.options.loading import loading
from simulacra.cli.options.plan import Plan
from simulacra.cli.options.typed import Typed
from simulacra.cli.output import LOADED, in_options, say, table, value_of
from simulacra.cli.start import build
from simulacra.cli.timed import whole_seconds
from simulacra.core.artifact.shapes_alone import shapes_alone
from simulacra.core.capabilities import general as can
from simulacra.core.model import Model
from simulacra.core.progress.logs import held_back
from simulacra.core.progress.tasks import start
from simulacra.core.spaces.audio import Audio
from simulacra.data.dataset import Dataset
from simulacra.data.images.files import reads_kept
from simulacra.data.inspection.facts import Inspection, inspect_data
from simulacra.data.inspection.sample import PIXELS, sampled
from simulacra.data.load import load_data, reading_once
from simulacra.models.catalog import CATALOG, Entry
from simulacra.training.callbacks.progress import duration
from simulacra.training.fit import check_fits
from simulacra.training.options import Options

USAGE = "simulacra data inspect PATH_OR_NAME [--data.OPTION ...]"
SUGGESTED = 3
MOST_PARAMETERS = 20_000_000  # of a model that is tried: building a larger one takes seconds
FEW = 512  # rows of a split with which a model is tried
# a closed form is run whole to time it: rows (or columns) times squared columns that are worth it
MOST_WORK = 1e10
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
        """The rank plus the number of options that the data need; the smallest comes first."""
        return self.rank + len(self.pairs)


def inspect(name: str, pairs: Sequence[Pair]) -> None:
    """Print what is in a data set, and suggest what to train.

    Args:
        name: a path or a name.
        pairs: options of `load_data`, each named `data.OPTION`.

    Raises:
        ValueError: as `load_data`.
    """
    with reading_once(), reads_kept(PIXELS), _no_collection():
        _inspect(name, pairs)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause collections of cyclic garbage, which walk all cells of a table: a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _inspect(name: str, pairs: Sequence[Pair]) -> None:
    found = inspect_data(name, **_options(pairs))
    say(table([(about, in_options(what)) for about, what in found.facts.items()]))
    if found.columns:
        say(
            "",
            table([("column", "type", "missing", "values"), *((n, t, m, v) for n, t, v, m in found.columns)]),
        )
    given = [*pairs, *((f"data.{option}", _text(value)) for option, value in found.added.items())]
    # loading again says nothing new
    now = time.perf_counter()
    # the command that trains starts and reads as this one does
    before = now - start(now)
    with held_back(logging.ERROR):
        lines = [_line(name, candidate, found.rows, before) for candidate in _best(name, found, given)]
    if lines:
        say("", "to train, with the time on this machine:", table(lines))


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _options(pairs: Sequence[Pair]) -> dict[str, Any]:
    """The options of `load_data` that were given."""
    options = Typed(USAGE)
    options.add(loading(), "data")
    values = options.parse(pairs)["data"]
    given = {name.removeprefix("data.").split(".")[0] for name, _ in pairs}
    return {name: value for name, value in values.items() if name in given}


def _best(name: str, found: Inspection, pairs: Sequence[Pair]) -> list[Candidate]:
    """The best model of each family that takes the data, at most three.

    A model is built only if it can still be among them: its declared rank and its place in the
    catalogue bound its key from below.
    """
    mended = Mended(name, found, pairs)
    families: dict[str, list[Entry]] = {}
    for entry in sorted(CATALOG.values(), key=_bound):
        families.setdefault(entry.family, []).append(entry)
    fitting: list[Candidate] = []
    # in the order of each family's smallest bound
    for entries in families.values():
        if len(fitting) >= SUGGESTED and _key(fitting[SUGGESTED - 1]) < _bound(entries[0], len(pairs)):
            break
        fitting = sorted([*fitting, *_best_of(entries, mended)], key=_key)
    raw = found.data.preprocessing.raw
    sound = next((e for e in CATALOG.values() if e.made_for == type(raw).__name__), None)
    if isinstance(raw, Audio) and sound is not None:
        # any series of numbers will do for it, but it was made for companded sound
        companded = [*pairs, *([] if found.data.space.discrete else [("data.mu_law", "256")])]
        best = mended.built(sound, companded)
        fitting = [c for c in [best] if c] + [c for c in fitting if c.entry.family != sound.family]
    return fitting[:SUGGESTED]


def _best_of(entries: Sequence[Entry], mended: Mended) -> list[Candidate]:
    """The best model of a family, or none; its entries come in the order of their bounds."""
    best: list[Candidate] = []
    # those that take the data as they are come first: one option more makes a key larger
    for more, candidate in enumerate((mended.given, mended.candidate)):
        for entry in entries:
            if best and _key(best[0]) < _bound(entry, len(mended.pairs) + more):
                break
            best = sorted([*best, *(c for c in [candidate(entry)] if c)], key=_key)[:1]
    return best


def _key(candidate: Candidate) -> tuple[int, int]:
    """The order of a candidate, and among equals its place in the catalogue."""
    return candidate.order, list(CATALOG).index(candidate.entry.name)


def _bound(entry: Entry, options: int = 0) -> tuple[int, int]:
    """The smallest key that a candidate of this model can have with so many options."""
    return _declared_rank(entry) + options, list(CATALOG).index(entry.name)


def _declared_rank(entry: Entry) -> int:
    """The rank by what the class declares; an instance can only have fewer capabilities."""
    kind = entry.load()
    return min((i for i, able in enumerate(BEST_FIRST) if issubclass(kind, able)), default=len(BEST_FIRST))


class Mended:
    """The data as they are, and loaded again as a model's refusal says, each way once.

    Args:
        name: a path or a name.
        found: the data as they are, with few rows.
        pairs: the options with which they are trained on.
    """

    def __init__(self, name: str, found: Inspection, pairs: Sequence[Pair]):
        self.name, self.pairs, self.options = name, tuple(pairs), found.loaded
        self.heads = found.heads
        self.loaded: dict[tuple[Pair, ...], Dataset | None] = {self.pairs: found.data}

    def given(self, entry: Entry) -> Candidate | None:
        """The model, on the data as they are; None if it refuses them."""
        try:
            return self.built(entry, self.pairs)
        except ValueError:
            return None

    def candidate(self, entry: Entry) -> Candidate | None:
        """The model, on the data as they are or loaded as its refusal says; None if it takes neither."""
        try:
            return self.built(entry, self.pairs)
        except ValueError as refusal:
            mend = LOADED.search(str(refusal))
        if mend is None:
            return None
        try:
            return self.built(entry, [*self.pairs, (f"data.{mend[1]}", value_of(mend))])
        except ValueError:
            return None

    def built(self, entry: Entry, pairs: Sequence[Pair]) -> Candidate | None:
        """The model on the data that these options load; None if it is too slow to try or they refuse."""
        pairs = tuple(pairs)
        if pairs not in self.loaded:
            try:
                # of each split a few rows tell whether a model fits
                again = load_data(self.name, **{**self.options, **_options(pairs), "limit": FEW})
                self.loaded[pairs] = sampled(again, self.heads)[0]
            except ValueError:
                self.loaded[pairs] = None
        data = self.loaded[pairs]
        if data is None or _size(entry, self.name, data) > MOST_PARAMETERS:
            return None
        return _built(entry, self.name, data, pairs)


def _size(entry: Entry, name: str, data: Dataset) -> int:
    """The number of parameters of a model, which takes no memory; 0 if it must be built to be counted."""
    try:
        with shapes_alone():
            return sum(p.numel() for p in build(Plan(entry.name, name), data, Options()).parameters())
    except ValueError:
        raise
    # constructors that compute with what they made
    except Exception:
        return 0


def _built(entry: Entry, name: str, data: Dataset, pairs: Sequence[Pair]) -> Candidate | None:
    model = build(Plan(entry.name, name), data, Options())
    check_fits(model, data)
    stage = model.stage(0, [])
    closed = stage is None or not stage.updates
    dims = data.space.dims
    worth = max(len(data.train), dims) * dims**2 < MOST_WORK
    return Candidate(entry, model, data, tuple(pairs)) if worth or not closed else None


def _line(name: str, candidate: Candidate, rows: int, before: float) -> tuple[str, str, str]:
    """A command, how long it takes, with so many seconds of start-up, and what it trains."""
    seconds = whole_seconds(candidate.model, candidate.data, rows, before)
    options = [word for option, value in candidate.pairs for word in (f"--{option}", value or "true")]
    command = shlex.join(["simulacra", "train", candidate.entry.name, name, *options])
    return f"  {command}", f"about {duration(max(1.0, seconds))}", candidate.entry.summary
