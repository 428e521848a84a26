"""Booleans come back as booleans, and numbers with the digits of the data."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.spaces.plain import Binary

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
    # the space is that of zeros and ones, in a saved model too
    model.save(tmp_path / "model")
    again = simulacra.load(tmp_path / "model")
    assert again.to_dataframe(again.sample(20, seed=0))["smokes"].equals(drawn["smokes"])
    plain = simulacra.load_data(frame.assign(smokes=frame["smokes"].astype(int)))
    assert plain.space == data.space and model_of(plain).to_dataframe(torch.zeros(1, 3))["smokes"][0] == 0
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
    from simulacra.core.inputs.data_frames import write_csv

    data = simulacra.load_data(patients(), standardize=True)
    model = model_of(data)
    write_csv(data.preprocessing.raw, model.sample(20, seed=0), tmp_path / "drawn.csv")
    rows = list(csv.DictReader((tmp_path / "drawn.csv").open()))
    assert {row["smokes"] for row in rows} == {"True", "False"}
    assert all(len(row["dose"].split(".")[1]) == 1 for row in rows)
