"""Opens the data of a saved run as they were read when it was trained, and detects changes since.

A run keeps the options of `load_data` with the inferred dialect and column kinds, the digest of its training
rows, and their number. Earlier versions kept only the given options; the kinds are then taken from the
recorded space.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.renamed import renamed_arguments
from simulacra.core.spaces.classes import codes_of
from simulacra.core.spaces.composite import Table
from simulacra.data.dataset import Dataset, Split
from simulacra.data.load import load_data, usual_options
from simulacra.data.splits.options import FirstRows
from simulacra.data.tables.columns import declaration
from simulacra.data.tables.declared import EVERY_OTHER

log = logging.getLogger("simulacra")


def reopen(spec: Mapping[str, Any], recorded: Preprocessing, digest: str | None = None) -> Dataset:
    """Loads the data set that `spec` describes, with the recorded kinds of columns.

    Args:
        spec: name or path, and options of `load_data`.
        recorded: the preprocessing of the model that was trained on the data.
        digest: digest of the training rows, or None; earlier versions took the first rows for `limit=`, which
            the digest reveals.

    Raises:
        ValueError: as `load_data`.
        TypeError: if `load_data` has no such option.
    """
    options = renamed_arguments(["load_data"], spec, quiet=True)
    unknown = [name for name in options if name not in {"name_or_path", *usual_options()}]
    if unknown:
        raise TypeError(f"load_data has no option {unknown[0]!r}")
    found = _reopened(options, recorded)
    if options.get("limit") is None or digest in (None, *_digests(found.train)):
        return found
    first = _reopened({**options, "limit": FirstRows(options["limit"])}, recorded)
    return first if digest in list(_digests(first.train)) else found


def _reopened(options: dict[str, Any], recorded: Preprocessing) -> Dataset:
    raw = recorded.raw
    if not isinstance(raw, Table) or (
        isinstance(options.get("types"), Mapping) and "missing_values" in options
    ):
        return load_data(**options)
    kinds = {name: declaration(field) for name, field in raw.fields}
    data = load_data(**{**options, "types": {**kinds, EVERY_OTHER: "drop"}})
    now = data.preprocessing.raw
    if not isinstance(now, Table) or now.names != raw.names:
        return data
    splits = {name: replace(split, x=_as_then(now, raw, split.x)) for name, split in data.splits.items()}
    found = {name: replace(split, preprocessing=recorded) for name, split in splits.items()}
    return replace(data, splits=found, preprocessing=recorded)


def _as_then(now: Table, then: Table, x: Tensor) -> Tensor:
    """Returns the rows with classes as numbers in columns where the recorded space has them so."""
    columns = list(x.unbind(1))
    for j, ((_, field), (_, old)) in enumerate(zip(now.fields, then.fields)):
        values = getattr(field, "values", ())
        if values and not getattr(old, "values", ()):
            columns[j] = codes_of(values, columns[j]).to(x.dtype)
    return torch.stack(columns, 1)


def check_unchanged(data: Dataset, recorded: Mapping[str, Any], run: str) -> None:
    """Raises ValueError if the training rows differ from those that a run was trained on.

    Args:
        data: the data set as loaded now.
        recorded: digest and number of rows of each split, as the run recorded them.
        run: the name of the run, for the error.
    """
    if recorded.get("digest") in list(_digests(data.train)):
        return
    then, now = dict(recorded.get("rows") or {}).get("train"), len(data.train)
    what = f"{then:,} rows then, {now:,} now" if then not in (None, now) else "other values, or another order"
    raise ValueError(
        f"the training rows of {data.name} are not those that {run} was trained on ({what}): put the data "
        "back as they were, since a score on others may be one on rows that were trained on; or train again."
    )


def warn_of_other_rows(data: Dataset, recorded: Mapping[str, Any], run: str) -> None:
    """Logs a warning where a run is scored on data whose training rows are not those of the run.

    Args:
        data: the data set that was given.
        recorded: digest and number of rows of each split, as the run recorded them.
        run: the name of the run.
    """
    if recorded.get("digest") in (None, *_digests(data.train)):
        return
    log.warning(
        "the training rows of %s are not those of %s: held-out rows of these data may be rows that it was "
        "trained on, and their scores too high",
        data.name,
        run,
    )


def _digests(split: Split) -> Iterator[str]:
    """Yields the digest, then that of earlier versions, which kept arrays in single precision."""
    yield split.digest()
    if getattr(split, "_stamp", None) is None and split.x.dtype == torch.float64:
        yield replace(split, x=split.x.float()).digest()
