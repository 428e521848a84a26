"""Columns of a table are what their cells say: booleans, units, constants, long numbers."""

import numpy as np
import pytest
from refusal import assert_refused

import simulacra
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary
from simulacra.data.inspection.facts import inspect_data
from simulacra.data.new_rows.cells import coded
from simulacra.data.tables.column import Column
from simulacra.data.tables.header import has_header
from simulacra.data.tables.kinds import infer
from simulacra.data.tables.numbers import Marks, is_code

ROWS = 60


def column(values, name="k"):
    return Column(name, list(values), "t.csv, column 'k',")


@pytest.mark.fault("outside 1.w4.booleans")
@pytest.mark.parametrize("cells", [(True, False, 1, 0), (1, 0, True, False), (True, False, None, 1.0)])
def test_true_and_one_are_one_value_in_whatever_order(cells):
    assert isinstance(infer(column(cells * 15)), Binary)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": np.arange(ROWS) * 1.7 % 13, "k": cells * 15})
    data = simulacra.load_data(frame, missing="mask", test=0, validation=0)
    wanted = [float(bool(cell)) for cell in cells * 15 if cell is not None]
    held = data.train.x[:, 1] if data.train.known is None else data.train.x[data.train.known[:, 1], 1]
    assert held.tolist() == wanted


@pytest.mark.fault("outside 1.w4.booleans")
@pytest.mark.parametrize("cells", [(True, 2, 3, 0), (1.5, np.bool_(False), 3, 0)])
def test_booleans_among_other_numbers_are_refused_as_those_of_a_file_are(cells):
    frame = {"a": (np.arange(ROWS) * 1.7 % 13).tolist(), "k": list(cells * 15)}
    assert_refused(frame, "among numbers", "types={'k': 'categorical'}")


@pytest.mark.fault("outside 1.w4.booleans")
def test_texts_true_and_one_are_three_classes():
    found = infer(column(["a", "b", "c", True, 1] * 15))
    assert found.names == ("1", "True", "a", "b", "c")
    assert infer(column([np.bool_(True), False] * 9)) == Categorical((), 2, ("False", "True"))


UNITS = {
    "glued": lambda i: f"{50 + i}kg",
    "blank": lambda i: f"{50 + i}.5 kg",
    "degrees": lambda i: f"{i}.5°C",
    "ratio": lambda i: f"{i} mg/l",
    "per cube": lambda i: f"{i} µg/m³",
    "two": lambda i: f"{i}{'kg' if i % 2 else 'g'}",
    "share": lambda i: f"{i}%",
}


@pytest.mark.fault("outside 1.w2b.2")
@pytest.mark.parametrize("written", UNITS.values(), ids=UNITS)
def test_numbers_with_a_unit_are_refused_also_if_all_differ(tmp_path, written):
    path = tmp_path / "t.csv"
    path.write_text("w,h\n" + "".join(f"{written(i)},{i % 13}\n" for i in range(ROWS)))
    assert_refused(
        path, "column 'w', holds numbers with a unit", "write the unit into the name of the column"
    )
    assert_refused(path, "holds numbers with a unit", label="h")


@pytest.mark.parametrize("written", [lambda i: f"A{i}", lambda i: f"{i}{'abcdefghijklm'[i % 13]}"])
def test_names_with_digits_are_left_out(tmp_path, written):
    path = tmp_path / "t.csv"
    path.write_text("w,h\n" + "".join(f"{written(i)},{i % 13}\n" for i in range(ROWS)))
    assert "different texts" in simulacra.load_data(path).notes["columns left out"]


@pytest.mark.fault("outside 1.w2b.1")
def test_inspect_shows_the_values_that_are_there(tmp_path):
    path = tmp_path / "t.csv"
    rows = (f"1,0,5.5,red,{i % 3},{i * 1.7 % 13:.2f},{9999999.99 - i * 10.37:.2f}\n" for i in range(ROWS))
    path.write_text("flag,zero,five,colour,grade,v,income\n" + "".join(rows))
    grades = {"kind": "ordinal", "classes": [0, 1, 2, 3]}
    found = inspect_data(
        path, types={"colour": {"kind": "categorical", "classes": ["blue", "red"]}, "grade": grades}
    )
    shown = {name: values for name, _, values, _ in found.columns}
    assert (shown["flag"], shown["zero"]) == ("1 (constant)", "0 (constant)")
    assert (shown["five"], shown["colour"]) == ("5.5 (constant)", "red (constant); never blue")
    assert shown["grade"] == "0, 1, 2; never 3" and shown["income"].endswith(" to 10,000,000")
    arrays = inspect_data(np.full((30, 2), 2.5))
    assert arrays.facts["values"] == "2.5 (constant)"


@pytest.mark.fault("outside 1.w3.4")
@pytest.mark.parametrize("cell", ["9" * 5000, "-" + "7" * 100_000, "+" + "1" * 310])
def test_a_cell_of_thousands_of_digits_is_a_cell_that_cannot_be_read(cell):
    assert is_code(cell) and Marks().number(cell) is None
    found = coded(simulacra.Real(()), ["1.5", cell], Marks(), (), "column 'a'")
    assert found.odd == [1]


@pytest.mark.fault("outside 1.left.3")
@pytest.mark.parametrize("written", UNITS.values(), ids=UNITS)
def test_a_name_over_numbers_with_a_unit_is_a_header(tmp_path, written):
    cells = [f"{written(i * 37 % ROWS)}" for i in range(ROWS)]
    rows = [["weight"], *([cell] for cell in cells)]
    assert has_header(rows, Marks()) and not has_header(rows[1:], Marks())
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["weight", *cells]))
    assert_refused(path, "column 'weight', holds numbers with a unit")


@pytest.mark.parametrize(
    "cells", [["unknown", "3d", "2d", "unknown", "2d", "3d"] * 9, ["none", "5a", "6b", "7c"]]
)
def test_texts_among_texts_with_digits_are_data(cells):
    assert not has_header([[cell] for cell in cells], Marks())
