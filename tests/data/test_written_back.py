"""Booleans come back as booleans, and numbers with the digits of the data."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.inputs.to_frames import write_csv
from simulacra.core.spaces.plain import Binary, Real

pandas = pytest.importorskip("pandas")
pytestmark = pytest.mark.fault("doors 2.5")


def patients(n: int = 200):
    make = np.random.default_rng(3)
    smokes, dose = make.random(n) < 0.3, np.round(make.normal(5, 1, n), 1)
    return pandas.DataFrame({"smokes": smokes, "dose": dose, "weight": np.round(make.normal(70, 9, n), 2)})


def model_of(data) -> simulacra.VAE:
    model = simulacra.VAE(data.space, latent=1, hidden=(4,))
    model.preprocessing = data.preprocessing
    return model


def test_booleans_come_back_as_booleans(tmp_path):
    frame = patients()
    data = simulacra.load_data(frame)
    model = model_of(data)
    drawn = model.to_dataframe(model.sample(20, seed=0))
    assert drawn["smokes"].dtype == bool and set(drawn["smokes"]) == {True, False}
    assert model.log_prob(drawn, k=3).values.isfinite().all()
    # in a saved model too
    model.save(tmp_path / "model")
    again = simulacra.load(tmp_path / "model")
    assert again.to_dataframe(again.sample(20, seed=0))["smokes"].equals(drawn["smokes"])
    plain = simulacra.load_data(frame.assign(smokes=frame["smokes"].astype(int)))
    assert model_of(plain).to_dataframe(torch.zeros(1, 3))["smokes"][0] == 0
    assert Binary(truth=True) == Binary() and "truth" not in Binary().spec()


def test_booleans_of_a_file_and_with_gaps(tmp_path):
    frame = patients().astype({"smokes": object})
    frame.loc[::9, "smokes"] = None
    gaps = model_of(simulacra.load_data(frame, missing="mask"))
    assert gaps.to_dataframe(gaps.sample(20, seed=0))["smokes"].dtype == bool
    patients().to_csv(tmp_path / "p.csv", index=False)
    filed = model_of(simulacra.load_data(tmp_path / "p.csv"))
    assert filed.to_dataframe(filed.sample(20, seed=0))["smokes"].dtype == bool


@pytest.mark.parametrize("options", [{}, {"tails": "continued"}, {"standardize": True}])
def test_numbers_have_the_digits_of_the_data(options):
    model = model_of(simulacra.load_data(patients(), **options))
    drawn = model.to_dataframe(model.sample(50, seed=0))
    for name, digits in (("dose", 1), ("weight", 2)):
        assert all(len(repr(float(v)).split(".")[1]) <= digits for v in drawn[name]), (name, drawn[name])


def test_what_was_given_keeps_its_own_digits():
    model = model_of(simulacra.load_data(patients(), standardize=True))
    filled = model.to_dataframe(model.complete([{"smokes": True, "dose": 5.1234, "weight": None}]))
    assert filled["dose"][0] == 5.1234 and round(filled["weight"][0], 2) == filled["weight"][0]


def test_a_file_of_samples_has_them_too(tmp_path):
    data = simulacra.load_data(patients(), standardize=True)
    model = model_of(data)
    write_csv(data.preprocessing.raw, model.sample(20, seed=0), tmp_path / "drawn.csv")
    rows = list(csv.DictReader((tmp_path / "drawn.csv").open()))
    assert {row["smokes"] for row in rows} == {"True", "False"}
    assert all(len(row["dose"].split(".")[1]) == 1 for row in rows)


def measured(n: int = 60):
    """A column of each kind of number, and the decimals that it has."""
    make = np.random.default_rng(0)
    columns = {
        "whole": make.integers(0, 900, n),
        "one": np.round(make.normal(5, 1, n), 1),
        "two": np.round(make.normal(70, 9, n), 2),
        "thousandths": np.round(make.random(n) * 1e-3, 5),
        "scientific": np.round(make.random(n) * 1e-9, 12),
        "large": np.round(make.normal(3, 1, n) * 1e9, -6),
        "continuous": make.normal(size=n),
    }
    return pandas.DataFrame(columns), dict(zip(columns, (0, 1, 2, 5, 12, 0, None)))


@pytest.mark.parametrize("types", ["real", {"one": "real", "two": "real", "continuous": "real"}])
def test_columns_declared_real_have_the_digits_of_the_data(types, tmp_path):
    frame, decimals = measured()
    data = simulacra.load_data(frame, types=types)
    model = model_of(data)
    model.save(tmp_path / "model")
    drawn = model.to_dataframe(model.sample(50, seed=0))
    for name, places in decimals.items():
        if places is None:
            # a tenth of all floats of single precision have six decimals in their shortest text
            assert (drawn[name] != drawn[name].round(6)).mean() > 0.5
        else:
            np.testing.assert_array_equal(drawn[name], [float(f"{v:.{places}f}") for v in drawn[name]])
    again = simulacra.load(tmp_path / "model")
    assert again.to_dataframe(again.sample(50, seed=0)).equals(drawn)
    write_csv(data.preprocessing.raw, model.sample(50, seed=0), tmp_path / "drawn.csv")
    for row in csv.DictReader((tmp_path / "drawn.csv").open()):
        assert "." not in row["whole"] and len(row["one"].partition(".")[2]) == 1
        assert len(row["two"].partition(".")[2]) <= 2
        # what single precision holds is written with nine digits at most
        assert types != "real" or len(row["continuous"].replace("-", "").lstrip("0.").replace(".", "")) <= 9


def test_the_decimals_are_no_part_of_what_an_observation_is():
    rows = [{"dose": 0.1 * k, "size": float(k)} for k in range(30)]
    data = simulacra.load_data(rows, types="real")
    assert Real(decimals=2) == Real() and "decimals" not in Real().spec()
    assert data.space == Real((2,)) and simulacra.PPCA(Real((2,)), latent=1).space == data.space
    assert model_of(data).log_prob([{"dose": 0.123, "size": 4.56}], k=2).values.isfinite().all()
