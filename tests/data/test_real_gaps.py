"""Red wine with a tenth of its cells gone: what the models fill in against what stood there."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

import simulacra

WINE = Path(os.environ.get("SIMULACRA_DATA", "")) / "uci" / "winequality-red.csv"
pytestmark = [
    pytest.mark.skipif(not WINE.is_file(), reason="needs SIMULACRA_DATA with uci/winequality-red.csv"),
    pytest.mark.slow,
]
REAL = 11  # columns, before the quality


@pytest.fixture(scope="module")
def wine(tmp_path_factory):
    """The table's path, its values, and which of them were left out; a text column beside them."""
    make = np.random.default_rng(11)
    truth = np.loadtxt(WINE, delimiter=",")
    gone = make.uniform(size=truth.shape) < 0.1
    path = tmp_path_factory.mktemp("wine") / "wine.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"x{j}" for j in range(REAL)), "quality", "colour"])
        for row, hole in zip(truth, gone):
            cells = ["" if h else f"{v:g}" for v, h in zip(row, hole)]
            writer.writerow([*cells, "pale" if row[8] > 3.3 else "deep"])
    return path, truth, gone


def error(model, data, truth: np.ndarray, gone: np.ndarray) -> float:
    """Root mean square of what was filled in, in deviations of the column; 1 is the column's mean."""
    drawn = [model.complete(data.train.x, data.train.known, seed=s).numpy()[:, :REAL] for s in range(8)]
    off = (np.mean(drawn, 0) - truth[:, :REAL]) / truth[:, :REAL].std(0)
    return float(np.sqrt((off[gone[:, :REAL]] ** 2).mean()))


@pytest.mark.parametrize("kind, most", [("PPCA", 0.85), ("PCA", 0.85)])
def test_linear_models_fill_in_better_than_the_mean(wine, tmp_path, kind, most):
    path, truth, gone = wine
    options = {"missing": "mask", "validation": 0, "test": 0}
    data = simulacra.load_data(path, types={"quality": "drop", "colour": "drop", "*": "real"}, **options)
    model = getattr(simulacra, kind)(data.space, latent=6)
    run = simulacra.fit(model, data, out=tmp_path / "run", progress=False)
    assert error(run.model, data, truth, gone) < most


def test_a_vae_of_mixed_columns_fills_in_better_than_the_mean(wine, tmp_path):
    path, truth, gone = wine
    data = simulacra.load_data(path, missing="mask", validation=0, test=0)
    assert type(dict(data.preprocessing.raw.fields)["quality"]).__name__ == "Ordinal"
    model = simulacra.VAE(data.space, latent=6)
    run = simulacra.fit(model, data, out=tmp_path / "run", epochs=60, progress=False)
    assert error(run.model, data, truth, gone) < 0.8
