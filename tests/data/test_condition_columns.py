"""Columns of a table as the condition of p(x|c), in Python and at the command line."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest
import torch

import simulacra
from simulacra.cli.app import main

pytestmark = pytest.mark.fault("outside 1.w2b.condition")


@pytest.fixture
def wages(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw = random.Random(1)
    with open("wages.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["wage", "hours", "edu", "age"])
        for _ in range(120):
            age = draw.randint(20, 65)
            writer.writerow(
                [round(age / 3 + draw.gauss(0, 1), 2), draw.choice([20, 38, 40]), draw.choice("lmh"), age]
            )
    return "wages.csv"


def test_a_column_of_numbers_is_a_standardized_condition(wages):
    whole, data = simulacra.load_data(wages), simulacra.load_data(wages, condition="age")
    assert data.preprocessing.raw.names == ("wage", "hours", "edu")
    assert data.conditioning.raw.names == ("age",)
    at = whole.preprocessing.raw.names.index("age")
    for name in ("train", "valid", "test"):
        assert torch.equal(data[name].c[:, 0], whole[name].x[:, at].double())
        assert torch.equal(data[name].x, whole[name].x[:, [0, 1, 2]])
    seen = data.train.conditions(data.train.rows(torch.arange(len(data.train))), "cpu").double()
    assert abs(float(seen.mean())) < 1e-5 and abs(float(seen.std(correction=0)) - 1) < 1e-5


def test_several_columns_and_one_of_classes(wages):
    two = simulacra.load_data(wages, condition="age, edu")
    assert two.conditioning.raw.names == ("age", "edu") and two.preprocessing.raw.names == ("wage", "hours")
    one = simulacra.load_data(wages, condition="edu")
    same = simulacra.load_data(wages, label="edu", condition="label")
    assert one.condition == same.condition and one.label_names == ("h", "l", "m")
    assert one.train.digest() == same.train.digest()
    kept = simulacra.load_data(wages, label="edu", condition="hours")
    assert kept.label_names == ("h", "l", "m") and kept.conditioning.raw.names == ("hours",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"condition": "agee"}, "did you mean 'age'"),
        ({"condition": "salary"}, "it has wage, hours, edu, age"),
        ({"condition": "wage,hours,edu,age"}, "leave one out"),
        ({"condition": "label"}, "needs labels"),
    ],
)
def test_what_is_no_column_is_refused_with_what_is(wages, options, words):
    with pytest.raises(ValueError, match=words):
        simulacra.load_data(wages, **options)


def test_gaps_in_a_condition_and_data_without_columns_are_refused():
    gaps = {"a": [0.5 + i for i in range(40)], "b": [None, *(i * 7 % 13 for i in range(39))]}
    with pytest.raises(ValueError, match="lacks a value in column 'b' in row 0"):
        simulacra.load_data(gaps, condition="b", missing="mask")
    with pytest.raises(ValueError, match="column of a table, but digits"):
        simulacra.load_data("digits", condition="age")


def test_the_command_line_trains_samples_and_scores_given_a_number(wages, capsys):
    words = ["--data.condition", "age", "--steps", "2", "--model.hidden", "5", "--out", "run"]
    assert main(["train", "tabular", wages, *words]) == 0
    assert main(["sample", "run", "--n", "3", "--condition", "40", "--out", "drawn.csv"]) == 0
    rows = list(csv.DictReader(Path("drawn.csv").read_text().splitlines()))
    assert list(rows[0]) == ["wage", "hours", "edu", "age"]
    assert {float(row["age"]) for row in rows} == {40.0}
    assert main(["score", "run", wages, "--out", "scored.csv"]) == 0
    assert "log p(x|c)" in capsys.readouterr().out
    again = simulacra.load_run("run")
    assert again.data.conditioning.raw.names == ("age",)
    assert main(["sample", "run", "--n", "2", "--condition", "40,50", "--out", "d.csv"]) == 2
    assert "a number for each of age" in capsys.readouterr().err
