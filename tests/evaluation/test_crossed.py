"""Scores of translations without pairs: copies, one constant answer, and right answers."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra import Categorical, Real
from simulacra.evaluation.domains.crossed import recognized, scores_by
from simulacra.evaluation.domains.judges import Judge, judge_of
from simulacra.evaluation.domains.led import Led, led

SPACE, TWO = Real((1, 3, 5)), Categorical((), 2, ("low", "high"))
JUDGE = Judge("the sign of the mean", "0", lambda x: (x.flatten(1).mean(1) > 0).long())


def rows(n=40):
    x = torch.randn(n, 1, 3, 5, generator=torch.Generator().manual_seed(1))
    kind = torch.arange(n) % 2
    return x - x.mean((1, 2, 3), keepdim=True) + (2 * kind - 1).view(-1, 1, 1, 1), kind


def scored(y, back):
    x, kind = rows()
    data = simulacra.from_tensors(x, SPACE, c=kind, condition=TWO)
    return scores_by(JUDGE, Led(x, kind, 1 - kind, y, back, TWO.names), data)


def test_a_copy_keeps_all_and_leads_nothing():
    x, _ = rows()
    found = scored(x, x)
    assert (found.led.value, found.kept.value, found.both.value) == (0, 1, 0)
    assert (found.cycle.value, found.moved.value, found.copied.value, found.real.value) == (0, 0, 0, 1)


def test_a_constant_answer_leads_all_and_keeps_nothing():
    x, kind = rows()
    y = (1 - 2 * kind).view(-1, 1, 1, 1).expand_as(x).float()
    found = scored(y, x)
    assert (found.led.value, found.kept.value, found.both.value) == (1, 0, 0)
    assert found.variety == (0.0, 0.0)


def test_the_right_answer_has_both():
    x, kind = rows()
    shift = (2 - 4 * kind).view(-1, 1, 1, 1)
    found = scored(x + shift, x + 0.5)
    assert (found.led.value, found.kept.value, found.both.value) == (1, 1, 1)
    # a shift by 2 is four times one by a half
    assert found.moved.value == pytest.approx(4 * found.cycle.value)
    assert found.variety == pytest.approx((1, 1), rel=0.5)


def test_scale_and_mean_of_contents_do_not_matter():
    x = torch.randn(9, 7, generator=torch.Generator().manual_seed(2)).double()
    label = torch.arange(9) % 2
    assert bool(recognized(x, 3 * x + 5, label).all())
    order = torch.tensor([2, 3, 4, 5, 6, 7, 8, 1, 0])  # other rows of the class
    assert not bool(recognized(x, x[order], label).any())


@pytest.mark.system("E18")
def test_analogies_of_a_vae_are_led_by_the_same_code():
    data = simulacra.load_data("digits", condition="label", limit=60)
    found = led(simulacra.VAE(data.space, data.condition, latent=2, hidden=(3,)), data, "train", limit=60)
    assert torch.equal(found.to, (found.label + 1) % 10) and found.y.shape == (60, 1, 8, 8)


@pytest.mark.thorough
def test_voices_are_judged_by_their_spectra():
    space = simulacra.Audio((64,), rate=8000)
    t, n = torch.arange(64) / 8000, 120
    pitch = 500.0 + 2000.0 * (torch.arange(n) % 2)
    start = torch.rand(n, generator=torch.Generator().manual_seed(0)) * 6.28
    x = 0.4 * (6.28 * pitch.view(-1, 1) * t + start.view(-1, 1)).sin()
    data = simulacra.from_tensors(x, space, c=torch.arange(n) % 2, condition=TWO)
    judge = judge_of(data)
    assert judge is not None
    assert torch.equal(judge.classes(data.test.x), data.test.c.long())
