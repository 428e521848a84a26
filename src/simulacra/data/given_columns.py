"""Columns of a table that are the condition of p(x|c): they leave x and become c."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.data.sources.source import Part, Source

LABEL = "label"  # the value of `condition=` that stands for the labels
LISTED = 20  # most columns that a message names


@dataclass(frozen=True)
class Given:
    """The condition of a table's rows.

    Args:
        space: raw space of the condition.
        rows: raw conditions of each part, float64 of shape (N, columns).
    """

    space: Table
    rows: Mapping[str, Tensor]


def class_column(source: Source, condition: str | None) -> bool:
    """Returns True if `condition` names one column of a table, whose values are classes without order.

    Args:
        source: the table.
        condition: value of the option `condition`.
    """
    fields = dict(source.space.fields) if isinstance(source.space, Table) else {}
    return isinstance(fields.get(condition or ""), Categorical)


def given_apart(source: Source, condition: str | None) -> tuple[Source, Given | None]:
    """Returns the source without the columns of the condition, and these; None where it is none or the label.

    Args:
        source: a table, cut into splits.
        condition: names of columns, with commas between, `label`, or None.

    Raises:
        ValueError: if the data are no table, a column is not there or has gaps, or none is left for x.
    """
    space = source.space
    if condition in (None, LABEL):
        return source, None
    assert condition is not None
    if not isinstance(space, Table):
        labels = load_with(condition=LABEL)
        raise Refusal(
            f"condition is {condition!r}, which would be a column of a table, but {source.name} holds "
            f"{space}: load it with {labels}, or give conditions of any kind to from_tensors.",
            labels,
        )
    names = _names(source.name, space, condition)
    chosen = [space.names.index(name) for name in names]
    kept = [j for j in range(len(space.names)) if j not in chosen]
    if not kept:
        raise ValueError(
            f"condition={condition!r} names every column of {source.name}: leave one out, to be modelled."
        )
    fields = dict(space.fields)
    rows = {name: _conditions(source, part, names, chosen) for name, part in source.parts.items()}
    parts = {name: _without(part, kept) for name, part in source.parts.items()}
    rest = Table({name: field for name, field in fields.items() if name not in names})
    return replace(source, parts=parts, space=rest), Given(Table({n: fields[n] for n in names}), rows)


def _names(where: str, space: Table, condition: str) -> list[str]:
    """Returns the names of the columns; a name with a comma in it may stand alone."""
    names = [condition] if condition in space.names else [part.strip() for part in condition.split(",")]
    for name in names:
        if name not in space.names:
            near = difflib.get_close_matches(name, space.names, 1, 0.6)
            known = ", ".join(space.names[:LISTED]) + (", ..." if len(space.names) > LISTED else "")
            meant = f"did you mean {near[0]!r}?" if near else f"it has {known}; {LABEL!r} is that of label=."
            raise ValueError(f"condition names {name!r}, but {where} has no such column to model; {meant}")
    return list(dict.fromkeys(names))


def _conditions(source: Source, part: Part, names: list[str], chosen: list[int]) -> Tensor:
    assert isinstance(part.rows, Tensor)
    if part.known is not None and not bool(part.known[:, chosen].all()):
        row, place = (~part.known[:, chosen]).nonzero()[0].tolist()
        at = int(part.source_rows.numbers[row])
        raise ValueError(
            f"{source.name} lacks a value in column {names[place]!r} in row {at} (from 0), and every value "
            "of a condition is needed: fill it in, leave the row out, or model the column."
        )
    return part.rows[:, chosen].to(torch.float64)


def _without(part: Part, kept: list[int]) -> Part:
    assert isinstance(part.rows, Tensor)
    known = None if part.known is None else part.known[:, kept]
    return replace(part, rows=part.rows[:, kept], known=None if known is None or bool(known.all()) else known)
