"""The report: typed line first, the same twice, whole on disk."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import simulacra
from simulacra.evaluation.evaluate import evaluate
from simulacra.evaluation.report import Report, read_report


@pytest.fixture(scope="module")
def digits():
    return simulacra.load_data("digits", binarize="dynamic")


@pytest.fixture(scope="module")
def vae(digits):
    torch.manual_seed(0)
    model = simulacra.VAE(digits.space, latent=3, hidden=(8,))
    model.preprocessing = digits.preprocessing
    return model


def test_the_typed_likelihood_comes_first(vae, digits):
    report = evaluate(vae, digits, k=20, limit=50)
    first = str(report).splitlines()[0]
    assert first.startswith("log p(x) >= -") and "k=20" in first and "dynamic binarization" in first
    assert report.likelihood.mean >= report.estimates["elbo"].mean
    assert report.latents.size == 3 and report.memorization.samples == 1000
    assert report.reconstruction.rows == 50
    assert str(evaluate(vae, digits, k=20, limit=50)) == str(report)


def test_written_reports_read_back(vae, digits, tmp_path):
    report = evaluate(vae, digits, k=5, limit=50)
    paths = report.write(tmp_path / "run")
    content = json.loads(paths["report"].read_text())
    assert content["format"] == 1 and content["protocol"]["split"] == "test[50 of 180, seed 0]"
    assert content["estimates"]["likelihood"]["kind"] == "lower"
    again = read_report(tmp_path / "run")
    assert str(again) == str(report) and again.table() == report.table()
    assert torch.equal(again.likelihood.values, report.likelihood.values)
    assert again.likelihood.protocol == report.likelihood.protocol
    assert "## The doctor's findings" in paths["page"].read_text()
    assert not list((tmp_path / "run").glob(".*"))


def test_damaged_and_newer_reports_are_refused(vae, digits, tmp_path):
    evaluate(vae, digits, k=2, limit=20).write(tmp_path)
    text = (tmp_path / "report.json").read_text()
    (tmp_path / "report.json").write_text(text.replace('"format": 1', '"format": 99'))
    with pytest.raises(ValueError, match="upgrade"):
        read_report(tmp_path)
    digest = json.loads(text)["protocol"]["digest"]
    (tmp_path / "report.json").write_text(text.replace(digest, "0" * 16))
    with pytest.raises(ValueError, match="does not belong"):
        read_report(tmp_path)
    with pytest.raises(ValueError, match="does not exist"):
        read_report(tmp_path / "nowhere")


@dataclass
class Folder:
    """What a run looks like to a report."""

    model: object
    data: object
    path: Path


def test_a_run_brings_its_data_and_metrics(vae, digits, tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,valid_score\n1,-30\n2,-20\n3,-40\n")
    report = evaluate(Folder(vae, digits, tmp_path), k=2, limit=20)
    assert any(f.name == "validation score" and f.severity == "warning" for f in report.findings)
    with pytest.raises(ValueError, match="no data to evaluate on"):
        evaluate(Folder(vae, None, tmp_path))
    with pytest.raises(ValueError, match="needs a model or a run"):
        evaluate(3)


def test_models_without_a_likelihood_say_so():
    ring = simulacra.load_data("ring")
    gan = evaluate(simulacra.GAN(ring.space), ring, limit=200)
    assert str(gan).startswith("no likelihood: GAN has neither density nor bound") and "MMD^2" in str(gan)
    pca = evaluate(simulacra.PCA(ring.space, latent=2), ring)
    assert "explains 100.0%" in pca.headline() and pca.likelihood is None
    assert isinstance(pca, Report)
    assert pca.table().splitlines()[1].split(maxsplit=1) == [
        "likelihood",
        "none: PCA has neither density nor bound",
    ]


def test_a_model_that_classifies_says_how_often_it_is_wrong(tmp_path):
    data = simulacra.load_data("digits", binarize="threshold", condition="label")
    model = simulacra.DiscriminativeRBM(data.space, data.condition, hidden=5, objective="discriminative")
    report = evaluate(model, data)
    wrong = int((model.classify(data.test.x).argmax(1) != data.test.c).sum())
    n = len(data.test)
    assert report.classes.wrong == wrong and report.classes.rows == n
    assert report.classes.error == pytest.approx((wrong / n * (1 - wrong / n) / n) ** 0.5)
    assert ("wrong labels", f"{wrong / n:.2%} +- {report.classes.error:.2%} of {n} rows") in report.rows()
    report.write(tmp_path)
    assert read_report(tmp_path).classes == report.classes
