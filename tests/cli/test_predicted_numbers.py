"""`train`, `evaluate`, `explore` and `predict` of a model that predicts numbers beside texts."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest

import simulacra
from simulacra.cli.app import main

pytestmark = pytest.mark.system("E24")
WORDS = [*("--data.tokens", "smiles", "--data.column", "smiles", "--data.condition", "logP,weight")]
SIZES = [*("--model.latent", "2", "--model.hidden", "3", "--model.width", "2", "--steps", "3")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on molecules with two numbers each."""
    folder = tmp_path_factory.mktemp("molecules")
    draw = random.Random(3)
    with open(folder / "mol.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "weight", "logP"])
        for _ in range(120):
            n = draw.randint(1, 5)
            writer.writerow(
                ["C" * n + draw.choice(["O", ""]), 1e4 + 7 * n, round(n / 2 + draw.gauss(0, 0.1), 3)]
            )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "chemical-vae", "mol.csv", *WORDS, *SIZES, "--out", "run"]) == 0
    return folder


def test_a_file_without_numbers_gets_them_by_their_names(folder, monkeypatch):
    monkeypatch.chdir(folder)
    Path("new.txt").write_text("CCO\nCC\nCCCC\n")
    assert main(["predict", "run", "new.txt", "--out", "out.csv"]) == 0
    with open("out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["text", "predicted logP", "predicted weight"]
    found = np.array([[float(row["predicted logP"]), float(row["predicted weight"])] for row in rows])
    model = simulacra.load_run("run").model
    np.testing.assert_allclose(found, model.predict(["CCO", "CC", "CCCC"]), rtol=1e-6)
    assert 9_900 < found[:, 1].mean() < 10_100


def test_the_report_says_the_error_in_the_data_s_units(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert main(["evaluate", "run", "--k", "3"]) == 0
    out = capsys.readouterr().out
    assert "prediction of weight" in out and "by the mean" in out
    assert simulacra.load_run("run").data.condition == simulacra.Real((2,))


def test_texts_of_a_higher_number_are_shown(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert main(["explore", "optimized", "run", "--of", "weight"]) == 0
    assert Path("run/optimized.png").is_file()
    assert main(["explore", "optimized", "run", "--of", "price"]) == 2
    assert (
        "there is no predicted number 'price': name one with of=; there are logP, weight"
        in capsys.readouterr().err
    )


def test_the_picture_is_private(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert main(["explore", "predictions", "run"]) == 0
    assert Path("run/private/predictions.png").is_file() and not Path("run/predictions.png").exists()
