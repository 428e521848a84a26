"""Checks rows given from memory together with their labels, masks and lengths."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from simulacra.core.inputs.arrays import as_tensor
from simulacra.core.inputs.convert import rows_of
from simulacra.core.numerics.precision import needs_double
from simulacra.core.preprocessing.column_scales import in_own_unit, unless_constant
from simulacra.core.spaces.composite import Sequence, Table
from simulacra.core.spaces.plain import Space
from simulacra.data.labels import class_numbers

log = logging.getLogger("simulacra")

SMALL = 1e-18  # deviation, whose square is among the smallest numbers of single precision


def checked_rows(
    x: Any, space: Space, name: str, parts: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Converts rows and what belongs to them to tensors, and checks that they fit each other.

    Args:
        x: observations in `space`, as `rows_of` takes them.
        space: the space of one observation.
        name: the name of the data, for messages.
        parts: values for some of `labels`, `known`, `c_known` and `lengths`.

    Returns:
        The keyword arguments of a `Split`, and the class names (empty if labels are numbers).

    Raises:
        ValueError: if the rows do not fit the space, or a part does not fit the rows.
    """
    rows, known = rows_of(space, x, parts.get("known"), lengths=parts.get("lengths"))
    lengths = None
    if isinstance(space, Sequence) and known is not None:
        lengths, known = space.lengths_of(known, name), None
    elif parts.get("lengths") is not None:
        lengths = as_tensor(parts["lengths"], "lengths").long()
    labels, label_names = class_numbers(parts.get("labels"), len(rows))
    c_known = None if parts.get("c_known") is None else as_tensor(parts["c_known"], "c_known").bool()
    if c_known is not None and len(c_known) != len(rows):
        raise ValueError(f"c_known has {len(c_known)} rows, but x has {len(rows)}: it needs one for each.")
    if not space.discrete and not isinstance(space, (Table, Sequence)) and len(rows) > 1:
        _warn_of_offsets(name, rows)
    held = {"x": rows, "labels": labels, "known": known, "c_known": c_known, "lengths": lengths}
    return held, label_names


def _warn_of_offsets(name: str, x: Tensor) -> None:
    """Warns of entries whose values, or their variance, single precision cannot resolve."""
    y, unit = in_own_unit(x.double().flatten(1))
    spreads = unless_constant(y.std(0), y)
    far = [
        j
        for j, (m, s) in enumerate(zip(y.mean(0).tolist(), spreads.tolist()))
        if s and needs_double(m, 64 * s)
    ]
    if far:
        log.warning(
            "%s: entry %d lies thousands of deviations from 0, where single precision rounds: subtract an "
            "offset from it",
            name,
            far[0],
        )
    tiny = [j for j, s in enumerate((spreads * unit).tolist()) if 0 < s < SMALL]
    if tiny:
        log.warning(
            "%s: entry %d has a deviation of %.0e, whose square single precision does not hold: give it in a "
            "smaller unit, or the rows to load_data, which standardizes them",
            name,
            tiny[0],
            float(spreads[tiny[0]] * unit[tiny[0]]),
        )
