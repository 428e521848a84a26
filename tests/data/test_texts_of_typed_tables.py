"""Tables that are no text: their texts as tokens, blanks around their classes, and their days."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pytest

from simulacra import load_data
from simulacra.core.inputs.tables import column_codes, column_values
from simulacra.core.spaces.classes import Categorical
from simulacra.data.new_rows.opening import open_rows
from simulacra.data.new_rows.wanted import Wanted

SAID = ["a tree", "the sea", "a tree by the sea"] * 12
X = [i * 0.3 for i in range(36)]
DAYS = [datetime(2023, 5, 1 + i % 3) for i in range(36)]


def classes_of(given, name="a"):
    return dict(load_data(given, validation=0, test=0).train.preprocessing.raw.fields)[name].names


@pytest.mark.fault("outside 2.11")
@pytest.mark.parametrize("ending", ["parquet", "feather", "xlsx"])
def test_tokens_of_a_typed_file_say_what_to_give(tmp_path, ending):
    pd = pytest.importorskip("pandas")
    frame, path = pd.DataFrame({"said": SAID}), tmp_path / f"said.{ending}"
    {"parquet": frame.to_parquet, "feather": frame.to_feather, "xlsx": frame.to_excel}[ending](path)
    with pytest.raises(
        ValueError, match=r"of which tokens= reads no column: save it as \.csv, or give"
    ) as no:
        load_data(path, tokens="words", column="said")
    assert str(path) in str(no.value)
    with pytest.raises(ValueError, match=r"reads no column: save it as \.csv"):
        open_rows(str(path), Wanted(load_data(SAID, tokens="words").space))
    frame.to_csv(tmp_path / "said.csv", index=False)
    from_file = load_data(tmp_path / "said.csv", tokens="words", column="said")
    assert from_file.space == load_data(list(frame["said"]), tokens="words").space


@pytest.mark.fault("outside 2.11")
def test_tokens_of_a_table_in_memory_say_what_to_give():
    pd = pytest.importorskip("pandas")
    for given in (pd.DataFrame({"said": SAID}), {"said": SAID}, [{"said": text} for text in SAID]):
        with pytest.raises(ValueError, match="reads no column: give the texts of the column as a list"):
            load_data(given, tokens="words", column="said")
    assert (
        len(load_data(pd.DataFrame({"said": SAID})["said"], tokens="words", validation=0, test=0).train) == 36
    )


@pytest.mark.fault("outside 2.11")
@pytest.mark.parametrize("odd", [None, float("nan"), 7, ["a"]], ids=str)
def test_the_entry_of_a_list_that_is_no_text_is_named(odd):
    given = [*SAID[:4], odd, *SAID]
    for texts in (given, tuple(given)):
        with pytest.raises(ValueError, match=r"in row 4 \(from 0\), which is no text"):
            load_data(texts, tokens="words")
    given[4] = ""
    assert len(load_data(given, tokens="words", validation=0, test=0).train) == 40


@pytest.mark.fault("outside 2.11")
def test_blanks_around_classes_are_said():
    data = load_data({"v": X, "a": ["ripe", "ripe ", "\traw"] * 12})
    assert dict(data.train.preprocessing.raw.fields)["a"].names == ("raw", "ripe")
    assert data.notes["blanks"].startswith(
        "a has 3 texts that are 2 classes: blanks around them, as in 'ripe '"
    )
    assert "blanks" not in load_data({"v": X, "a": ["ripe", "un ripe", "raw"] * 12}).notes


@pytest.mark.fault("outside 2.11")
def test_days_are_written_as_in_text(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"v": X, "a": DAYS})
    for ending, write in (("parquet", frame.to_parquet), ("xlsx", frame.to_excel), ("csv", frame.to_csv)):
        write(tmp_path / f"t.{ending}", index=False)
        assert classes_of(tmp_path / f"t.{ending}") == ("2023-05-01", "2023-05-02", "2023-05-03"), ending
    days = np.array(DAYS, "datetime64[ns]")
    assert classes_of({"v": X, "a": days}) == classes_of(frame) == classes_of({"v": X, "a": DAYS})
    late = [*DAYS[:-1], datetime(2023, 5, 3, 14, 30)]
    assert classes_of({"v": X, "a": late})[-2:] == ("2023-05-03 00:00:00", "2023-05-03 14:30:00")


@pytest.mark.fault("outside 2.11")
def test_days_fit_runs_that_hold_them_as_moments():
    assert column_values([DAYS[1], None]) == [date(2023, 5, 2), None]
    old = Categorical((), 2, ("2023-05-01 00:00:00", "2023-05-02 00:00:00"))
    for given in (column_values(DAYS[:2]), DAYS[:2], ["2023-05-01", "2023-05-02"]):
        assert column_codes(old, given, "a").tolist() == [0, 1]
