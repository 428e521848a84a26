"""Agreement with captions in words, and as columns of a table."""

from __future__ import annotations

from simulacra.core.scores.estimate import Protocol
from simulacra.evaluation.captions.agreement import Agreement
from simulacra.evaluation.compare.score_columns import key_of
from simulacra.evaluation.compare.score_tables import Column, Scores, of_interval
from simulacra.evaluation.interval import in_words


def agreement_rows(found: Agreement) -> list[tuple[str, str]]:
    """Returns name and value of each score of agreement, in words.

    Args:
        found: the scores.
    """
    search = (
        f"{in_words(found.search)} of {found.rows:,} samples find their caption among {found.candidates}; "
        f"real pictures {found.real.value:.1%}, chance {1 / found.candidates:.1%}"
    )
    lines = [("captions", search)]
    for one in found.attributes:
        told = f"{in_words(one.model)} right; real pictures {one.real.value:.1%}, chance {one.chance:.1%}"
        lines.append((f"{one.name} of captions", told))
    return lines


def headline(found: Agreement) -> str:
    """Returns equation (1) of the agreement as one clause.

    Args:
        found: the scores.
    """
    return f"{found.search.value:.1%} of samples find their caption among {found.candidates}"


def agreement_columns(found: Agreement, protocol: Protocol) -> list[Scores]:
    """Returns the scores of agreement, with those of real pictures in the last row.

    Args:
        found: the scores.
        protocol: protocol of the report, whose digest covers the captions.
    """
    key = key_of(protocol, captions=found.rows, candidates=found.candidates, seed=found.seed)
    columns = [Column("caption found", "higher"), *(Column(one.name, "higher") for one in found.attributes)]
    ours = [found.search, *(one.model for one in found.attributes)]
    theirs = [found.real, *(one.real for one in found.attributes)]
    cells, reference = ([of_interval(one, percent=True) for one in every] for every in (ours, theirs))
    return [Scores("captions", key, tuple(columns), tuple(cells), tuple(reference), "real pictures")]
