"""Scores of translations beside the truth and honest references."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pairs_toy import A, S, model_of, pictures, regression
from PIL import Image

import simulacra
from simulacra import Audio, from_tensors
from simulacra.core.spaces.plain import Levels
from simulacra.evaluation.latents.fidelity import ssim
from simulacra.evaluation.measures.measure import Case
from simulacra.evaluation.measures.pairs import PAIRED, TRANSLATED
from simulacra.evaluation.measures.registry import evidence_of
from simulacra.evaluation.pairs.paired import Paired
from simulacra.evaluation.pairs.references import bicubic, references_of
from simulacra.evaluation.pairs.translated import takes_noise, translated, translations
from simulacra.evaluation.pairs.wording import paired_rows, verdict


def scores(model, data, **more) -> Paired:
    return evidence_of((TRANSLATED, PAIRED), Case(model, data, **more))[PAIRED]


@pytest.mark.system("G18")
def test_the_distance_of_normal_pairs_is_that_of_their_laws():
    """|y - x| of two honest draws has deviation s sqrt 2, and E |N(0, 1)| = sqrt(2 / pi)."""
    data = regression(1200, test=0.45)
    found, half = scores(model_of(data), data), math.sqrt(2 / math.pi)
    (l1,) = found.scores
    assert (l1.name, l1.unit, l1.higher, found.references) == ("L1", "", False, ("the source", "the mean"))
    assert found.pairs == 500 and found.draws == 2
    for value, deviation in zip((l1.model, *l1.references), (S * math.sqrt(2), math.hypot(1 - A, S), 1.0)):
        assert abs(value.value - half * deviation) < 4 * value.error < 0.04
    # worse than copying the source, and the sentence says so
    assert found.best == "the source" and found.gain.high < 0
    assert "worse than the source, an answer without a model, by" in verdict(found)
    better = scores(model_of(data, scale=0.0), data)
    assert better.best == "the source" and better.gain.low > 0 and "better than the source" in verdict(better)


@pytest.mark.system("G18")
def test_diversity_is_the_ratio_of_deviations():
    data = regression(1000, test=0.3)
    for model, expected in ((model_of(data), S), (model_of(data, spread=0.5), S / 2)):
        found = scores(model, data).diversity
        assert abs(found.value - expected) < 4 * found.error < 0.1
    for still in (model_of(data, scale=0.0), model_of(data, spread=0.0)):
        assert scores(still, data).diversity.value == 0


@pytest.mark.system("G21")
def test_psnr_ssim_and_l1_of_pictures_are_in_levels():
    data = pictures()
    found = scores(model_of(data, slope=0.5, scale=0.0), data)
    x, c = data.test.x.double(), data.test.c.double()
    y = (c / 2).round()
    psnr = 10 * (255**2 / (x - y).square().flatten(1).mean(1)).log10()
    l1 = (x - y).abs().flatten(1).mean(1)
    assert [(s.name, s.unit) for s in found.scores] == [("PSNR", "dB"), ("SSIM", ""), ("L1", "levels")]
    by_hand = (psnr, ssim(y / 255, x / 255, 7), l1)
    for score, values in zip(found.scores, by_hand):
        assert score.model.value == pytest.approx(float(values.mean()), rel=1e-6)
        assert score.model.error == pytest.approx(float(values.std() / math.sqrt(len(x))), rel=1e-6)
    mean = data.train.x.double().mean(0)
    for name, answer, value in zip(found.references, (c, mean), found.scores[2].references):
        expected = float((x - answer).abs().flatten(1).mean())
        assert value.value == pytest.approx(expected, rel=1e-6), name
    gain = psnr - 10 * (255**2 / (x - mean).square().flatten(1).mean(1)).log10()
    assert found.best == "the mean" and found.gain.value == pytest.approx(float(gain.mean()), rel=1e-6)
    lines = dict(paired_rows(found))
    assert "dB" in lines["PSNR of translations"] and "the mean" in lines["PSNR of translations"]
    assert "levels, 6 pairs of test" in lines["L1 of translations"]


@pytest.mark.system("G23")
def test_recordings_have_snr_and_segmental_snr():
    g = torch.Generator().manual_seed(1)
    x = 0.2 * torch.rand(40, 400, generator=g)
    data = from_tensors(x, Audio((400,), 8000), c=x / 2, condition=Audio((400,), 8000))
    found = scores(model_of(data, slope=2.2, scale=0.0), data)
    assert [s.name for s in found.scores] == ["SNR", "segmental SNR", "L1"]
    assert found.scores[0].model.value == pytest.approx(20, abs=1e-4)
    assert found.scores[1].model.value == pytest.approx(20, abs=1e-4)
    # half of the wave is 6 dB off
    assert found.references[0] == "the source"
    assert found.scores[0].references[0].value == pytest.approx(20 * math.log10(2), abs=1e-4)


@pytest.mark.system("G20")
def test_bicubic_is_that_of_pillow():
    data = pictures(factor=4, channels=(3, 3))
    assert [r.name for r in references_of(data)] == ["bicubic", "the mean"]
    large = references_of(data)[0].answer(data.test.c)
    for small, got in zip(data.test.c.numpy(), large.numpy()):
        image = Image.fromarray(np.ascontiguousarray(small.transpose(1, 2, 0)))
        wanted = np.asarray(image.resize((8, 8), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
        assert np.array_equal(got, wanted)
    # weights of the kernel at 1/4 and 3/4 are 0.8672 and 0.2266, of which the second is 20.7 %
    deep = torch.tensor([[[[0, 1000], [0, 1000]]]], dtype=torch.int32)
    y = bicubic(deep, Levels((1, 4, 4), 1001))
    assert y[0, 0, 0].tolist() == [0, 207, 793, 1000]


def test_references_fit_the_spaces():
    names = lambda data: [r.name for r in references_of(data)]
    assert names(pictures()) == ["the source", "the mean"]
    # a grey source is copied to all channels
    grey = pictures(channels=(1, 3))
    assert names(grey) == ["the source", "the mean"]
    assert references_of(grey)[0].answer(grey.test.c).shape == grey.test.x.shape
    assert names(pictures(channels=(1, 3), factor=2)) == ["bicubic", "the mean"]
    assert names(pictures(channels=(3, 1))) == ["the mean"]
    x = torch.rand(20, 1, 4, 4)
    other = from_tensors(
        x, simulacra.Real((1, 4, 4)), c=(x > 0.5).byte(), condition=simulacra.Binary((1, 4, 4))
    )
    assert names(other) == ["the mean"]


def test_the_draws_of_a_source_are_its_own():
    data = regression(60)
    model, c = model_of(data), data.test.c
    whole = translations(model, c, 3, seed=1)
    assert torch.equal(translations(model, c[2:4], 2, seed=1), whole[2:4, :2])
    assert not torch.equal(translations(model, c, 3, seed=2), whole)
    assert takes_noise(model, c[:1]) and not takes_noise(model_of(data, scale=0.0), c[:1])
    few, more = (translated(model, data, limit=n) for n in (3, 5))
    assert {tuple(row) for row in few.y.flatten(1).tolist()} < {
        tuple(row) for row in more.y.flatten(1).tolist()
    }
