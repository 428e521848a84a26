"""Options of `load_data` for tables: columns and their kinds, and how a file is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class FrameOptions:
    """Options of a table whose columns have types already: a data frame, a mapping of columns, Parquet.

    Args:
        label: the column that holds the labels: a name, or a number from 1 (-1 is the last).
        types: kinds of the columns (`numeric`, `real`, `positive`, `count`, `binary`, `categorical`,
            `ordinal`, `drop`): one word for all, a YAML file, or a mapping by name; otherwise inferred.
        missing: `error` refuses missing entries, `mask` leaves them out of the likelihood.
        missing_values: texts that stand for a missing entry, separated by commas; otherwise inferred.
        index_column: the column of row names that is left out, by name or number from 1; `none` keeps running
            numbers, too; otherwise inferred.
        tails: `observed` draws only values of training rows in a numeric column, `continued` also numbers
            between them and beyond the extremes.
    """

    label: str | None = None
    types: str | Mapping[str, Any] | None = None
    missing: Literal["error", "mask"] = "error"
    missing_values: str | None = None
    index_column: str | None = None
    tails: Literal["observed", "continued"] = "observed"


@dataclass(frozen=True)
class SheetOptions(FrameOptions):
    """Options of a spreadsheet.

    Args:
        label: the column that holds the labels: a name, or a number from 1 (-1 is the last).
        types: kinds of the columns (`numeric`, `real`, `positive`, `count`, `binary`, `categorical`,
            `ordinal`, `drop`): one word for all, a YAML file, or a mapping by name; otherwise inferred.
        missing: `error` refuses missing entries, `mask` leaves them out of the likelihood.
        missing_values: texts that stand for a missing entry, separated by commas; otherwise inferred.
        sheet: name of the sheet, or its number from 1; the only one if there is one.
        header: whether the first row holds names, or the number of the row that does; otherwise inferred.
        index_column: the column of row names that is left out, by name or number from 1; `none` keeps running
            numbers, too; otherwise inferred.
        tails: `observed` draws only values of training rows in a numeric column, `continued` also numbers
            between them and beyond the extremes.
    """

    sheet: str | None = None
    header: bool | int | None = None


@dataclass(frozen=True)
class TableOptions(FrameOptions):
    """Options of a text file of rows and columns.

    Args:
        label: the column that holds the labels: a name, or a number from 1 (-1 is the last).
        types: kinds of the columns (`numeric`, `real`, `positive`, `count`, `binary`, `categorical`,
            `ordinal`, `drop`): one word for all, a YAML file, or a mapping by name; otherwise inferred.
        missing: `error` refuses missing entries, `mask` leaves them out of the likelihood.
        missing_values: texts that stand for a missing entry, separated by commas; otherwise inferred.
        separator: the mark between cells, such as `;`, or `tab` or `blank`; otherwise inferred.
        decimal: the decimal mark, `.` or `,`; otherwise inferred.
        thousands: the mark between groups of three digits, such as `,`, or `none`; otherwise inferred.
        header: whether the first row holds names, or the number of the line that does; otherwise inferred.
        comment: the mark that begins a line without data, such as `#`, or `none`; otherwise inferred.
        encoding: of the text, such as `cp1252`; otherwise UTF-8, or UTF-16 or UTF-32 with their mark.
        index_column: the column of row names that is left out, by name or number from 1; `none` keeps running
            numbers, too; otherwise inferred.
        tails: `observed` draws only values of training rows in a numeric column, `continued` also numbers
            between them and beyond the extremes.
    """

    separator: str | None = None
    decimal: Literal[".", ","] | None = None
    thousands: str | None = None
    header: bool | int | None = None
    comment: str | None = None
    encoding: str | None = None
