"""Columns of numbers and classes beside the texts of a table, as the condition of p(x|c)."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest
import torch

import simulacra
from simulacra.cli.app import main

KEEP = {"validation": 0, "test": 0}
OPTIONS = {"column": "smiles", "tokens": "smiles"}


@pytest.fixture
def molecules(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw = random.Random(3)
    with open("mol.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["nr", "smiles", "weight", "logP", "kind"])
        for i in range(60):
            carbons = draw.randint(1, 7)
            text = "C" * carbons + draw.choice(["O", "Cl", ""])
            writer.writerow(
                [i, text, 1e4 + 7 * carbons, round(carbons / 2 + draw.gauss(0, 0.1), 3), "ab"[i % 2]]
            )
    return "mol.csv"


def test_numbers_beside_a_text_are_a_standardized_condition(molecules):
    data = simulacra.load_data(molecules, condition="logP, weight", **OPTIONS, **KEEP)
    assert data.conditioning.raw.names == ("logP", "weight")
    assert data.condition == simulacra.Real((2,))
    with open(molecules) as file:
        rows = {(row["smiles"], float(row["logP"]), float(row["weight"])) for row in csv.DictReader(file)}
    found = zip(data.space.texts(data.train.x), data.train.c.tolist())
    assert {(text, *c) for text, c in found} == rows
    seen = data.train.conditions(data.train.rows(torch.arange(len(data.train))), "cpu").double()
    assert seen.mean(0).abs().max() < 1e-5
    assert (seen.std(0, correction=0) - 1).abs().max() < 1e-5
    again = simulacra.load_data(**data.spec)
    assert again.condition == data.condition and torch.equal(again.train.c, data.train.c)


def test_each_row_keeps_its_numbers_in_every_split(molecules):
    data = simulacra.load_data(molecules, condition="weight", **OPTIONS)
    for split in data.splits.values():
        carbons = [text.replace("Cl", "").count("C") for text in data.space.texts(split.x)]
        assert split.c[:, 0].tolist() == [1e4 + 7 * n for n in carbons]


def test_one_column_of_classes_is_the_label(molecules):
    one = simulacra.load_data(molecules, condition="kind", **OPTIONS, **KEEP)
    same = simulacra.load_data(molecules, label="kind", condition="label", **OPTIONS, **KEEP)
    assert one.condition == same.condition and one.label_names == ("a", "b")
    assert torch.equal(one.train.c, same.train.c)


def test_rows_are_split_by_a_column_beside_the_text(molecules):
    data = simulacra.load_data(molecules, groups="weight", condition="weight", **OPTIONS)
    held = [set(split.c[:, 0].tolist()) for split in data.splits.values()]
    assert sum(map(len, held)) == len(set.union(*held))


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("logp", "did you mean 'logP'"),
        ("price", "it has nr, weight, logP, kind"),
        ("logP,kind", "load it with condition='kind'"),
        ("gap", "lacks a value in column 'gap' in row 1 .* or leave the row out"),
    ],
)
def test_what_is_no_condition_is_refused_with_what_is(molecules, condition, words):
    if condition == "gap":
        text = Path(molecules).read_text().splitlines()
        gaps = [f"{line},{'gap' if not i else '' if i == 2 else i}" for i, line in enumerate(text)]
        Path(molecules).write_text("\n".join(gaps))
    with pytest.raises(ValueError, match=words):
        simulacra.load_data(molecules, condition=condition, **OPTIONS, **KEEP)


def test_texts_of_a_list_have_no_columns():
    with pytest.raises(ValueError, match="column of a table, but texts"):
        simulacra.load_data(["a b", "b a", "a a"], tokens="words", least=1, condition="age", **KEEP)


def test_the_command_line_trains_and_scores_given_numbers(molecules, capsys):
    words = [*("--data.tokens", "smiles", "--data.column", "smiles", "--data.condition", "logP,weight")]
    words += [
        "--steps",
        "2",
        "--model.layers",
        "1",
        "--model.width",
        "4",
        "--model.heads",
        "1",
        "--out",
        "run",
    ]
    assert main(["train", "transformer", molecules, *words]) == 0
    assert main(["score", "run", molecules, "--out", "scored.csv"]) == 0
    assert main(["score", "run", molecules, "--condition", "2.5,10007", "--out", "same.csv"]) == 0
    own, same = (
        list(csv.DictReader(Path(name).read_text().splitlines())) for name in ("scored.csv", "same.csv")
    )
    assert len(own) == len(same) == 60 and own != same
    text = "\n".join(row["text"] for row in own)
    Path("plain.txt").write_text(text)
    capsys.readouterr()
    assert main(["score", "run", "plain.txt", "--out", "x.csv"]) == 2
    assert "has no column 'logP', 'weight'" in capsys.readouterr().err


def test_the_properties_of_zinc(real_data):
    real_data("zinc")
    data = simulacra.load_data("zinc", condition="logP,qed,SAS", limit=30)
    assert data.conditioning.raw.names == ("logP", "qed", "SAS")
    assert data.train.c.shape == (30, 3)
    with pytest.raises(ValueError, match="zinc has no such column"):
        simulacra.load_data("zinc", condition="weight", limit=30)
