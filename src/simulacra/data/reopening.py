"""The data of a saved run, read as they were read then; a change of the file since is noticed.

A run keeps the options of `load_data` with the dialect and the kinds that were found, the digest of its
training rows, and their number. Earlier versions kept the options that were given; the kinds are then those
of the recorded space.
"""

from __future__ import annotations

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


def reopen(spec: Mapping[str, Any], recorded: Preprocessing, digest: str | None = None) -> Dataset:
    """The data set that `spec` describes, with the kinds of columns that were recorded.

    Args:
        spec: name or path and options of `load_data`.
        recorded: the preprocessing of the model that was trained on it.
        digest: of the training rows; earlier versions took a limit as the first rows, which it tells.

    Raises:
        ValueError: as `load_data`.
        TypeError: if an option is none of `load_data`.
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
    """The rows with classes by number where they were stored so."""
    columns = list(x.unbind(1))
    for j, ((_, field), (_, old)) in enumerate(zip(now.fields, then.fields)):
        values = getattr(field, "values", ())
        if values and not getattr(old, "values", ()):
            columns[j] = codes_of(values, columns[j]).to(x.dtype)
    return torch.stack(columns, 1)


def check_unchanged(data: Dataset, recorded: Mapping[str, Any], run: str) -> None:
    """Raise ValueError where the training rows are not those that a run was trained on.

    Args:
        data: as it is now.
        recorded: digest and number of rows of each split, as the run has them.
        run: its name, for the error.
    """
    if recorded.get("digest") in list(_digests(data.train)):
        return
    then, now = dict(recorded.get("rows") or {}).get("train"), len(data.train)
    what = f"{then:,} rows then, {now:,} now" if then not in (None, now) else "other values, or another order"
    raise ValueError(
        f"the training rows of {data.name} are not those that {run} was trained on ({what}): put the data "
        "back as they were, since a score on others may be one on rows that were trained on; or train again."
    )


def _digests(split: Split) -> Iterator[str]:
    """The digest, then that of versions which kept rows of arrays in single precision."""
    yield split.digest()
    if getattr(split, "_stamp", None) is None and split.x.dtype == torch.float64:
        yield replace(split, x=split.x.float()).digest()
