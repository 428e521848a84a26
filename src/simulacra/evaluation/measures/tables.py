"""The measure of tables: samples beside the rows, column by column and pair by pair."""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.evaluation.compare import score_columns as columns
from simulacra.evaluation.measures.measure import Case, Evidence, Measure
from simulacra.evaluation.measures.needs import HELD_OUT, SAMPLES, TABLES
from simulacra.evaluation.tables.kept_columns import Kept
from simulacra.evaluation.tables.report import TableReport, table_evidence
from simulacra.evaluation.tables.summary import TableSummary
from simulacra.evaluation.tables.wording import table_rows


@dataclass(frozen=True)
class TableFound:
    """Comparison of samples with the rows of a table.

    Args:
        kept: significant differences of columns, pairs and classes.
        report: all measures of tables, if requested.
    """

    kept: Kept
    report: TableReport | None


def _table(case: Case, found: Evidence) -> TableFound:
    full = "tables" in case.asked
    return TableFound(*table_evidence(case.model, case.data, case.split, case.n, case.seed, case.limit, full))


TABLE: Measure[TableFound] = Measure(
    "tables",
    _table,
    "n samples; asked for by name, trees on samples and rows besides",
    (SAMPLES, HELD_OUT, TABLES),
    record=TableSummary,
    summary=lambda found: None if found.report is None else found.report.summary,
    lines=table_rows,
    columns=columns.table_columns,
)
