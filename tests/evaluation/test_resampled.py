"""Associations of resampled rows are those of each resample alone, and ranks are computed once a column."""

import numpy as np
import pytest

from simulacra.tables import associations as its
from simulacra.tables.columns import table_from


def table(n=43):
    rng = np.random.default_rng(3)
    x = rng.normal(size=n).round(1)
    numbers = {"x": x, "y": (x + rng.normal(size=n)).round(1), "flat": np.ones(n)}
    numbers["gaps"] = np.where(rng.random(n) < 0.3, np.nan, -x)
    return table_from(numbers, {"class": rng.integers(0, 3, n)})


@pytest.mark.parametrize("pair", [("x", "y"), ("x", "flat"), ("gaps", "y"), ("class", "x"), ("y", "class")])
def test_each_resample_has_the_association_of_its_rows(pair):
    rows = np.random.default_rng(5).integers(0, 43, (11, 43))
    each = [its.association(table().rows(at), *pair) for at in rows]
    np.testing.assert_array_equal(its.resampled_associations(table(), *pair, rows), each)


def test_a_column_without_gaps_is_ranked_once(monkeypatch):
    calls, before = [], its._ranks
    monkeypatch.setattr(its, "_ranks", lambda values: calls.append(0) or before(values))
    whole = its.associations(table())
    # once for each of the four numbers; the pairs of the one with gaps rank the rows that both know
    assert len(calls) == 4 + 2 * 3
    for pair, value in whole.items():
        assert its.association(table(), *pair) == value
