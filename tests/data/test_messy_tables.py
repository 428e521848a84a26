"""Tables as people keep them: titles, blanks after marks, codes for missing entries, an index."""

import logging

import numpy as np
import pytest
from refusal import assert_refused

from simulacra.data import load_data

X = np.random.default_rng(0).normal(size=(40, 2)).round(3)
LINES = "".join(f"{a},{b}\n" for a, b in X)


def write(path, text):
    path.write_text(text)
    return path


def rows(data):
    """The rows of all splits, in the order of the file."""
    splits = list(data.splits.values())
    order = np.argsort(np.concatenate([split.source_rows.numbers for split in splits]))
    return np.concatenate([split.x.numpy() for split in splits])[order]


@pytest.mark.parametrize("header", [None, True, 3])
def test_a_title_above_two_columns_is_no_header(tmp_path, header):
    told = {} if header is None else {"header": header}
    data = load_data(write(tmp_path / "t.csv", f"My survey 2020\n\na,b\n{LINES}"), **told)
    assert data.preprocessing.raw.names == ("a", "b") and np.array_equal(rows(data), X)


@pytest.mark.parametrize("told", [{}, {"header": True}, {"header": 1}])
def test_a_header_with_a_name_less_names_the_rows(tmp_path, told):
    lines = "".join(f"r{i},{x}\n" for i, x in enumerate(X[:, 0]))
    data = load_data(write(tmp_path / "t.csv", f"a\n{lines}"), **told)
    assert data.preprocessing.raw.names == ("a",) and np.array_equal(rows(data)[:, 0], X[:, 0])


@pytest.mark.parametrize("told", [{}, {"header": 3}])
def test_rows_above_a_spreadsheet_are_left_out(tmp_path, told):
    pd, openpyxl = pytest.importorskip("pandas"), pytest.importorskip("openpyxl")
    path = tmp_path / "t.xlsx"
    pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 0]}).to_excel(path, index=False, startrow=2)
    book = openpyxl.load_workbook(path)
    book.active["A1"] = "My survey 2020"
    book.save(path)
    data = load_data(path, **told)
    assert data.preprocessing.raw.names == ("a", "b", "c") and np.array_equal(rows(data)[:, :2], X)
    assert data.notes["left out"] == "1 row above the table"


def test_a_row_of_names_that_a_spreadsheet_lacks_is_refused(tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("openpyxl")
    pd.DataFrame(X, columns=["a", "b"]).to_excel(tmp_path / "t.xlsx", index=False)
    assert_refused(tmp_path / "t.xlsx", "no names in row 99", header=99)


@pytest.mark.parametrize("mark", [",", ";"])
@pytest.mark.parametrize("text", ['"x{m} {k}"', '"x {k}"', "x{k}"])
def test_blanks_after_a_mark_do_not_cut_two_columns(tmp_path, mark, text):
    lines = "".join(f"{x}{mark} {text.format(m=mark, k=i % 2)}\n" for i, x in enumerate(X[:, 0]))
    data = load_data(write(tmp_path / "t.csv", f"a{mark} b\n{lines}"))
    names = dict(data.preprocessing.raw.fields)["b"].names
    assert names == tuple(text.format(m=mark, k=k).strip('"') for k in (0, 1))
    assert np.array_equal(rows(data), np.stack([X[:, 0], np.arange(40) % 2], 1))


@pytest.mark.fault("f07")
def test_a_decimal_comma_is_not_taken_for_the_mark_between_cells(tmp_path):
    lines = "0,000;red;x|y\n" * 10 + "0,500;tab\there;x|y\n"
    data = load_data(write(tmp_path / "t.csv", lines), validation=0, test=0)
    assert data.preprocessing.raw.names == ("1", "2", "3")
    assert data.train.x[-1, 0] == 0.5


def with_code(code):
    return [code if i % 8 == 0 else x for i, x in enumerate(X[:, 1])]


@pytest.mark.parametrize("code", ["-999", "-9999.0", "99999"])
def test_a_far_number_of_nines_that_recurs_is_said(tmp_path, code):
    lines = "".join(f"{a},{b}\n" for a, b in zip(X[:, 0], with_code(code)))
    path = write(tmp_path / "t.csv", f"a,b\n{lines}")
    said = load_data(path).notes["codes"]
    assert f"missing_values='{code}' and missing='mask'" in said
    data = load_data(path, missing_values=code, missing="mask")
    known = np.concatenate([split.known.numpy() for split in data.splits.values()])
    assert "codes" not in data.notes and (~known).sum() == 5


@pytest.mark.parametrize(
    "values", [np.arange(60, 100), np.array([5.5, 99] * 20), np.array([-999.0, *range(39)])]
)
def test_numbers_of_nines_among_others_or_once_are_no_codes(tmp_path, values):
    lines = "".join(f"{a},{b}\n" for a, b in zip(X[:, 0], values))
    data = load_data(write(tmp_path / "t.csv", f"a,b\n{lines}"))
    assert "codes" not in data.notes


def test_numbers_of_a_data_frame_may_stand_for_missing_entries():
    frame = {"a": X[:, 0], "b": np.array(with_code(-999.0))}
    assert "missing_values='-999.0'" in load_data(frame).notes["codes"]
    for written in ("-999", "-999.0"):
        data = load_data(frame, missing_values=written, missing="mask", validation=0, test=0)
        assert (~data.train.known).sum() == 5


def test_an_index_with_a_name_is_said_to_be_no_column(tmp_path, caplog):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": X[:, 0], "c": ["x", "y"] * 20}).set_index("c")
    with caplog.at_level(logging.INFO, "simulacra"):
        assert load_data(frame).preprocessing.raw.names == ("a",)
    assert "columns left out: c (the index: reset_index() makes it a column)" in caplog.text
    assert load_data(frame.reset_index()).preprocessing.raw.names == ("c", "a")
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "t.parquet")
    assert "c (the index" in load_data(tmp_path / "t.parquet").notes["columns left out"]


def test_a_file_of_kinds_that_does_not_exist_is_named(tmp_path):
    path = write(tmp_path / "t.csv", f"a,b\n{LINES}")
    assert_refused(path, f"there is no file {tmp_path / 'kinds.yaml'}", types=str(tmp_path / "kinds.yaml"))
