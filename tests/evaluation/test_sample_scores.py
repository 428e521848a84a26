"""Scores of samples: the truth gets what training rows get, and each fault shows where it should."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.data.sources.tensors import from_tensors
from simulacra.data.toys import Grid, Ring
from simulacra.evaluation.evaluate import evaluate
from simulacra.evaluation.report import read_report
from simulacra.evaluation.samples.distances import frechet_distance
from simulacra.evaluation.samples.implicit import sample_scores
from simulacra.evaluation.samples.quality import Skipped, quality_rows

pytestmark = pytest.mark.system("G15")


class Drawn(simulacra.Model, can.Samples, can.TakesCondition):
    """A model whose samples are given: row i of a tensor, or of the tensor of its condition."""

    def __init__(self, space, condition=None, of=None):
        super().__init__(space, condition)
        self.of = of

    def draw(self, rng, c=None):
        """The next rows."""
        if c is None:
            return self.of[rng.rows.start : rng.rows.stop].to(torch.get_default_dtype())
        return self.of[c].to(torch.get_default_dtype())


def drawn(data, of, **settings):
    """A `Drawn` for a data set."""
    model = Drawn(data.space, of=of, **settings)
    model.preprocessing = data.preprocessing
    return model


@pytest.fixture(scope="module")
def ring():
    return simulacra.load_data("ring")


@pytest.fixture(scope="module")
def digits():
    return simulacra.load_data("digits")


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(
        "simulacra.evaluation.samples.extractor.cache", lambda: tmp_path_factory.getbasetemp()
    )


def test_the_truth_scores_as_training_rows_do(ring):
    found = sample_scores(drawn(ring, Ring().sample(1000, seed=9)), ring)
    ours, best = found.model, found.reference
    assert found.samples == 1000 and found.features == 2 and ours.inception is None
    assert ours.frechet.value < 0.02 and abs(ours.kernel.value) < 4 * ours.kernel.error
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(ours.coverage, name) == pytest.approx(getattr(best.coverage, name), abs=0.05)
    assert (found.modes.covered, found.modes.of) == (8, 8)
    assert found.modes.good == pytest.approx(found.modes.expected, abs=0.02)


@pytest.mark.system("F11")
@pytest.mark.parametrize("toy", [Ring(), Grid()], ids=lambda t: t.name)
def test_lost_modes_are_counted_and_samples_between_modes_are_not_good(toy):
    data = simulacra.load_data(toy.name)
    x = toy.sample(3000, seed=3)
    kept = (x.double() - toy.modes[0]).norm(dim=1) > 0.5
    lost = sample_scores(drawn(data, x[kept]), data)
    k = len(toy.modes)
    assert (lost.modes.covered, lost.modes.of) == (k - 1, k)
    assert lost.model.coverage.precision > 0.95
    assert lost.model.coverage.recall < lost.reference.coverage.recall - 0.5 / k
    # one sample in four lies where no mode is
    stray = x[:1000].clone()
    stray[::4] = toy.modes.float()[0] + 0.4
    between = sample_scores(drawn(data, stray), data)
    assert between.modes.covered == k and between.modes.good == pytest.approx(0.745, abs=0.02)
    assert between.model.coverage.precision < 0.8 and between.model.frechet.limit > 0.01


def test_the_extrapolation_takes_away_what_few_samples_add():
    d = 12
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(40_000, d, generator=generator)
    data = from_tensors(x, simulacra.Real((d,)), valid=0, test=0.5)
    runs = [
        sample_scores(drawn(data, torch.randn(200, d, generator=generator)), data, n=200, seed=seed)
        for seed in range(12)
    ]
    half, whole, limit = (
        torch.tensor([getattr(r.model.frechet, name) for r in runs]) for name in ("half", "value", "limit")
    )
    # the truth is at distance 0, but for the 200 held-out rows
    few = torch.tensor([r.reference.frechet.limit for r in runs]).mean()
    assert half.mean() > 1.4 * whole.mean() and whole.mean() > 1.5 * limit.mean()
    assert abs(float(limit.mean() - few)) < 0.25 * float(whole.mean())
    assert torch.allclose(limit, 2 * whole - half)


def test_digits_are_judged_by_their_own_classifier(digits):
    noise = torch.randint(0, 17, (200, 1, 8, 8), generator=torch.Generator().manual_seed(1))
    one = digits.train.x[digits.train.labels == 1].repeat(3, 1, 1, 1)
    real, found, mode = (sample_scores(drawn(digits, x), digits) for x in (digits.valid.x, noise, one))
    assert real.extractor == found.extractor and real.extractor.startswith("classifier of digits")
    assert real.model.inception.value > 5 > 2 * mode.model.inception.value
    assert found.model.frechet.limit > 5 * real.model.frechet.limit
    assert found.model.kernel.value > 10 * abs(real.model.kernel.value)
    assert found.model.coverage.precision < 0.2 < 0.6 < real.model.coverage.precision
    # good samples of one class: precise, but they do not cover
    assert mode.model.coverage.precision > 0.6 and mode.model.coverage.recall < 0.3
    assert mode.model.coverage.coverage < 0.2 < real.model.coverage.coverage


def test_conditions_are_those_of_the_rows_compared_with():
    data = simulacra.load_data("digits", condition="label")
    means = torch.stack([data.train.x[data.train.c == k].double().mean(0).round() for k in range(10)])
    model = drawn(data, means, condition=data.condition)
    found = sample_scores(model, data, extractor=nn.AvgPool2d(4))
    pool = lambda x: nn.AvgPool2d(4)(x.float() / 16).flatten(1)
    expected = frechet_distance(pool(means[data.test.c]), pool(data.test.x))
    assert found.features == 4 and found.extractor.startswith("AvgPool2d")
    assert found.model.frechet.value == pytest.approx(expected, rel=1e-5) and expected > 0.005


def test_reports_carry_the_scores_and_older_ones_are_read(ring, tmp_path):
    report = evaluate(simulacra.GAN(ring.space), ring, limit=200)
    assert report.quality.samples == 200 and report.quality.modes.of == 8
    table = report.table()
    for said in (
        "Frechet distance",
        "extrapolated",
        "kernel distance",
        "precision, recall",
        "of 8;",
        "MMD^2",
    ):
        assert said in table and said in report.page()
    assert "FID" not in table
    path = report.write(tmp_path)["report"]
    assert read_report(tmp_path).table() == table
    content = json.loads(path.read_text())
    del content["quality"]
    path.write_text(json.dumps(content))
    assert read_report(tmp_path).quality is None


def test_models_with_a_likelihood_are_scored_when_asked(ring):
    model = simulacra.PPCA(ring.space, latent=1)
    assert evaluate(model, ring, limit=120).quality is None
    asked = evaluate(model, ring, limit=300, samples=120).quality
    assert asked.samples == 120 and asked.extractor.startswith("the 2 entries")
    net = nn.Linear(2, 3)
    given = evaluate(model, ring, limit=300, extractor=net).quality
    assert given.features == 3 and given.samples == 300
    assert given == evaluate(model, ring, limit=300, extractor=net).quality


def test_what_cannot_be_scored_is_skipped_or_refused_with_the_number_needed(ring):
    short = evaluate(simulacra.GAN(ring.space), ring, limit=80)
    assert "at least 100 samples" in short.quality.skipped and "not measured" in short.table()
    with pytest.raises(
        ValueError, match="101 features at n and n / 2 samples needs n = 204 or more, but n is"
    ):
        evaluate(simulacra.GAN(ring.space), ring, limit=200, extractor=nn.Linear(2, 101))
    with pytest.raises(ValueError, match="at least 100 samples"):
        evaluate(simulacra.GAN(ring.space), ring, samples=0)
    gaps = replace(ring.train, known=torch.ones_like(ring.train.x, dtype=torch.bool))
    holey = replace(ring, splits={**ring.splits, "train": gaps})
    with pytest.raises(ValueError, match="ring train misses entries"):
        sample_scores(simulacra.GAN(ring.space), holey)


def test_a_reason_stands_in_the_table():
    assert quality_rows(Skipped("too few.")) == [("scores of samples", "not measured: too few.")]
