"""The scores of translations without pairs, in words and as columns of `compare`."""

from __future__ import annotations

from simulacra.core.scores.estimate import Protocol
from simulacra.evaluation.compare.score_columns import key_of
from simulacra.evaluation.compare.score_tables import Cell, Column, Scores, of_interval
from simulacra.evaluation.domains.crossed import Crossed
from simulacra.evaluation.interval import in_words


def crossed_rows(found: Crossed) -> list[tuple[str, str]]:
    """Returns name and value of each score, in words.

    Args:
        found: the scores.
    """
    many = f"{found.rows:,} rows of {found.split}"
    variety = ", ".join(f"{name} {share:.0%}" for name, share in zip(found.classes, found.variety))
    return [
        (
            "led to the class",
            f"{in_words(found.led)} of {many}; a copy of the source {found.copied.value:.1%}, real "
            f"rows of the class {found.real.value:.1%}, by {found.judge}",
        ),
        ("content kept", f"{in_words(found.kept)} are nearest to their own source; a copy 100.0%"),
        ("led and kept", f"{in_words(found.both)}; a copy {found.copied.value:.1%}"),
        ("cycle error", f"{in_words(found.cycle)} of the distance between two rows; a copy 0.0%"),
        ("change", f"{in_words(found.moved)} of the distance between two rows; a copy 0.0%"),
        ("variety of translations", f"variance relative to real rows: {variety}"),
    ]


def headline(found: Crossed) -> str:
    """Returns the deciding score as one clause.

    Args:
        found: the scores.
    """
    return f"led and kept {in_words(found.both)}"


def crossed_columns(found: Crossed, protocol: Protocol) -> list[Scores]:
    """Returns the scores, with copies of the source in the last row.

    Args:
        found: the scores.
        protocol: protocol of the report.
    """
    key = key_of(protocol, rows=found.rows, judge=found.judge, weights=found.digest, seed=found.seed)
    columns = (
        Column("led and kept", "higher"),
        Column("led", "higher"),
        Column("kept", "higher"),
        Column("cycle error", "lower"),
    )
    cells = tuple(of_interval(one, True) for one in (found.both, found.led, found.kept, found.cycle))
    copied = of_interval(found.copied, True)
    copy = (copied, copied, Cell(1.0, percent=True), Cell(0.0, percent=True))
    return [Scores("translations without pairs", key, columns, cells, copy, "copy of the source")]
