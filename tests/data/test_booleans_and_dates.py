"""Booleans are one kind of column however they are given, and dates are not classes."""

from __future__ import annotations

import numpy as np
import pytest

import simulacra
from simulacra.data.inspection.facts import inspect_data
from simulacra.data.splits.times import read_times
from simulacra.data.tables.kinds import is_date

SMOKES = [True, False, False, True, True, False] * 10
AGE = [20 + 7 * i % 47 for i in range(60)]
DAYS = [f"2024-01-{1 + i % 15:02d}" for i in range(60)]


def written(folder, spelled, name="few.csv"):
    lines = [f"{age},{spelled(smokes)}" for age, smokes in zip(AGE, SMOKES)]
    path = folder / name
    path.write_text("\n".join(["age,smoker", *lines]) + "\n")
    return path


def untrained(data):
    model = simulacra.VAE(data.space)
    model.preprocessing = data.preprocessing
    return model


@pytest.mark.fault("doors 2.hour")
def test_a_file_and_a_frame_of_booleans_have_one_space(tmp_path):
    pandas = pytest.importorskip("pandas")
    from_file = simulacra.load_data(written(tmp_path, str))
    from_frame = simulacra.load_data(pandas.DataFrame({"age": AGE, "smoker": SMOKES}))
    assert from_file.space == from_frame.space
    assert (from_file.train.x == from_frame.train.x).all()


@pytest.mark.fault("doors 2.hour")
@pytest.mark.parametrize("spelled", [str, lambda v: str(v).lower(), lambda v: str(v).upper()])
def test_a_model_of_a_file_takes_booleans_of_python(tmp_path, spelled):
    data = simulacra.load_data(written(tmp_path, spelled))
    model = untrained(data)
    yes = spelled(True)
    as_texts = model.score_samples({"age": [31, 32], "smoker": [yes, spelled(False)]}, k=1)
    as_truth = model.score_samples({"age": [31, 32], "smoker": [True, False]}, k=1)
    assert (as_texts == as_truth).all()


def test_booleans_of_a_frame_come_back_as_booleans():
    pandas = pytest.importorskip("pandas")
    data = simulacra.load_data(pandas.DataFrame({"age": AGE, "smoker": SMOKES}))
    model = untrained(data)
    assert model.to_dataframe(model.sample(5, seed=0))["smoker"].dtype == bool


@pytest.mark.fault("doors 2.hour")
def test_dates_that_recur_are_left_out_and_said(tmp_path):
    path = tmp_path / "visits.csv"
    path.write_text("\n".join(["day,age", *(f"{day},{age}" for day, age in zip(DAYS, AGE))]) + "\n")
    data = simulacra.load_data(path)
    assert data.space.names == ("age",)
    assert "day (15 different dates; time= splits by them)" in str(data.notes)
    kept = simulacra.load_data(path, types={"day": "categorical"})
    assert kept.space.names == ("day", "age")
    by_day = simulacra.load_data(path, time="day")
    assert by_day.space.names == ("age",)


@pytest.mark.fault("doors 2.hour")
def test_rows_without_a_time_are_counted(tmp_path):
    path = tmp_path / "visits.csv"
    days = ["" if i in (7, 9) else day for i, day in enumerate(DAYS)]
    path.write_text("\n".join(["day,age", *(f"{day},{age}" for day, age in zip(days, AGE))]) + "\n")
    with pytest.raises(
        ValueError, match=r"missing in 2 rows, the first of them row 7 \(from 0\): fill it in"
    ):
        simulacra.load_data(path, time="day", missing="mask")


def test_a_date_is_told_from_other_texts():
    assert all(map(is_date, ["2024-12-31", "1/2/2024", "31.12.24", "2024-12-31T23:59"]))
    assert not any(map(is_date, ["12-31", "2024", "a 2024-12-31", "1.2.3.4", 20241231, None]))


@pytest.mark.fault("doors 2.hour")
@pytest.mark.parametrize("form", ["{d:02d}.{m:02d}.2024", "{d:02d}/{m:02d}/2024", "{m:02d}/{d:02d}/2024"])
def test_dates_with_the_year_behind_are_read_where_one_order_fits(form):
    days = [(1, 2), (15, 1), (2, 3)]
    times = read_times(np.array([form.format(d=d, m=m) for d, m in days]), "day")
    assert np.argsort(times).tolist() == [1, 0, 2]


@pytest.mark.fault("doors 2.hour")
def test_days_and_months_that_cannot_be_told_apart_are_asked_for():
    with pytest.raises(ValueError, match="write them as ISO dates"):
        read_times(np.array(["01/02/2024", "03/04/2024"]), "day")


@pytest.mark.fault("doors 2.hour")
def test_inspect_names_the_column_of_persons_among_texts(tmp_path):
    path = tmp_path / "visits.csv"
    # two persons in three rows: more texts than make classes, so that the column is left out
    rows = [f"P{i * 2 // 3:03d},{age},{'ABC'[i % 3]}" for i, age in enumerate(AGE)]
    path.write_text("\n".join(["patient,age,site", *rows]) + "\n")
    found = inspect_data(path)
    assert "patient may say whose rows these are" in found.facts["groups"]


@pytest.mark.fault("doors 2.hour")
def test_inspect_names_the_fault_behind_columns_of_texts(tmp_path):
    path = tmp_path / "visits.csv"
    rows = [f"P{i * 2 // 3:03d},{age},{i % 7} o'clock" for i, age in enumerate(AGE)]
    path.write_text("\n".join(["patient,age,when", *rows]) + "\n")
    with pytest.raises(ValueError, match="time='when' has"):
        inspect_data(path, time="when")


@pytest.mark.fault("doors 2.hour")
def test_a_folder_with_the_name_of_a_data_set_is_pointed_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIMULACRA_DATA", str(tmp_path / "nothing"))
    (tmp_path / "fsdd").mkdir()
    with pytest.raises(ValueError, match=r"write \./fsdd for what lies in this folder"):
        simulacra.load_data("fsdd")
