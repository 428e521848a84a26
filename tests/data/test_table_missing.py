"""Missing entries of tables: words that mean a gap, and the same words where they are a class."""

from __future__ import annotations

import pytest
from data_files import write

from simulacra.core.inputs.to_frames import columns_of
from simulacra.core.spaces.classes import Ordinal
from simulacra.data import load_data


def column(tmp_path, cells, name="a", **options):
    """The column `a` of a table with the cells over and over, None where missing; and the data."""
    rows = "".join(f"{cells[i % len(cells)]},{i}.25\n" for i in range(60))
    path = write(tmp_path / "t.csv", f"{name},b\n{rows}".encode())
    data = load_data(path, validation=0, test=0, missing="mask", **options)
    values = columns_of(data.preprocessing.raw, data.train.x).get(name, [])
    known = [True] * 60 if data.train.known is None else data.train.known[:, 0].tolist()
    return [v if here else None for v, here in zip(values, known)][: len(cells)], data


@pytest.mark.parametrize(
    "gap", ["", "NA", "na", "N/A", "nan", "NaN", "null", "NULL", "None", "?", "<NA>", "#N/A"]
)
@pytest.mark.parametrize("cells", [["1.5", "2.5"], ["1", "0"], ["3", "4"], ["-1", "2"]], ids=str)
def test_a_word_among_numbers_is_missing_and_said(tmp_path, gap, cells):
    values, data = column(tmp_path, [*cells, gap])
    assert values == [*map(float, cells), None]
    assert ("empty cells" if gap == "" else repr(gap)) in data.notes["missing"]


@pytest.mark.fault("f12")
@pytest.mark.parametrize("gap", ["NA", "", "None"])
def test_a_word_among_codes_is_missing(tmp_path, gap):
    assert column(tmp_path, ["02139", gap, "10001"])[0] == ["02139", None, "10001"]


@pytest.mark.parametrize("cells", [["True", "False"], ["TRUE", "FALSE"], ["true", "false"]], ids=str)
def test_a_word_among_truths_is_missing(tmp_path, cells):
    assert column(tmp_path, [cells[0], "NA", cells[1]])[0] == [cells[0], None, cells[1]]


@pytest.mark.fault("f27")
@pytest.mark.parametrize("word", ["none", "None", "null", "NA", "n/a"])
@pytest.mark.parametrize("share", [1, 2])
def test_a_class_that_is_called_as_a_gap_stays_and_is_said(tmp_path, word, share):
    values, data = column(tmp_path, [word] * share + ["mild"])
    assert values == [word] * share + ["mild"]
    mend = data.notes["classes"].rsplit("load it with ", 1)[1]
    assert mend == f"missing_values={word!r} and missing='mask'"
    assert column(tmp_path, [word, "mild", "bad"], missing_values=word)[0] == [None, "mild", "bad"]


def test_a_word_that_is_missing_in_one_column_is_missing_in_all(tmp_path):
    rows = "".join(f"{'NA' if i % 3 else 'x'},{'NA' if i % 5 == 0 else i * 0.5}\n" for i in range(60))
    path = write(tmp_path / "t.csv", b"a,b\n" + rows.encode())
    data = load_data(path, validation=0, test=0, missing="mask")
    assert data.train.known.sum(0).tolist() == [20, 48]


@pytest.mark.parametrize("word", ["NA", "none", "null", "", "?"])
def test_a_column_of_gaps_is_left_out_and_said(tmp_path, word):
    values, data = column(tmp_path, [word])
    assert values == [] and data.notes["columns left out"] == "a (no value in any row)"


@pytest.mark.parametrize("kind", ["real", "count", "binary", {"kind": "categorical", "classes": ["u", "v"]}])
def test_a_declared_column_of_gaps_is_kept(tmp_path, kind):
    values, data = column(tmp_path, [""], types={"a": kind})
    assert values == [None] and data.preprocessing.raw.names == ("a", "b")


@pytest.mark.parametrize("mark", ["-", ".", "*", "--", "missing", "n.d.", "-999 (none)"])
def test_an_unknown_mark_among_numbers_is_refused_and_the_mend_works(tmp_path, mark):
    with pytest.raises(ValueError, match="among numbers") as caught:
        column(tmp_path, ["1.5", mark, "NA", "2.5", "7"])
    mend = str(caught.value).split("missing_values=")[1].split(" and missing='mask', or")[0].strip("'")
    assert mend == f"NA,{mark}"
    values, _ = column(tmp_path, ["1.5", mark, "NA", "2.5", "7"], missing_values=mend)
    assert values == [1.5, None, None, 2.5, 7]
    values, _ = column(tmp_path, ["1.5", mark, "NA", "2.5", "7"], types={"a": "categorical"})
    assert values == ["1.5", mark, None, "2.5", "7"] or values == ["1.5", mark, "NA", "2.5", "7"]


@pytest.mark.fault("f27")
def test_classes_of_yaml_are_the_words_that_are_written(tmp_path):
    kinds = write(tmp_path / "types.yaml", b"a: {kind: ordinal, classes: [no, yes, none, 01, 1.0]}\n")
    values, data = column(tmp_path, ["yes", "no", "none", "01", "1.0"], types=str(kinds))
    assert values == ["yes", "no", "none", "01", "1.0"]
    assert dict(data.preprocessing.raw.fields)["a"] == Ordinal((), 5, ("no", "yes", "none", "01", "1.0"))


def test_rows_of_empty_cells_are_left_out_and_said(tmp_path):
    path = write(tmp_path / "t.csv", b"a,b\n" + b"1.5,x\n,\n2.5,y\n" * 9)
    data = load_data(path, validation=0, test=0)
    assert len(data.train) == 18 and data.notes["left out"] == "9 rows of empty cells"


@pytest.mark.fault("outside 2.hour")
def test_a_code_that_may_mean_missing_is_added_to_the_words_that_are_given():
    rows = [{"a": value, "b": i / 7} for i, value in enumerate(["NA", 1, 2, 3, 4, 5, 6, 7, 8, 999] * 9)]
    notes = str(load_data(rows, missing="mask", missing_values="NA,k.A.").notes)
    assert "missing_values='NA,k.A.,999'" in notes or 'missing_values="NA,k.A.,999"' in notes
