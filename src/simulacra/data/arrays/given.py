"""Rows that are given from memory, with what stands beside them, checked against each other."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from simulacra.core.inputs.arrays import as_tensor
from simulacra.core.inputs.convert import condition_rows, rows_of
from simulacra.core.numerics.precision import needs_double
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Space
from simulacra.data.labels import class_numbers

log = logging.getLogger("simulacra")


def checked_rows(
    x: Any, space: Space, name: str, c: Any, condition: Space | None, parts: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields of a split of all rows, and the names of their classes.

    Args:
        x: observations in `space`, as `rows_of` takes them.
        name: of the data, for what is said.
        c: conditions, or None.
        parts: some of `labels`, `known`, `c_known` and `lengths`.

    Raises:
        ValueError: if the rows do not fit the space, or a part does not fit the rows.
    """
    rows, known = rows_of(space, x, parts.get("known"), lengths=parts.get("lengths"))
    lengths = None
    if isinstance(space, Sequence) and known is not None:
        lengths, known = space.lengths_of(known, name), None
    elif parts.get("lengths") is not None:
        lengths = as_tensor(parts["lengths"], "lengths").long()
    if c is not None:
        c = as_tensor(c, "c") if condition is None else condition_rows(condition, c, len(rows))
    labels, label_names = class_numbers(parts.get("labels"), len(rows))
    c_known = None if parts.get("c_known") is None else as_tensor(parts["c_known"], "c_known").bool()
    for part, beside in (("c", c), ("c_known", c_known)):
        if beside is not None and len(beside) != len(rows):
            raise ValueError(f"{part} has {len(beside)} rows, but x has {len(rows)}: it needs one for each.")
    if not space.discrete and not isinstance(space, (Table, Sequence)) and len(rows) > 1:
        _say_offsets(name, rows)
    held = {"x": rows, "c": c, "labels": labels, "known": known, "c_known": c_known, "lengths": lengths}
    return held, label_names


def _say_offsets(name: str, x: Tensor) -> None:
    """Warn of entries that a model, which computes in single precision, cannot tell apart as they are."""
    flat = x.double().flatten(1)
    moments = zip(flat.mean(0).tolist(), flat.std(0).tolist())
    far = [j for j, (mean, spread) in enumerate(moments) if spread and needs_double(mean, 64 * spread)]
    if far:
        log.warning(
            "%s: entry %d lies thousands of deviations from 0, where single precision rounds: subtract an "
            "offset from it",
            name,
            far[0],
        )
