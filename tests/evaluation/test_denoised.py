"""Scores, check and picture of denoising models."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

import simulacra
from simulacra import Binary, Levels, Real, from_tensors
from simulacra.core.corruption.parse import parse
from simulacra.core.corruption.raw_rows import corruption_of, damaged
from simulacra.core.model import Model
from simulacra.evaluation.doctor.checks.denoising import worse_than_noisy
from simulacra.evaluation.measures.measure import Case, Evidence
from simulacra.evaluation.measures.registry import DENOISING, evidence_of
from simulacra.evaluation.tasks.denoising import denoising, denoising_rows
from simulacra.exploration.pictures.registry import PICTURES, album_of


class Halves(Model, simulacra.Denoises):
    """Answers half of the noisy row.

    Args:
        space: what one observation is.
        corruption: noise that it is said to remove.
    """

    def __init__(self, space, corruption: str = "none"):
        super().__init__(space)
        self.corruption = parse(corruption)

    def clean(self, x, rng, c=None, level=None):
        """x / 2, shape (B, *)."""
        return x / 2


def numbers(mean: float = 0.0):
    """Real rows around a mean."""
    x = mean + torch.randn(120, 5, generator=torch.Generator().manual_seed(3))
    return from_tensors(x, Real((5,)))


def images():
    """Images of 17 levels."""
    x = torch.randint(0, 17, (80, 1, 8, 8), generator=torch.Generator().manual_seed(4))
    return from_tensors(x.to(torch.uint8), Levels((1, 8, 8), 17))


@pytest.mark.system("D6")
def test_the_gain_of_rows_is_that_of_their_squared_errors():
    data = numbers()
    model = Halves(data.space, "gaussian:0.5")
    found = denoising(model, data)
    assert [at.corruption for at in found.levels] == ["gaussian:0.25", "gaussian:0.5", "gaussian:1"]
    x = data.test.x
    for at in found.levels:
        rows = damaged(model, x, parse(at.corruption))
        before, after = ((y - x).double().square().sum(1) for y in (rows.noisy, rows.noisy / 2))
        gain = 10 * (before / after).log10()
        assert at.gain.value == pytest.approx(float(gain.mean()), rel=1e-5)
        assert at.gain.error == pytest.approx(float(gain.std() / math.sqrt(len(x))), rel=1e-5)
        assert at.noisy.psnr is None and at.clean.ssim is None
    assert found.trained.corruption == "gaussian:0.5" and found.rows == len(x)


@pytest.mark.system("D6")
def test_images_have_their_psnr_and_ssim():
    data = images()
    model = Halves(data.space, "salt:0.3")
    at = denoising(model, data).trained
    rows = damaged(model, data.test.x, parse("salt:0.3"))
    truth, noisy = (y.numpy() / 16 for y in (rows.truth, rows.noisy))
    assert np.array_equal(rows.truth.numpy(), data.test.x.numpy())
    expected = -10 * np.log10(((truth - noisy) ** 2).reshape(len(truth), -1).mean(1))
    assert at.noisy.psnr.value == pytest.approx(np.mean(expected), rel=1e-6)
    assert at.clean.psnr.value - at.noisy.psnr.value == pytest.approx(at.gain.value)
    assert 0 < at.clean.ssim.value < 1
    name, words = denoising_rows(denoising(model, data))[1]
    assert name == "denoising of salt:0.3" and "as it is" in words and "gain" in words


@pytest.mark.system("D6")
def test_levels_that_do_not_exist_are_left_out():
    at = lambda corruption: [
        level.corruption for level in denoising(Halves(images().space, corruption), images()).levels
    ]
    assert at("mask:0.6") == ["mask:0.3", "mask:0.6"]
    assert at("edges") == ["edges"]
    assert at("downscale:3") == ["downscale:3", "downscale:6"]
    assert at("none") == ["gaussian:0.05", "gaussian:0.1", "gaussian:0.2"]
    assert corruption_of(Halves(Binary((4,)))).text == "salt:0.2"


def test_the_noise_of_a_row_is_its_own():
    """It follows the values of the row, so that chunks and limits change nothing."""
    data = images()
    model, x = Halves(data.space), data.test.x
    whole = damaged(model, x, parse("mask"), 1).noisy
    assert torch.equal(damaged(model, x[2:5], parse("mask"), 1).noisy, whole[2:5])
    assert not torch.equal(damaged(model, x, parse("mask"), 2).noisy, whole)


def finding(model, data):
    """What the doctor says of denoising."""
    return worse_than_noisy(evidence_of((DENOISING,), Case(model, data)))


@pytest.mark.system("D6")
def test_the_doctor_warns_of_answers_that_are_worse_than_noise():
    """Rows around 9 are halved to 4.5; rows around 0 under much noise are better halved."""
    sick = finding(Halves(Real((5,)), "gaussian:0.1"), numbers(9.0))
    assert sick.severity == "warning" and sick.name == "denoising" and "more epochs" in sick.suggestion
    assert "gaussian:0.1 of 12 rows: a gain of -" in sick.measured
    healthy = finding(Halves(Real((5,)), "gaussian:3"), numbers())
    assert healthy.severity == "ok" and healthy.meaning == "it removes noise"
    assert worse_than_noisy(Evidence()) is None


def test_the_report_and_the_comparison_have_it(tmp_path):
    data = images()
    model = simulacra.Autoencoder(data.space, latent=3, hidden=(5,), corruption="mask:0.4")
    run = simulacra.fit(model, data, epochs=1, out=tmp_path / "run", progress=False, doctor=False)
    report = simulacra.evaluate(run, limit=8)
    assert report.denoising.trained.corruption == "mask:0.4"
    assert re.search(r"denoising of mask:0.4 +gain ", report.table())
    text = str(simulacra.compare(a=report, b=report))
    assert "gain in dB" in text and "as it is" in text


def test_the_picture_shows_noise_answers_and_truth():
    data = images()
    model = Halves(data.space, "mask:0.4")
    album = album_of(model, data, 0, [])
    (kind,) = (kind for kind in PICTURES if kind.name == "denoised")
    assert not kind.lacks(album) and kind.private(album)
    picture = kind.draw(album)
    (shown,) = picture.panels
    noisy, clean, truth = torch.as_tensor(shown.values).double().unflatten(0, (3, -1))
    # answers are whole levels
    assert float((clean - noisy / 2).abs().max()) == 0.5 and torch.equal(clean, clean.round())
    assert (
        bool(((noisy == truth) | (noisy == 0)).all()) and 0.2 < float((noisy != truth).double().mean()) < 0.6
    )
    assert picture.layout.row_names == ("noisy", "denoised", "truth")
    with pytest.raises(ValueError, match="there is no corruption 'fog'"):
        kind.draw(album, corruption="fog")
    assert kind.lacks(album_of(simulacra.PCA(data.space, latent=2), data, 0, [])) == "a model that denoises"
