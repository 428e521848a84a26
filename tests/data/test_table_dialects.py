"""Tables in the dialects that people write: marks, headers, comments and titles are found or asked for."""

from __future__ import annotations

import numpy as np
import pytest
from data_files import write
from refusal import assert_refused

from simulacra.core.inputs.to_frames import columns_of
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.numeric import Numeric
from simulacra.data import load_data
from simulacra.data.tables.separators import find_separator

X = np.random.default_rng(0).normal(size=(60, 3))


def text_of(rows, form="%.3f", separator=",") -> str:
    return "".join(separator.join(form % v for v in row) + "\n" for row in rows)


def whole(path, **options):
    """The data with all rows in one split."""
    return load_data(path, **{"validation": 0, "test": 0, "missing": "mask", **options})


def columns(data) -> dict[str, list]:
    return columns_of(data.preprocessing.raw, data.train.x)


HEADERS = {
    "years": "2019,2020,2021",
    "years with gaps between": "2015,2018,2021",
    "a frame's 0, 1, 2": "0,1,2",
    "wavelengths": "400.5,401.5,402.5",
    "wavelengths that differ": "400.1,433.7,520.8",
    "negative": "-1,0,1",
    "codes": "001,002,003",
}


@pytest.mark.fault("f06")
@pytest.mark.parametrize("names", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("n", [20, 60])
def test_a_header_of_numbers_is_no_row(tmp_path, names, n):
    data = whole(write(tmp_path / "t.csv", (names + "\n" + text_of(X[:n])).encode()))
    assert data.preprocessing.raw.names == tuple(names.split(",")) and len(data.train) == n
    assert np.array_equal(data.train.x, np.round(X[:n], 3))


@pytest.mark.fault("f06")
@pytest.mark.parametrize("width", [1, 2, 3])
def test_the_names_of_a_frame_without_index_are_no_row(tmp_path, width):
    pd = pytest.importorskip("pandas")
    pd.DataFrame(X[:, :width]).to_csv(tmp_path / "t.csv", index=False)
    data = whole(tmp_path / "t.csv")
    assert data.preprocessing.raw.names == tuple("012"[:width]) and len(data.train) == 60
    assert "holds names" in data.notes["header"]


@pytest.mark.fault("f06")
def test_years_over_counts_and_beside_a_name_are_no_row(tmp_path):
    rows = [(i % 9, i * 731 % 5000, i * 1193 % 4000) for i in range(60)]
    counts = "".join(f"C{a},{b},{c}\n" for a, b, c in rows)
    data = whole(write(tmp_path / "t.csv", b"country,2019,2020\n" + counts.encode()))
    assert data.preprocessing.raw.names == ("country", "2019", "2020") and len(data.train) == 60


ROWS = {
    "a time and what rises with it": [(i * 0.1, 100.5 + i * 0.7, 50 - i * 0.3) for i in range(60)],
    "counts that rise and fall": [(i, 100 + 7 * i, 5000 - 3 * i) for i in range(60)],
    "a decay": [(i, 1000 * 0.4**i, 700 * 0.4**i) for i in range(30)],
    "rows of a grid": [(4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3) for i in range(40)],
    "one outlier in front": [(999.5, -888.25, 777.75), *X],
    "zeros in front": [(0, 0, 0), *X],
}


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_a_first_row_of_data_is_kept(tmp_path, rows):
    data = whole(write(tmp_path / "t.csv", text_of(rows, "%.6g").encode()), index_column="none")
    assert len(data.train) == len(rows) and data.preprocessing.raw.names[0] == "1"
    np.testing.assert_allclose(data.train.x, np.array(rows), rtol=1e-5, atol=1e-9)


def test_a_text_among_first_numbers_is_asked_for_and_both_answers_work(tmp_path):
    path = write(tmp_path / "t.csv", b"1.5,n.d.,2.5\n" + text_of(X[:20] * 5).encode())
    assert_refused(path, "n.d.", "header=True", "header=False")
    assert len(whole(path, header=True).train) == 20
    assert_refused(path, "'n.d.' in line 1", "missing_values='n.d.'", header=False)
    assert len(whole(path, header=False, missing_values="n.d.").train) == 21


@pytest.mark.fault("f07")
@pytest.mark.parametrize("form", ["%.1f", "%.3f", "%.3e"])
@pytest.mark.parametrize("header", ["", "price;size;mass\n"], ids=["no header", "header"])
def test_decimal_commas_are_numbers(tmp_path, form, header):
    content = header + text_of(X, form, ";").replace(".", ",")
    data = whole(write(tmp_path / "t.csv", content.encode()))
    assert [type(s) for _, s in data.preprocessing.raw.fields] == [Numeric] * 3 and len(data.train) == 60
    assert np.array_equal(data.train.x, [[float(form % v) for v in row] for row in X])


@pytest.mark.fault("f07")
def test_one_column_of_decimal_commas_is_one_column(tmp_path):
    path = write(tmp_path / "t.csv", ("a\n" + text_of(X[:, :1], "%.2f")).replace(".", ",").encode())
    assert whole(path).preprocessing.raw.names == ("a",)
    assert columns(whole(path))["a"] == [float(f"{v:.2f}") for v in X[:, 0]]


@pytest.mark.fault("f07")
def test_a_comma_that_may_be_either_mark_is_asked_for_and_both_answers_work(tmp_path):
    cells = "".join(f"{1000 + 37 * i:,};{2000 + 31 * i:,}\n" for i in range(40))
    path = write(tmp_path / "t.csv", f"a;b\n{cells}".encode())
    assert_refused(path, "'1,000'", "decimal=','", "thousands=','")
    assert columns(whole(path, decimal=","))["a"][1] == 1.037
    assert columns(whole(path, thousands=","))["a"][1] == 1037


@pytest.mark.fault("f07")
def test_points_between_thousands_stand_beside_decimal_commas(tmp_path):
    path = write(tmp_path / "t.csv", b"a;b\n255.880;0,5\n1.234;1,5\n7;2,5\n")
    assert columns(whole(path)) == {"a": [255880, 1234, 7], "b": [0.5, 1.5, 2.5]}


@pytest.mark.fault("f09")
@pytest.mark.parametrize("name", ["", '""', "Unnamed: 0"])
@pytest.mark.parametrize("first", [lambda i: i, lambda i: i * 37 % 60, lambda i: f"car {i}", lambda i: 3 * i])
def test_the_names_of_the_rows_are_left_out_and_said(tmp_path, name, first):
    body = "".join(f"{first(i)},{x:.3f},{y:.3f}\n" for i, (x, y, _) in enumerate(X))
    data = whole(write(tmp_path / "t.csv", f"{name},x,y\n{body}".encode()))
    assert data.preprocessing.raw.names == ("x", "y") and "(" in data.notes["columns left out"]


@pytest.mark.fault("f09")
def test_a_header_with_one_name_fewer_needs_rows_with_names(tmp_path):
    body = "".join(f"{i + 1} {x:.3f} {y:.3f}\n" for i, (x, y, _) in enumerate(X))
    assert whole(write(tmp_path / "t.txt", f"x y\n{body}".encode())).preprocessing.raw.names == ("x", "y")
    cut = "".join(f"'x,{i % 3}',{x:.3f}\n" for i, (x, _, _) in enumerate(X))
    assert_refused(
        write(tmp_path / "t.csv", f"a,b\n{cut}".encode()), "2 names in line 1", "3 cells in line 2"
    )


@pytest.mark.fault("f23")
@pytest.mark.parametrize("name", ["body mass", "Body mass (kg)", "a b c", "größe in cm"])
def test_a_blank_in_a_name_cuts_no_column(tmp_path, name):
    data = whole(write(tmp_path / "t.csv", f"{name}\n{text_of(X[:, :1])}".encode()))
    assert data.preprocessing.raw.names == (name,) and len(data.train) == 60


def test_a_column_of_texts_with_blanks_is_one_column(tmp_path):
    cities = ["new york", "rome", "los angeles", "san josé del monte"]
    body = "".join(cities[i % 4] + "\n" for i in range(60))
    data = whole(write(tmp_path / "t.csv", f"city\n{body}".encode()))
    assert columns(data)["city"][:4] == cities


@pytest.mark.fault("f27")
@pytest.mark.parametrize(
    "above", ["# station 5, 2020\n", "% made by x\n% v2\n", "// a, b, c\n", "My table, of 2020\n"]
)
def test_lines_above_a_table_are_left_out_and_said(tmp_path, above):
    data = whole(write(tmp_path / "t.csv", f"{above}a,b,c\n{text_of(X)}".encode()))
    assert data.preprocessing.raw.names == ("a", "b", "c") and "line" in data.notes["left out"]


@pytest.mark.parametrize("line", ["sep=;\n", '"sep=;"\n', "sep=;\r\n"])
def test_the_separator_that_a_spreadsheet_writes_is_no_row(tmp_path, line):
    data = whole(write(tmp_path / "t.csv", f"{line}a;b;c\n{text_of(X, separator=';')}".encode()))
    assert data.preprocessing.raw.names == ("a", "b", "c") and len(data.train) == 60


@pytest.mark.parametrize("text", ["l\nx", "l\r\nx", "l\n# x", "l\n\nx", "a\u2028b", "a\x0cb", "a\x85b"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_cell_of_several_lines_is_one_cell(tmp_path, text, place):
    rows = [[f"{x:.3f}", f"{y:.3f}"] for x, y, _ in X]
    for i, row in enumerate(rows):
        row.insert(place, f'"{text}"' if i % 3 else "z")
    content = "\n".join(["a,b,c", *map(",".join, rows)])
    data = whole(write(tmp_path / "t.csv", content.encode()))
    assert len(data.train) == 60 and columns(data)["abc"[place]][:2] == ["z", text]


def test_one_column_of_cells_of_several_lines_keeps_its_rows(tmp_path):
    path = write(tmp_path / "t.csv", ("a\n" + '"l\nx"\n"l\ny"\n' * 20).encode())
    assert columns(whole(path))["a"] == ["l\nx", "l\ny"] * 20


def test_encodings_are_found_or_named_with_a_mend_that_works(tmp_path):
    text = "größe,b\n" + "".join(f"{'äß'[i % 2]},{x:.3f}\n" for i, x in enumerate(X[:, 0]))
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        data = whole(write(tmp_path / "t.csv", text.encode(encoding)), encoding=None)
        assert data.preprocessing.raw.names[0] == "größe"
    marked = write(tmp_path / "m.csv", text.encode("utf-8-sig"))
    assert whole(marked, encoding="utf-8").preprocessing.raw.names[0] == "größe"
    for encoding in ("utf-16-le", "utf-16-be", "cp1252"):
        path = write(tmp_path / "t.csv", text.encode(encoding))
        assert_refused(path, f"encoding='{encoding}'")
        assert whole(path, encoding=encoding).preprocessing.raw.names[0] == "größe"
    assert_refused(write(tmp_path / "t.csv", text.encode("utf-16-le")), "null", encoding="cp1252")


def test_a_decimal_point_beside_a_text_with_semicolons_cuts_at_commas(tmp_path):
    path = write(tmp_path / "t.csv", "".join(f"{x:.3f},c;d\n" for x in X[:, 0]).encode())
    raw = whole(path).preprocessing.raw
    assert dict(raw.fields)["2"] == Categorical((), 1, ("c;d",))
    # a column of numbers is clearer than one column of texts
    assert find_separator(["0.000,c;d,c;d"] * 5) == ","


def test_names_that_recur_are_named(tmp_path):
    assert_refused(write(tmp_path / "t.csv", f"a,a,b\n{text_of(X)}".encode()), "several columns 'a'")


def test_thousands_and_signs_are_numbers(tmp_path):
    for cell in ('"1,234,567"', "1'234'567", '"1.234.567,0"', "+1234567", "1234567.0", "1.234567e6"):
        path = write(tmp_path / "t.csv", f"a;b\n{cell};x\n{cell};y\n".encode())
        assert columns(whole(path))["a"] == [1234567, 1234567], cell
    path = write(tmp_path / "t.csv", "a,b\n\u22121.5,x\n2.5,y\n".encode())
    assert columns(whole(path))["a"] == [-1.5, 2.5]


def test_numbers_with_a_unit_are_refused_and_not_left_out(tmp_path):
    for cell in ("{}%", "${}", "{} kg", "{} €"):
        body = "".join(f"{cell.format(i * 1.5)},{i}.25\n" for i in range(40))
        path = write(tmp_path / "t.csv", f"a,b\n{body}".encode())
        with pytest.raises(ValueError, match=r"numbers with a unit.*types=\{'a': 'drop'\}"):
            load_data(path)
        assert whole(path, types={"a": "drop"}).preprocessing.raw.names == ("b",)


def test_counts_of_a_table_of_running_values_stay_counts(tmp_path):
    path = write(tmp_path / "t.csv", "".join(f"{7 * i % 50},{11 * i % 41}\n" for i in range(60)).encode())
    assert [s for _, s in whole(path).preprocessing.raw.fields] == [Numeric(decimals=0)] * 2


@pytest.mark.fault("f07")
def test_quoted_cells_with_the_separator_in_them_do_not_tell_against_it(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("body mass;height,cm\n" + '0,000;"c;d"\n1,500;"e;f"\n' * 3)
    data = load_data(path, validation=0, test=0)
    assert data.space.names == ("body mass", "height,cm")
    assert data.notes["read as"] == "semicolons, decimal commas, header"


@pytest.mark.fault("f07")
def test_a_tab_within_cells_does_not_tell_against_the_separator(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("height,cm;body mass\n" + "0,000;tab\there\n1,500;more\tthere\n" * 3)
    data = load_data(path, validation=0, test=0)
    assert data.space.names == ("height,cm", "body mass")
    assert data.notes["read as"] == "semicolons, decimal commas, header"


@pytest.mark.fault("f07")
def test_numbers_tell_which_of_two_marks_that_cut_all_lines_is_the_separator(tmp_path):
    path = write(tmp_path / "t.csv", b"weight;kg,body mass\n" + b"0.25,c;d\n0.75,c;e\n" * 3)
    data = load_data(path, validation=0, test=0)
    assert data.preprocessing.raw.names == ("weight;kg", "body mass")
    assert data.notes["read as"] == "commas, header"
