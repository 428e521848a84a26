"""Booleans are one kind of column however they are given, and dates are not classes."""

from __future__ import annotations

import pytest

import simulacra
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
