"""The table types that measures use, re-exported from `simulacra.tables`, which plots use too."""

from simulacra.tables.columns import (
    Columns,
    NotMeasured,
    decimals,
    exact,
    rounded,
    table_from,
    usable,
)
from simulacra.tables.sources import Completer, completer_of, from_frame, table_of

__all__ = [
    "Columns",
    "Completer",
    "NotMeasured",
    "completer_of",
    "decimals",
    "exact",
    "from_frame",
    "rounded",
    "table_from",
    "table_of",
    "usable",
]
