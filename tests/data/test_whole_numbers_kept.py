"""Whole numbers that double precision rounds stay apart, from any table and whatever cell is empty."""

from __future__ import annotations

import re
import zipfile
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import simulacra
from simulacra.core.inputs.arrays import as_tensor
from simulacra.core.inputs.convert import rows_of
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Real
from simulacra.data.tables.column import Column

FIRST = 2**60 + 129  # doubles are 256 apart here
IDS = [FIRST + 3 * (i % 5) for i in range(40)]
NAMES = tuple(str(FIRST + 3 * i) for i in range(5))
X = [i * 0.3 for i in range(40)]


def names_of(given):
    data = simulacra.load_data(given, missing="mask", validation=0, test=0)
    return dict(data.preprocessing.raw.fields)["id"].names, data


def table_with_a_gap(pa, kind):
    return pa.table({"v": X, "id": pa.array([None, *map(kind, IDS[1:])])})


@pytest.mark.fault("outside 2.1")
@pytest.mark.parametrize("ending", ["parquet", "feather"])
@pytest.mark.parametrize("kind", [int, Decimal])
def test_an_empty_cell_rounds_no_identifier_of_a_file(tmp_path, ending, kind):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    path = tmp_path / f"ids.{ending}"
    write = parquet.write_table if ending == "parquet" else feather.write_feather
    write(table_with_a_gap(pa, kind), str(path))
    names, data = names_of(path)
    assert names == NAMES
    back = [dict(data.preprocessing.raw.fields)["id"].names[int(c)] for c in data.train.x[1:, 1]]
    assert back == list(map(str, IDS[1:]))


@pytest.mark.fault("outside 2.1")
@pytest.mark.parametrize("kind", [np.int64, np.uint64, Decimal, Fraction, np.longdouble])
def test_whole_numbers_of_any_type_are_not_rounded(kind):
    assert names_of({"v": X, "id": [None, *map(kind, IDS[1:])]})[0] == NAMES
    assert Column("a", [kind(FIRST)], "x").numbers is None and Column("a", [kind(7)], "x").numbers == [7]
    with pytest.raises(ValueError, match="rounds"):
        rows_of(Table(a=Real()), {"a": [kind(FIRST)]})


@pytest.mark.fault("outside 2.1")
def test_categories_that_are_large_numbers_stay_apart():
    pd = pytest.importorskip("pandas")
    for ordered in (False, True):
        given = pd.DataFrame({"v": X, "id": pd.Categorical(IDS, ordered=ordered)})
        names, data = names_of(given)
        assert names == NAMES and len(set(data.train.x[:, 1].tolist())) == 5


@pytest.mark.fault("outside 2.1")
def test_a_whole_number_beside_a_fraction_is_not_rounded():
    pd = pytest.importorskip("pandas")
    for rows in ([[FIRST, 0.5]], pd.DataFrame({"a": [FIRST], "b": [0.5]}), [[2**53 + 1, 0.5]]):
        with pytest.raises(ValueError, match="double precision rounds"):
            as_tensor(rows)
    assert as_tensor([[2**60, 0.5], [1e300, float("inf")]]).tolist() == [[2**60, 0.5], [1e300, float("inf")]]


@pytest.mark.fault("outside 2.1")
def test_identifiers_that_were_doubles_before_are_said():
    said = names_of({"v": X, "id": list(map(float, IDS))})[1].notes["rounded"]
    assert said.startswith("id holds numbers beyond 2^53")
    for fine in ([i % 5 for i in range(40)], [6.02e23 * (1 + i % 5) for i in range(40)], IDS):
        assert "rounded" not in names_of({"v": X, "id": fine})[1].notes


@pytest.mark.fault("outside 2.1")
def test_dates_of_numpy_are_no_numbers():
    days = np.array(["2024-03-01", "2024-03-09"] * 20, "datetime64[ns]")
    spans = np.array([0, 5400] * 20, "timedelta64[s]").astype("timedelta64[ns]")
    assert names_of({"v": X, "id": spans})[0] == ("0:00:00", "1:30:00")
    assert [name[:10] for name in names_of({"v": X, "id": days})[0]] == ["2024-03-01", "2024-03-09"]
    days[::2] += 1
    assert len(names_of({"v": X, "id": days})[0]) == 2
    days[3] = np.datetime64("NaT")
    assert names_of({"v": X, "id": days})[1].train.known[3].tolist() == [True, False]


def test_a_sheet_that_holds_all_digits_is_read_with_them(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["v", "id"])
    for v, number in zip(X, IDS):
        book.active.append([v, number % 5 + 10 if v else None])
    book.save(tmp_path / "small.xlsx")
    wrote = iter(IDS[1:])
    with zipfile.ZipFile(tmp_path / "small.xlsx") as old, zipfile.ZipFile(tmp_path / "ids.xlsx", "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if "sheet1" in name:  # openpyxl writes 16 digits
                text = re.sub(
                    rb"<v>1[0-4]</v></c></row>", lambda m: b"<v>%d</v></c></row>" % next(wrote), text
                )
            new.writestr(name, text)
    assert names_of(tmp_path / "ids.xlsx")[0] == NAMES
