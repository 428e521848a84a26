"""Tables as the measures take them; they are defined in `simulacra.tables`, where pictures find them too."""

from simulacra.tables.columns import (
    Completer,
    NotMeasured,
    Table,
    completer_of,
    decimals,
    exact,
    from_frame,
    rounded,
    table_from,
    table_of,
    usable,
)

__all__ = [
    "Completer",
    "NotMeasured",
    "Table",
    "completer_of",
    "decimals",
    "exact",
    "from_frame",
    "rounded",
    "table_from",
    "table_of",
    "usable",
]
