"""Rows of a file are answered under raw conditions: a column of numbers, or one number for all rows."""

import csv

import numpy as np
import pandas as pd
import pytest
import torch

import simulacra
from simulacra import Count, Model, Predicts, Real, Table
from simulacra.cli.app import main
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.transforms import Affine

pytestmark = pytest.mark.fault("wider.d1")

ROWS = pd.DataFrame({"a": [1, 0, 3], "b": [0.5, -1.0, 2.0], "p": [10_000.0, 10_003.5, 9_998.0]})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of a table given one number near ten thousand, and a file of rows."""
    folder = tmp_path_factory.mktemp("numbers")
    draw = np.random.default_rng(4)
    x = torch.tensor(np.stack([draw.integers(0, 5, 40), draw.normal(size=40)], 1))
    data = simulacra.from_tensors(x, Table(a=Count(), b=Real()), c=1e4 + draw.normal(size=40))
    model = simulacra.VAE(data.space, condition=data.condition, latent=2, hidden=(4,))
    model.preprocessing, model.conditioning = data.preprocessing, data.conditioning
    model.save(folder / "model")
    ROWS.to_csv(folder / "rows.csv", index=False)
    return folder


@pytest.mark.parametrize(("typed", "given"), [("p", ROWS["p"].to_numpy()), ("10001.5", 10_001.5)])
def test_scores_of_a_file_are_those_of_python(folder, monkeypatch, typed, given):
    monkeypatch.chdir(folder)
    assert main(["score", "model", "rows.csv", "--condition", typed, "--k", "3", "--out", "out.csv"]) == 0
    with open("out.csv", newline="") as file:
        found = [float(row["log_prob"]) for row in csv.DictReader(file)]
    expected = simulacra.load("model").score_samples(ROWS[["a", "b"]], given, k=3)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


class Pressure(Model, Predicts):
    """Predicts the condition by the first entry of x."""

    def __init__(self, space, condition):
        super().__init__(space, condition)

    def response(self, x):
        return x[:, :1]


def test_predictions_come_out_in_raw_units():
    model = Pressure(Real((2,)), Real((1,)))
    model.conditioning = Preprocessing(Real((1,)), (Affine((1e4,), (2.0,)),))
    assert model.predict([[0.5, 7.0], [-1.0, 7.0]]).tolist() == [[10_001.0], [9_998.0]]
