"""Scores as cells of a table: their intervals, and what they decide."""

from simulacra.evaluation.compare.score_columns import share
from simulacra.evaluation.compare.score_tables import Cell, Column, Scores, ScoreTable


def test_scores_are_decided_beyond_2_5_standard_errors_of_both():
    column = (Column("distance", "lower"),)
    make = lambda value, error: Scores("samples", {"on": "x"}, column, (Cell(value, error),))
    table = ScoreTable({"a": make(1.0, 0.1), "b": make(1.2, 0.1), "c": make(1.5, 0.1)})
    # 0.2 is within 2.5 x 0.141; 0.5 is not
    assert table.better("a", "b") is None and table.better("a", "c") is True
    assert table.better("c", "a") is False
    assert ScoreTable({"a": make(1.0, None), "b": make(9.0, None)}).better("a", "b") is None
    assert str(share(0.25, 300)) == "25.0% [20.4, 30.2]" and str(Cell(1.0, 0.1)) == "1 [0.804, 1.2]"


def test_shares_at_the_ends_have_an_error():
    """0 of 100 against 4 of 100: Fisher's test gives p = 0.12."""
    scores = lambda value: Scores("samples", {}, (Column("coverage", "higher"),), (share(value, 100),))
    assert ScoreTable({"a": scores(0.0), "b": scores(0.04)}).better("a", "b") is None
