"""Columns of objects that are neither texts nor numbers: times, spans, identifiers, paths, intervals."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import PurePosixPath
from uuid import UUID

import pytest

from simulacra import load_data
from simulacra.data.tables.column import Column
from simulacra.data.tables.kinds import NoClasses, identifies, infer
from simulacra.data.tables.numbers import Marks, have_units

X = [i * 0.3 for i in range(36)]
MAKERS = {
    "time": lambda k: time(k, 30),
    "span": lambda k: timedelta(hours=k),
    "uuid": lambda k: UUID(int=k + 7),
    "path": lambda k: PurePosixPath(f"/scans/{k}.png"),
}


def column(made, different):
    return [made(i % different) for i in range(36)]


@pytest.mark.fault("outside 2.4")
@pytest.mark.parametrize("made", MAKERS.values(), ids=MAKERS)
def test_many_objects_are_no_classes_as_their_texts_are_none(made):
    said = []
    for values in (column(made, 22), list(map(str, column(made, 22)))):
        with pytest.raises(NoClasses) as found:
            load_data({"v": X, "at": values})
        said.append(str(found.value))
    assert said[0] == said[1] and "22 different texts in 36 rows" in said[0]
    kept = load_data({"v": X, "at": column(made, 22)}, types={"at": "drop"})
    assert kept.train.preprocessing.raw.names == ("v",)
    assert infer(Column("at", column(made, 4), "x")).names == tuple(map(str, column(made, 4)[:4]))


@pytest.mark.fault("outside 2.4")
@pytest.mark.parametrize("kind", ["period", "interval", "timedelta"])
def test_many_objects_of_pandas_are_no_classes(kind):
    pd = pytest.importorskip("pandas")
    made = {
        "period": pd.PeriodIndex([f"20{10 + i % 22}Q3" for i in range(36)], freq="Q"),
        "interval": pd.IntervalIndex.from_tuples([(i % 22, i % 22 + 5) for i in range(36)]),
        "timedelta": pd.to_timedelta([i % 22 for i in range(36)], unit="h"),
    }
    with pytest.raises(NoClasses, match="22 different texts in 36 rows"):
        load_data(pd.DataFrame({"v": X, "at": made[kind]}))


@pytest.mark.fault("outside 2.4")
def test_times_of_a_sheet_are_no_classes(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["v", "at"])
    for row in zip(X, column(MAKERS["time"], 22)):
        book.active.append(row)
    book.save(tmp_path / "times.xlsx")
    with pytest.raises(NoClasses, match="22 different texts in 36 rows"):
        load_data(tmp_path / "times.xlsx")


@pytest.mark.fault("outside 2.4")
def test_all_of_none_is_not_all():
    assert not have_units([], Marks()) and not Column("a", [None], "x").truth
    mixed = [*column(MAKERS["time"], 22), *["5kg", "7kg", "9kg"] * 2]
    with pytest.raises(NoClasses, match="25 different texts in 42 rows"):
        infer(Column("at", mixed, "x"))


@pytest.mark.fault("outside 2.4")
def test_categories_without_any_are_a_column_without_values():
    pd = pytest.importorskip("pandas")
    data = load_data(pd.DataFrame({"v": X, "at": pd.Categorical([None] * 36)}))
    assert data.train.preprocessing.raw.names == ("v",) and "no value" in data.notes["columns left out"]
    assert identifies(Column("at", [None] * 3, "x")) == "no value in any row"
