"""The recipe of the Parzen table at a small size: what it windows, its paradox, and what it leaves out."""

from __future__ import annotations

import pytest
import torch
from recipe_files import recipe

import simulacra
from simulacra.training.hardware.budget import Budget

pytestmark = pytest.mark.system("I9")


@pytest.fixture(scope="module")
def table():
    """The recipe."""
    return recipe("parzen_mnist")


@pytest.fixture(scope="module")
def digits():
    """Images of 8 x 8 pixels with 17 grey values."""
    return simulacra.load_data("digits")


def test_blurred_images_are_means_of_neighbors(table):
    x = torch.tensor([[0.0], [1.0], [1.5], [10.0], [11.0], [12.0]])
    # the nearest four of 0 among six numbers, and 0 itself
    assert table.blurred(x, 1).item() == pytest.approx((0 + 1 + 1.5 + 10 + 11) / 5)
    assert table.blurred(x, 6)[5].item() == pytest.approx((12 + 11 + 10 + 1.5 + 1) / 5)


def test_what_draws_nothing_new_beats_the_data(table, digits):
    """Windows around 400 images of a training split lose to their clusters and to their blurred copies."""
    real, clusters, copies = (line.found for _, line in table.references(digits, 400, 100))
    assert real.details["samples"] == copies.details["samples"] == 400
    assert clusters.mean > real.mean and copies.mean > real.mean
    # also where noise in pairs of rows is taken into account
    for found in (clusters, copies):
        gain = found.values - real.values
        assert float(gain.mean()) > 3 * float(gain.std()) / len(gain) ** 0.5


def test_a_line_has_the_model_of_the_row_and_its_own_likelihood(table, digits, tmp_path):
    row = table.Row(1.0, 2.0, "A 1999", 0.1, 1.0, table.of_catalog("vae", latent=2, hidden=(8,)))
    line = table.trained("vae", row, digits, Budget(folder=tmp_path), None, n=50)
    assert line.share == 1 and line.found.details["samples"] == 50
    assert "(bound, Levels)" in line.own and str(line).startswith("| samples of vae | 50 | ")
    assert "log p(x) -" in line.note and row.figure("vae").published == 1.0
    bits = table.Row(None, 0, "", 0.1, 1.0, table.of_catalog("rbm", hidden=4, burn_in=2), table.BITS)
    load = lambda **options: simulacra.load_data("digits", **options)
    line = table.trained("rbm", bits, digits, Budget(folder=tmp_path), load, n=50)
    assert "(exact, Binary)" in line.own


def test_models_that_this_version_lacks_are_told(table):
    assert table.missing("gmmn") == ""
    assert table.missing("memoriser") == "memoriser is left out: this version has no model of this name"
    assert table.missing("pca") == "pca is left out: PCA draws no samples"
    assert [figure.name for figure in table.FIGURES[:3]] == [
        table.REAL.name,
        table.KMEANS.name,
        table.BLURRED.name,
    ]
