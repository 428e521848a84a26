"""Table columns of the scores of translations."""

from __future__ import annotations

from simulacra.core.scores.estimate import Protocol
from simulacra.evaluation.compare.score_columns import key_of
from simulacra.evaluation.compare.score_tables import Cell, Column, Scores, of_interval
from simulacra.evaluation.interval import Interval
from simulacra.evaluation.pairs.paired import Paired


def pair_columns(found: Paired, protocol: Protocol) -> list[Scores]:
    """Returns the scores of translations and their diversity, with the best reference in the last row.

    Args:
        found: scores of translations.
        protocol: protocol of the report, whose digest covers the sources.
    """
    key = key_of(protocol, pairs=found.pairs, draws=found.draws, condition=found.condition, seed=found.seed)
    best = found.references.index(found.best)
    titles = tuple(_column(f"{s.name} in {s.unit}" if s.unit else s.name, s.higher) for s in found.scores)
    ours = (*(_cell(score.model) for score in found.scores), _cell(found.diversity, True))
    theirs = (*(_cell(score.references[best]) for score in found.scores), None)
    columns = (*titles, Column("diversity", "neither"))
    return [Scores("translations", key, columns, ours, theirs, found.best)]


def _column(title: str, higher: bool) -> Column:
    return Column(title, "higher" if higher else "lower")


def _cell(found: Interval | None, percent: bool = False) -> Cell | None:
    return None if found is None else of_interval(found, percent, digits=4)
