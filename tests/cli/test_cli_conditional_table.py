"""Samples of a conditional table in a .csv file hold the class that each row was drawn for."""

import csv
import random

import pytest

import simulacra
from simulacra.cli.app import main

pytestmark = pytest.mark.fault("doors 2.hour")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("patients")
    draw = random.Random(0)
    rows = [
        (draw.randint(20, 80), draw.choice(["no", "yes"]), round(draw.uniform(18, 35), 1)) for _ in range(90)
    ]
    with open(folder / "patients.csv", "w", newline="") as file:
        csv.writer(file).writerows([("age", "smoker", "bmi"), *rows])
    data = simulacra.load_data(folder / "patients.csv", label="smoker", condition="label")
    model = simulacra.VAE(data.space, condition=data.condition, latent=2, hidden=(5,))
    simulacra.fit(model, data, out=folder / "run", epochs=1, least_steps=1, progress=False)
    return folder / "run"


def drawn(run, path, *words):
    assert main(["sample", str(run), "--n", "4", "--seed", "1", "--out", str(path), *words]) == 0
    return list(csv.DictReader(open(path, newline="")))


def test_the_classes_in_turn_stand_in_their_column(run, tmp_path):
    rows = drawn(run, tmp_path / "c.csv")
    assert list(rows[0]) == ["age", "bmi", "smoker"]
    assert [row["smoker"] for row in rows] == ["no", "no", "yes", "yes"]


@pytest.mark.parametrize(
    ("given", "wanted"), [("yes", ["yes"] * 4), ("yes,no,no,yes", ["yes", "no", "no", "yes"])]
)
def test_a_given_condition_stands_in_its_column(run, tmp_path, given, wanted):
    assert [row["smoker"] for row in drawn(run, tmp_path / "c.csv", "--condition", given)] == wanted


def test_a_model_saved_alone_calls_it_label(run, tmp_path):
    simulacra.load(run).save(tmp_path / "alone.safetensors")
    assert [r["label"] for r in drawn(tmp_path / "alone.safetensors", tmp_path / "c.csv")][-1] == "yes"
