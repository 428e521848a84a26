"""`simulacra data inspect PATH`: describes data and suggests models to train on them."""

from __future__ import annotations

import gc
import json
import logging
import math
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
from simulacra.core.numerics.volumes import is_volume
from simulacra.core.progress.logs import held_back
from simulacra.core.progress.tasks import start
from simulacra.core.spaces.audio import Audio
from simulacra.core.spaces.paired import observed
from simulacra.core.spaces.tokens import Tokens
from simulacra.data.dataset import Dataset
from simulacra.data.images.files import reads_kept
from simulacra.data.inspection.facts import Inspection, inspect_data
from simulacra.data.inspection.sample import PIXELS, sampled
from simulacra.data.load import load_data, reading_once
from simulacra.data.pairs.past import frames_before
from simulacra.models.catalog import CATALOG, Entry
from simulacra.training.callbacks.progress import duration
from simulacra.training.fit import check_fits
from simulacra.training.options import Options

USAGE = "simulacra data inspect PATH_OR_NAME [--data.OPTION ...]"
SUGGESTED = 3
MOST_PARAMETERS = 20_000_000  # larger models are not tried, because building them takes seconds
FEW = 512  # rows of each split with which a model is tried
# largest cost, max(rows, columns) * columns^2, of a closed-form fit that is run in order to time it
MOST_WORK = 1e10
BEST_FIRST = (can.HasDensity, can.HasBound, can.HasEnergy, can.Samples, can.Encodes)


@dataclass(frozen=True)
class Candidate:
    """A model that fits the data.

    Args:
        entry: entry in the catalogue.
        model: untrained model.
        data: data as loaded for the model.
        pairs: options with which they were loaded.
    """

    entry: Entry
    model: Model
    data: Dataset
    pairs: tuple[Pair, ...]

    @property
    def rank(self) -> int:
        """Index in `BEST_FIRST` of the model's best capability: 0 for exact densities.

        Of pairs, models that do not lead the condition to x come after all that do.
        """
        able = [i for i, capability in enumerate(BEST_FIRST) if self.model.supports(capability)]
        leads = not observed(self.data.condition) or self.model.supports(can.Translates)
        return min(able, default=len(BEST_FIRST)) + (0 if leads else len(BEST_FIRST) + 1)

    @property
    def order(self) -> int:
        """The rank plus the number of loading options; candidates are sorted by it, smallest first."""
        return self.rank + len(self.pairs)


def inspect(name: str, pairs: Sequence[Pair]) -> None:
    """Prints the contents of a data set and suggests models to train.

    Args:
        name: path or name of the data.
        pairs: options of `load_data`, each named `data.OPTION`.

    Raises:
        ValueError: as `load_data`.
    """
    with reading_once(), reads_kept(PIXELS), _no_collection():
        _inspect(name, pairs)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Context without cyclic garbage collection, which takes a fifth of the time on a table's many cells."""
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
    now = time.perf_counter()
    # a training command takes as long as this one to start and to read the data
    before = now - start(now)
    # loading the data again would repeat its log messages
    with held_back(logging.ERROR):
        lines = [_line(name, candidate, found.rows, before) for candidate in _best(name, found, given)]
        of_pairs = _line_of_pairs(name, found, pairs, before)
    if lines:
        say("", "to train, with the time on this machine:", table(lines))
    if of_pairs:
        say("", "to train on pairs:", table([of_pairs]))


def _line_of_pairs(
    name: str, found: Inspection, pairs: Sequence[Pair], before: float
) -> tuple[str, str, str] | None:
    """Returns the command with which the best model is trained on pairs, if the data may hold some."""
    if found.pairs is None:
        return None
    proposed = [(f"data.{option}", _text(value)) for option, value in found.pairs.options.items()]
    added = [*pairs, *proposed]
    try:
        paired = inspect_data(name, **_options(added))
    except ValueError:
        # such as pictures of which some have no partner
        return None
    known = {option for option, _ in added}
    more = [(f"data.{option}", _text(value)) for option, value in paired.added.items()]
    given = [*added, *(pair for pair in more if pair[0] not in known)]
    best = _best(name, paired, given)[:1]
    return _line(name, best[0], paired.rows, before) if best else None


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _options(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Returns the options of `load_data` that were given."""
    options = Typed(USAGE)
    options.add(loading(), "data")
    values = options.parse(pairs)["data"]
    given = {name.removeprefix("data.").split(".")[0] for name, _ in pairs}
    return {name: value for name, value in values.items() if name in given}


def _best(name: str, found: Inspection, pairs: Sequence[Pair]) -> list[Candidate]:
    """Returns the best model of each family that takes the data, at most three.

    A model is built only if it can still be among them: its declared rank and its place in the
    catalogue bound its key from below.
    """
    mended = Mended(name, found, pairs)
    families: dict[str, list[Entry]] = {}
    for entry in sorted((entry for entry in CATALOG.values() if not entry.baseline), key=_bound):
        families.setdefault(entry.family, []).append(entry)
    fitting: list[Candidate] = []
    # families in the order of their smallest bounds
    for entries in families.values():
        if len(fitting) >= SUGGESTED and _key(fitting[SUGGESTED - 1]) < _bound(entries[0], len(pairs)):
            break
        fitting = sorted([*fitting, *_best_of(entries, mended)], key=_key)
    first = _made_for(found, mended)
    taken = {candidate.entry.family for candidate in first}
    return [*first, *(c for c in fitting if c.entry.family not in taken)][:SUGGESTED]


def _made_for(found: Inspection, mended: Mended) -> list[Candidate]:
    """Returns the models that were made for the kind of these data; of pairs, one of each family."""
    raw, captioned = found.data.preprocessing.raw, isinstance(found.data.condition, Tokens)
    if observed(found.data.condition) or captioned:
        special = ["frames"] * bool(frames_before(found.data)) + ["volumes"] * is_volume(raw)
        kinds = ("captions",) if captioned else (*special, f"pairs of {type(raw).__name__}", "pairs")
        best: dict[str, Candidate] = {}
        for entry in (e for kind in kinds for e in CATALOG.values() if e.made_for == kind):
            candidate = None if entry.family in best else mended.candidate(entry)
            if candidate is not None and (captioned or candidate.model.supports(can.Translates)):
                best[entry.family] = candidate
        return list(best.values())
    kind = "volumes" if is_volume(raw) else type(raw).__name__
    made = next((e for e in CATALOG.values() if e.made_for == kind), None)
    if made is None:
        return []
    # WaveNet accepts any series of numbers, but was designed for mu-law companded sound
    companded = isinstance(raw, Audio) and not found.data.space.discrete
    candidate = mended.built(made, [*mended.pairs, *([("data.mu_law", "256")] if companded else [])])
    return [candidate] if candidate else []


def _best_of(entries: Sequence[Entry], mended: Mended) -> list[Candidate]:
    """Returns the best model of a family, or none; its entries come in the order of their bounds."""
    best: list[Candidate] = []
    # first without a further option, then with one, which increases the key by one
    for more, candidate in enumerate((mended.given, mended.candidate)):
        for entry in entries:
            if best and _key(best[0]) < _bound(entry, len(mended.pairs) + more):
                break
            best = sorted([*best, *(c for c in [candidate(entry)] if c)], key=_key)[:1]
    return best


def _key(candidate: Candidate) -> tuple[int, int]:
    """Returns the order of a candidate and, to break ties, its place in the catalogue."""
    return candidate.order, list(CATALOG).index(candidate.entry.name)


def _bound(entry: Entry, options: int = 0) -> tuple[int, int]:
    """Returns the smallest key that a candidate of this model can have with so many options."""
    return _declared_rank(entry) + options, list(CATALOG).index(entry.name)


def _declared_rank(entry: Entry) -> int:
    """Returns the rank by the class's declared capabilities; an instance can only have fewer."""
    kind = entry.load()
    return min((i for i, able in enumerate(BEST_FIRST) if issubclass(kind, able)), default=len(BEST_FIRST))


class Mended:
    """Loads data as given, or with the option that a model's error message suggests; each variant only once.

    Args:
        name: path or name of the data.
        found: description of the data, with few rows.
        pairs: options given for loading.
    """

    def __init__(self, name: str, found: Inspection, pairs: Sequence[Pair]):
        self.name, self.pairs, self.options = name, tuple(pairs), found.loaded
        self.heads = found.heads
        self.loaded: dict[tuple[Pair, ...], Dataset | None] = {self.pairs: found.data}

    def given(self, entry: Entry) -> Candidate | None:
        """Returns the model on the data as given; None if it refuses them."""
        try:
            return self.built(entry, self.pairs)
        except ValueError:
            return None

    def candidate(self, entry: Entry) -> Candidate | None:
        """Returns the model on the data as given or loaded as its error message says; None if both fail."""
        try:
            return self.built(entry, self.pairs)
        except ValueError as refusal:
            mend = LOADED.search(str(refusal))
        # what the user gave is not replaced
        if mend is None or f"data.{mend[1]}" in dict(self.pairs):
            return None
        try:
            return self.built(entry, [*self.pairs, (f"data.{mend[1]}", value_of(mend))])
        except ValueError:
            return None

    def built(self, entry: Entry, pairs: Sequence[Pair]) -> Candidate | None:
        """Returns the model on the data loaded with these options.

        Args:
            entry: entry in the catalogue.
            pairs: options of `load_data`, each named `data.OPTION`.

        Returns:
            the candidate; None if loading fails or the model is too slow to try.

        Raises:
            ValueError: if the model refuses the data.
        """
        pairs = tuple(pairs)
        if pairs not in self.loaded:
            try:
                # a few rows of each split suffice to check whether a model fits
                again = load_data(self.name, **{**self.options, **_options(pairs), "limit": FEW})
                self.loaded[pairs] = sampled(again, self.heads)[0]
            except ValueError:
                self.loaded[pairs] = None
        data = self.loaded[pairs]
        if data is None or _size(entry, self.name, data) > MOST_PARAMETERS:
            return None
        return _built(entry, self.name, data, pairs)


def _size(entry: Entry, name: str, data: Dataset) -> int:
    """Returns the number of parameters without allocating them; 0 if the constructor needs real tensors."""
    try:
        with shapes_alone():
            return sum(p.numel() for p in build(Plan(entry.name, name), data, Options()).parameters())
    except ValueError:
        raise
    # constructors that compute with the values of their parameters
    except Exception:
        return 0


def _built(entry: Entry, name: str, data: Dataset, pairs: Sequence[Pair]) -> Candidate | None:
    """Builds the model; returns None if its closed-form fit would be too slow."""
    model = build(Plan(entry.name, name), data, Options())
    check_fits(model, data)
    stage = model.stage(0, [])
    closed = stage is None or not stage.updates
    # of classes and tokens, an entry is as many features as it has values
    dims = math.prod(data.space.features_shape)
    worth = max(len(data.train), dims) * dims**2 < MOST_WORK
    return Candidate(entry, model, data, tuple(pairs)) if worth or not closed else None


def _line(name: str, candidate: Candidate, rows: int, before: float) -> tuple[str, str, str]:
    """Returns a command, its duration including `before` seconds of start-up, and the model's summary."""
    seconds = whole_seconds(candidate.model, candidate.data, rows, before)
    options = [word for option, value in candidate.pairs for word in (f"--{option}", value or "true")]
    command = shlex.join(["simulacra", "train", candidate.entry.name, name, *options])
    return f"  {command}", f"about {duration(max(1.0, seconds))}", candidate.entry.summary
