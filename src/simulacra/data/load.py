"""`load_data`: finds the reader, reads the data, cuts splits and prepares them."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Literal, Unpack

from torch import Tensor

from simulacra.core.errors.calls import checked
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.renamed import renames
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Space
from simulacra.data.conditions import conditioning_of
from simulacra.data.dataset import Dataset, Split
from simulacra.data.domains.rows import label_or, with_domains
from simulacra.data.given_columns import LABEL, Given, class_column, given_apart
from simulacra.data.images.geometry import binarize_once
from simulacra.data.keywords import ReaderKeywords
from simulacra.data.leaks.duplicates import without_duplicates
from simulacra.data.leaks.search import warn_of_copies
from simulacra.data.limits import reading_within
from simulacra.data.pairs.forms import Made, Past
from simulacra.data.pairs.made import with_made
from simulacra.data.pairs.opening import Asked, asked_of, derived_form, open_pairs
from simulacra.data.pairs.past import past_cut
from simulacra.data.preparation import check_steps, framed, steps_of
from simulacra.data.readers import Reader, check_choices, check_types, find_reader, options_for, own_options
from simulacra.data.row_store import RowStore
from simulacra.data.sources.source import Part, Source
from simulacra.data.sources.stream import STREAM_ABOVE, StreamedSplit
from simulacra.data.splits.cut import cut
from simulacra.data.splits.options import SplitOptions
from simulacra.data.value_range import some_rows, with_own_range

log = logging.getLogger("simulacra")

_KEPT: ContextVar[dict[str, tuple[Source, dict[str, Any]]] | None] = ContextVar("kept", default=None)
QUIET = ("read as",)  # topics of notes that `data inspect` shows but loading does not log


@renames
@checked
def load_data(
    name_or_path: Any,
    *,
    binarize: Literal["static", "dynamic", "threshold"] | None = None,
    threshold: float = 0.5,
    dequantize: Literal["uniform", "logit"] | None = None,
    mu_law: int | None = None,
    standardize: bool | None = None,
    condition: str | None = None,
    validation: float = 0.1,
    test: float = 0.1,
    groups: str | None = None,
    stratify: str | None = None,
    time: str | None = None,
    splits: str | None = None,
    duplicates: Literal["keep", "drop"] = "keep",
    seed: int = 0,
    limit: int | None = None,
    memory: float | None = None,
    **own: Unpack[ReaderKeywords],
) -> Dataset:
    """Loads a data set by name (`digits`, `mnist`, `ring`, ...), by path, or from memory.

    Args:
        name_or_path: a name that `simulacra data` lists, a folder of images or of recordings (class
            subfolders are labels; train, valid and test subfolders are splits), a file of sound, of arrays
            (.npy, .npz, .mat), of a table (.csv, .xlsx, .parquet, ...) or with `tokens=` of text (.txt), a
            list of texts, a data frame, a mapping of columns or a list of records, an array, a map-style data
            set of torch, or a `Dataset`, which comes back as it is.
        binarize: turn grey levels into 0/1: `dynamic` draws anew at every visit, `static` draws once by seed,
            `threshold` cuts. The three are different protocols.
        threshold: the cut of `binarize=threshold`, as a share of the range.
        dequantize: turn levels into real numbers: `uniform` adds noise within a level, `logit` also maps the
            interval from 0 to 1 to the real line.
        mu_law: number of mu-law levels to which recordings are quantized, such as 256: the score is then a
            log probability of the levels.
        standardize: shift and scale real data by mean and standard deviation of the training rows; by default
            this is done for tables and arrays, not for toys and recordings.
        condition: the c of p(x|c). `label` is the class labels; of a table, names of columns with commas
            between, which are then not modelled: numbers are standardized, one column of texts is the same as
            `label`. Pairs of images or recordings: the name of an array of the file, `folder:PATH` with files
            of the same names, `left` or `right` half of each picture, `past:4` frames before, or what a
            corruption makes of x, such as `downscale:4`, `edges`, `blur`, `noise`, `mask`, `mix:FOLDER:5`.
            Two domains without pairs, whose name is then the label: `domain:FOLDER` beside this folder,
            `domain:cat,dog` of two classes or words of file names, or `domain:edges` of half of the rows.
        validation: share of the training rows kept for validation (or a number of rows, from 1),
            where the data have no validation split of their own.
        test: as validation, for the test split.
        groups: rows of one group (slide, patient, speaker) stay in one split: `folder` (the image's
            folder), `file` (pages, tiles and windows of one file), a regular expression whose first group is
            read off the file's path, or a column or key of the file.
        stratify: `label`, or a column or key of the file whose values have equal shares in every split.
        time: a column or key by which rows are ordered: the first rows train, the last ones test; `start` in
            a single recording.
        splits: a .csv with the columns `row` (number from 0, or image path) and `split` (train, valid,
            test); or a column or key of the file that holds these words.
        duplicates: `drop` keeps the first of equal rows, and of equal rows in two splits the one in test or
            validation; the number of dropped rows is logged.
        seed: seed of splits, static binarization and toys.
        limit: number of rows that are kept of each split, chosen at random by `seed`, for a quick trial.
        memory: memory in gigabytes that reading a file may take; None: 1.25, or 300 times the size of the
            file if that is more. Files may unpack to a thousand times their size.
        own: options of the reader, such as `size` for images or `types` for tables (`data.md` lists them).

    Returns:
        The splits with their raw rows, and the preprocessing to the model's space.

    Raises:
        ValueError: if the data are missing or damaged, or an option does not apply to them.

    Example:
        >>> print(load_data("digits", binarize="dynamic"))
        digits: 1,437 train, 180 valid, 180 test; Binary(shape=(1, 8, 8)); dynamic binarization
    """
    given = {name: value for name, value in locals().items() if name not in ("name_or_path", "own")}
    if isinstance(name_or_path, Dataset):
        return _loaded_already(name_or_path, {**given, **own})
    check_choices(load_data, given)
    check_types(load_data, given)
    check_steps(binarize, threshold, dequantize, mu_law)
    split = SplitOptions(**{field.name: given[field.name] for field in fields(SplitOptions)})
    with reading_within(memory):
        source, spec, given["condition"] = _read_given(name_or_path, split, dict(own), condition)
    source = with_domains(source, given["condition"], seed)
    if duplicates == "drop":
        source = without_duplicates(source)
    if binarize in ("static", "threshold"):
        source = binarize_once(source, binarize, threshold, seed)
    form = derived_form(source, given["condition"])
    source = past_cut(source, split, form) if isinstance(form, Past) else cut(source, split)
    source = source if source.settle is None else source.settle(source)
    source, apart = given_apart(source, label_or(given["condition"])) if form is None else (source, None)
    steps = steps_of(source, binarize, dequantize, standardize, mu_law)
    chain = Preprocessing(source.space, steps, source.geometry)
    chain.space  # noqa: B018  (a step that does not apply says so here)
    # chosen before rows are read into memory, so that streamed rows get the same range
    looked_at = some_rows(source.parts["train"].rows, chain.raw.dims)
    source = _in_memory(source, spec.get("stream", own.get("stream")))
    source = with_made(source, form, seed) if isinstance(form, Made) else source
    train = source.parts["train"]
    chain = with_own_range(chain, train.rows, train.known, train.lengths, standardize, looked_at)
    chain = framed(chain, source.frame)
    # memory= does not define the data; a given one is kept, so that a run can open its data again
    given = {name: value for name, value in given.items() if name != "memory" or value is not None}
    spec = {**spec, **given} if spec else {}
    data = _dataset(source, chain, condition is not None, apart, spec, looked_at, standardize)
    for about, what in source.notes.items():
        log.log(logging.DEBUG if about in QUIET else logging.INFO, "%s: %s: %s", source.name, about, what)
    if source.remark is not None:
        source.remark()
    warn_of_copies(data)
    return data


def _read_given(
    wanted: Any, split: SplitOptions, own: dict[str, Any], condition: str | None
) -> tuple[Source, dict[str, Any], str | None]:
    """Reads data as `read`, and returns the condition besides; a column of classes becomes the label."""
    asked = asked_about(wanted, own, condition)
    if asked.opens:
        return *read(wanted, split, own, asked), asked.text
    if asked.column and not own.get("label"):
        return *read(wanted, split, {**own, "label": asked.key}), LABEL
    if asked.form is not None:
        return *read(wanted, split, own), asked.text
    if condition not in (None, LABEL) and own.get("label") == condition:
        # the column is the condition for what it holds, numbers or classes
        del own["label"]
    found = read(wanted, split, own)
    if condition in (None, LABEL) or own.get("label") or not class_column(found[0], condition):
        return *found, condition
    return *read(wanted, split, {**own, "label": condition}), LABEL


def _in_memory(source: Source, stream: bool | None) -> Source:
    """Returns the source with its rows in memory, unless they are streamed."""
    stores = [rows for part in source.parts.values() for rows in part.stores]
    if stream or (stream is None and sum(rows.bytes for rows in stores) > STREAM_ABOVE):
        return source
    parts = {name: part.held() for name, part in source.parts.items()}
    return replace(source, parts=parts)


def read(
    given: Any, split: SplitOptions, own: dict[str, Any], pairs: Asked | None = None
) -> tuple[Source, dict[str, Any]]:
    """Reads data with the reader for them.

    Args:
        given: as for `load_data`.
        split: options of the splits.
        own: options of the reader.
        pairs: the conditions that are read with x, or None.

    Returns:
        The source of raw rows in their official parts, and the name and reader options with which it can be
        read again; empty for data from memory.
    """
    kept = _KEPT.get()
    asked = (
        repr((str(given), replace(split, limit=None), sorted(own.items()), pairs))
        if isinstance(given, (str, Path))
        else ""
    )
    if kept is not None and asked in kept:
        return kept[asked]
    found = _read(given, split, own, pairs)
    if kept is not None and asked:
        kept[asked] = found
    return found


@contextmanager
def reading_once() -> Iterator[None]:
    """Caches reads within the context: a name or path with the same reader options is read only once."""
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


def _read(
    given: Any, split: SplitOptions, own: dict[str, Any], pairs: Asked | None
) -> tuple[Source, dict[str, Any]]:
    reader, wanted, options = _reader_of(given, own)
    source = (
        _opened(reader, wanted, options, split)
        if pairs is None
        else open_pairs(reader, wanted, options, split, pairs)
    )
    if not isinstance(given, (str, Path)):
        return source, {}
    origin = str(wanted.resolve()) if isinstance(wanted, Path) else wanted
    # the inferred dialect and kinds are kept, so that later versions read the file in the same way
    return source, {"name_or_path": origin, **asdict(options), **source.resolved}


def _reader_of(given: Any, own: dict[str, Any]) -> tuple[Reader, Any, Any]:
    """Returns the reader of data, what it opens, and its options."""
    reader, wanted = find_reader(given, own)
    what = str(given) if isinstance(given, (str, Path)) else "what was given"
    options = options_for(reader, own, what, [name for name in usual_options() if name not in own_options()])
    return reader, wanted, options


def asked_about(given: Any, own: dict[str, Any], condition: str | None) -> Asked:
    """Returns what a condition names in data.

    Args:
        given: as for `load_data`.
        own: options of the reader.
        condition: the option `condition`.

    Raises:
        ValueError: if it names nothing that the data have.
    """
    if condition in (None, LABEL) and own.get("label"):
        return Asked(condition)
    return Asked(None) if condition is None else asked_of(*_reader_of(given, own), condition)


def _opened(reader: Reader, wanted: Any, options: Any, split: SplitOptions) -> Source:
    """Returns the source; a file that is no table but text gives an error that says so."""
    if not reader.tables or reader.place != "file" or reader.frame:
        return reader.open(wanted, options, split)
    try:
        return reader.open(wanted, options, split)
    except ValueError as error:
        from simulacra.data.text.detection import text_instead

        raise text_instead(wanted, error) from error


def usual_options() -> dict[str, Any]:
    """Returns the default of every option of `load_data`, including those of the readers."""
    common = inspect.signature(load_data).parameters.values()
    return {p.name: p.default for p in common if p.kind == p.KEYWORD_ONLY} | own_options()


def _loaded_already(data: Dataset, given: dict[str, Any]) -> Dataset:
    """Returns a data set that is loaded already; raises ValueError if options are given for it."""
    usual = usual_options()
    changed = [name for name, value in given.items() if name not in usual or value != usual[name]]
    if changed:
        raise ValueError(
            f"{data.name} is loaded already and takes no {changed[0]}=: give the option where it is loaded."
        )
    return data


def _dataset(
    source: Source,
    chain: Preprocessing,
    conditional: bool,
    apart: Given | None,
    spec: dict[str, Any],
    looked_at: Tensor,
    standardize: bool | None,
) -> Dataset:
    conditioning = None if apart is None else conditioning_of(apart.space, apart.rows["train"])
    if source.condition is not None:
        geometry, c = source.condition_geometry, source.parts["train"].c
        assert c is not None
        # the rows that give x its range, in memory or not
        conditioning = conditioning_of(source.condition, c, None, geometry, looked_at, standardize)
    c_space = _condition(source) if conditional and conditioning is None else None
    splits = {name: _split(part, chain, c_space) for name, part in source.parts.items()}
    if apart is not None:
        splits = {name: replace(split, c=apart.rows[name]) for name, split in splits.items()}
    return Dataset(
        source.name,
        splits,
        chain,
        c_space if conditioning is None else conditioning.space,
        source.label_names,
        spec,
        applied=source.applied,
        truth=source.truth,
        notes=source.notes,
        conditioning=conditioning,
    )


def _condition(source: Source) -> Space:
    if any(part.labels is None for part in source.parts.values()):
        raise ValueError(
            f"condition='label' needs labels, but {source.name} has none: use class subfolders for "
            "images, or name the column or key with label=."
        )
    return Categorical((), len(source.label_names), source.label_names)


def _split(part: Part, chain: Preprocessing, c_space: Space | None) -> Split:
    c = part.labels if c_space else part.c
    if isinstance(part.rows, RowStore):
        return StreamedSplit(part.rows, chain, c, part.labels, source_rows=part.source_rows)
    assert not isinstance(c, RowStore)
    split = Split(
        part.rows, chain, c, part.labels, part.known, None, part.lengths, source_rows=part.source_rows
    )
    # the digest is that of the files, as for streamed rows
    return split.stamped(part.stamp, part.c_stamp) if part.stamp or part.c_stamp else split
