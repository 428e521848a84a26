"""Splits by time: the first rows are for training, the last ones for testing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import torch
from torch import Tensor

from simulacra.core.errors.suggestion import Refusal, load_with
from simulacra.data.tables.numbers import as_float

YEAR_BEHIND = {"day first, with points": "%d.%m.%Y", "day first": "%d/%m/%Y", "month first": "%m/%d/%Y"}


def by_time(
    values: np.ndarray, wish: Mapping[str, int], name: str, numbers: Tensor | None = None
) -> dict[str, Tensor]:
    """Splits rows in the order of time; rows of the same time stay together.

    Args:
        values: numbers, or ISO dates, shape (N,).
        wish: number of rows that each split should have, in the order of time.
        name: name of the column, for errors.
        numbers: number of each row in the file, shape (N,), for errors; None: 0 to N - 1.

    Raises:
        ValueError: if a value is neither a number nor a date, or there are fewer times than splits.

    Example:
        >>> days = np.array(["2024-03-01", "2024-01-01", "2024-02-01"])
        >>> {k: v.tolist() for k, v in by_time(days, {"train": 2, "test": 1}, "day").items()}
        {'train': [1, 2], 'test': [0]}
    """
    times = read_times(values, name, numbers)
    order = np.argsort(times, kind="stable")
    changes = np.flatnonzero(np.diff(times[order])) + 1
    if len(changes) < len(wish) - 1:
        none = load_with(validation=0)
        raise Refusal(
            f"time={name!r} has {len(changes) + 1} different times, too few for {' and '.join(wish)}: rows "
            f"of one time stay together; choose another column, or {none}.",
            none,
        )
    ends: list[int] = []
    for i, wished in enumerate(np.cumsum(list(wish.values()))[:-1]):
        # keeps one change of time for each later boundary
        open_ends = changes[i : len(changes) - (len(wish) - 2 - i)]
        open_ends = open_ends[open_ends > ends[-1]] if ends else open_ends
        ends.append(int(open_ends[np.abs(open_ends - wished).argmin()]))
    pieces = np.split(order, ends)
    return {split: torch.from_numpy(piece) for split, piece in zip(wish, pieces)}


def read_times(values: np.ndarray, name: str, numbers: Tensor | None = None) -> np.ndarray:
    """Returns numbers that increase with time: the values themselves, or microseconds for dates.

    Args:
        values: numbers, or ISO dates, shape (N,).
        name: name of the column, for errors.
        numbers: number of each row in the file, shape (N,), for errors; None: 0 to N - 1.

    Raises:
        ValueError: if a value is neither; the message names its row.
    """
    given = values.tolist()
    row_of = list(range(len(given))) if numbers is None else numbers.tolist()
    read = _number if _number(given[0]) is not None else _date
    times = [read(str(value)) for value in given]
    if None in times and (found := _written_otherwise([str(value) for value in given], name)):
        times = list(found)
    if None in times:
        row = times.index(None)
        if _is_gap(given[row]):
            gaps = sum(map(_is_gap, given))
            raise ValueError(
                f"time={name!r} is missing in {gaps:,} row{'s' * (gaps > 1)}, the first of them row "
                f"{row_of[row]} (from 0): fill it in, or leave these rows out of the file."
            )
        raise ValueError(
            f"time={name!r} has {given[row]!r} in row {row_of[row]} (from 0): times are all numbers, or all "
            "ISO dates such as 2024-12-31 or 2024-12-31T23:59, 31.12.2024 or 31/12/2024: write them so."
        )
    known = [time for time in times if isinstance(time, datetime)]
    if not known:
        return np.array(times, dtype=np.float64)
    zoned = [date.tzinfo is not None for date in known]
    if len(set(zoned)) > 1:
        raise ValueError(
            f"time={name!r} has a time zone in row {row_of[zoned.index(True)]} (from 0) but none in row "
            f"{row_of[zoned.index(False)]}: give all of them one, or none."
        )
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    aware = [date if date.tzinfo else date.replace(tzinfo=UTC) for date in known]
    return np.array([(date - begin) // timedelta(microseconds=1) for date in aware])


def _written_otherwise(texts: list[str], name: str) -> list[datetime] | None:
    """Returns dates with the year behind, if one order of day and month fits all of them; None if none does.

    Raises:
        ValueError: if both orders fit every date.
    """
    found = {}
    for order, form in YEAR_BEHIND.items():
        try:
            found[order] = [datetime.strptime(text.strip(), form) for text in texts]
        except ValueError:
            continue
    if len(found) > 1 and len({*map(tuple, found.values())}) > 1:
        raise ValueError(
            f"time={name!r} has dates such as {texts[0]!r}, of which no day is above 12, so that day and "
            "month cannot be told apart: write them as ISO dates, such as 2024-12-31."
        )
    return next(iter(found.values()), None)


def _is_gap(value: object) -> bool:
    """Returns True for an empty text and for NaN."""
    return not str(value).strip() or value != value


def _number(text: object) -> float | None:
    number = as_float(str(text))
    return number if number is not None and np.isfinite(number) else None


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None
