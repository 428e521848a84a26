"""Columns that are the condition of p(x|c): those of a table leave x, those beside a text are added to it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Numeric
from simulacra.data.sources.source import Part, Source
from simulacra.data.tables.kinds import decimals_of

LABEL = "label"  # the value of `condition=` that stands for the labels
BESIDE = "columns"  # topic of the note on columns beside a text
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
    """Returns True if `condition` names one column, whose values are classes without order.

    Args:
        source: the table, or the texts with columns beside them.
        condition: value of the option `condition`.
    """
    if condition in source.beside:
        return not _numbers(source, [str(condition)])
    fields = dict(source.space.fields) if isinstance(source.space, Table) else {}
    return isinstance(fields.get(condition or ""), Categorical)


def given_apart(source: Source, condition: str | None) -> tuple[Source, Given | None]:
    """Returns the source without the columns of the condition, and these; None where it is none or the label.

    Args:
        source: a table, or texts with columns beside them, cut into splits.
        condition: names of columns, with commas between, `label`, or None.

    Raises:
        ValueError: if the data are no table, a column is not there or has gaps, or none is left for x.
    """
    space = source.space
    if condition in (None, LABEL) or source.condition is not None:
        return source, None
    assert condition is not None
    if source.beside:
        notes = {about: said for about, said in source.notes.items() if about != BESIDE}
        return replace(source, notes=notes), _beside(source, condition)
    if not isinstance(space, Table):
        labels = load_with(condition=LABEL)
        raise Refusal(
            f"condition is {condition!r}, which would be a column of a table, but {source.name} holds "
            f"{space}: load it with {labels}, or give conditions of any kind to from_tensors.",
            labels,
        )
    names = _names(source.name, space.names, condition)
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


def _names(where: str, known: Sequence[str], condition: str) -> list[str]:
    """Returns the names of the columns; a name with a comma in it may stand alone."""
    names = [condition] if condition in known else [part.strip() for part in condition.split(",")]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.6)
            listed = ", ".join(known[:LISTED]) + (", ..." if len(known) > LISTED else "")
            meant = f"did you mean {near[0]!r}?" if near else f"it has {listed}; {LABEL!r} is that of label=."
            raise ValueError(f"condition names {name!r}, but {where} has no such column to model; {meant}")
    return list(dict.fromkeys(names))


def _numbers(source: Source, names: Sequence[str]) -> bool:
    """Returns True if all these columns beside a text hold numbers."""
    return all(part.sides[name].dtype.kind == "f" for part in source.parts.values() for name in names)


def _beside(source: Source, condition: str) -> Given:
    """Returns columns of numbers beside a text."""
    names = _names(source.name, source.beside, condition)
    texts = [name for name in names if not _numbers(source, [name])]
    if texts:
        alone = load_with(condition=texts[0])
        raise Refusal(
            f"condition names several columns, but {texts[0]!r} of {source.name} holds classes: name columns "
            f"of numbers, or load it with {alone}.",
            alone,
        )
    rows = {}
    for part, held in source.parts.items():
        values = np.stack([held.sides[name] for name in names], 1)
        _check_known(source, held, names, np.isfinite(values))
        rows[part] = torch.from_numpy(values)
    every = np.concatenate([values.numpy() for values in rows.values()])
    fields = {name: Numeric((), decimals_of(every[:, j])) for j, name in enumerate(names)}
    return Given(Table(fields), rows)


def _conditions(source: Source, part: Part, names: list[str], chosen: list[int]) -> Tensor:
    assert isinstance(part.rows, Tensor)
    if part.known is not None:
        _check_known(source, part, names, part.known[:, chosen].numpy())
    return part.rows[:, chosen].to(torch.float64)


def _check_known(source: Source, part: Part, names: Sequence[str], known: np.ndarray) -> None:
    """Raises ValueError if a value of a condition, shape (N, columns), is not known."""
    if known.all():
        return
    row, place = np.argwhere(~known)[0].tolist()
    at = int(part.source_rows.numbers[row])
    mend = (
        "fill it in, or leave the row out"
        if source.beside
        else "fill it in, leave the row out, or model the column"
    )
    raise ValueError(
        f"{source.name} lacks a value in column {names[place]!r} in row {at} (from 0), and every value of a "
        f"condition is needed: {mend}."
    )


def _without(part: Part, kept: list[int]) -> Part:
    assert isinstance(part.rows, Tensor)
    known = None if part.known is None else part.known[:, kept]
    return replace(part, rows=part.rows[:, kept], known=None if known is None or bool(known.all()) else known)
