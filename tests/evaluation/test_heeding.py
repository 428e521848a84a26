"""The doctor on models of pairs whose use of source and noise is known."""

from __future__ import annotations

import pytest
import torch
from pairs_toy import A, S, model_of, regression

import simulacra
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.evaluation.doctor.advice import Setting
from simulacra.evaluation.doctor.checks.pairs import ignored_noise, ignored_source
from simulacra.evaluation.measures.checked import CONDITION, SETTING
from simulacra.evaluation.measures.measure import Case, Evidence
from simulacra.evaluation.measures.pairs import HEEDING, TRANSLATED
from simulacra.evaluation.measures.registry import evidence_of
from simulacra.evaluation.pairs.filters import linear_filter
from simulacra.evaluation.pairs.heeding import chance_of_none, shown_of

pytestmark = pytest.mark.system("G18")


def evidence(data, **arguments) -> Evidence:
    return evidence_of((TRANSLATED, HEEDING), Case(model_of(data, **arguments), data))


def test_mean_and_honest_draws_show_the_share_that_the_source_tells():
    """Both have g = R^2 = a^2 / (a^2 + s^2)."""
    data = regression(1000, test=0.25)
    for how in ({}, {"scale": 0.0}):
        found = evidence(data, **how)[HEEDING]
        assert abs(found.model.value - A**2) < 4 * found.model.error < 0.1
        assert found.chance == found.least < 1e-3
        # whatever answer without a model is taken
        assert len(found.shown) == 3
        for shown in found.shown:
            assert shown.told > 4 and abs(shown.value - 1) < 4 * shown.error < 0.6, shown.by
        error = S**2 + (S**2 if not how else 0)
        assert found.own == pytest.approx(error, rel=0.1)
        assert found.others == pytest.approx(error + 2 * A**2, rel=0.1)


def test_honest_draws_differ_as_much_as_from_the_truth():
    found = evidence(regression(1000, test=0.25))[HEEDING]
    assert found.same.value == pytest.approx(found.own, rel=0.05) and found.noisy


def test_the_part_that_is_shown_does_not_depend_on_the_answer():
    """y has half of the slope of x: h = 1/2 for each function of the source, and 0 without a slope."""
    g = torch.Generator().manual_seed(2)
    c, e, f = torch.randn(3, 4000, 3, generator=g, dtype=torch.float64)
    x, y = c + e, c / 2 + f
    for a in (c, -7 * c + 3, c.clamp(0), c**3):
        found = shown_of("a", x, y, a)
        assert abs(found.value - 0.5) < 4 * found.error < 0.2 and found.told > 20
        assert abs(shown_of("a", x, f, a).value) < 4 * shown_of("a", x, f, a).error
    assert shown_of("a", x, y, e[torch.randperm(4000, generator=g)]).told < 4
    # the error is that of repetitions
    parts = [shown_of("a", *(t[i : i + 200] for t in (x, y, c))) for i in range(0, 4000, 200)]
    spread = float(torch.tensor([part.value for part in parts]).std())
    assert sum(part.error for part in parts) / 20 == pytest.approx(spread, rel=0.3)


def test_the_filter_is_that_of_least_squares():
    """x is a blur of the source and noise: the filter has its weights, and keeps to places."""
    g = torch.Generator().manual_seed(0)
    c, e = torch.randn(2, 60, 1, 6, 7, generator=g)
    weights = torch.tensor([[0.0, 1, 0], [2, 3, 4], [0, -1, 0]]).view(1, 1, 3, 3)
    x = torch.nn.functional.conv2d(torch.nn.functional.pad(c, (1,) * 4, mode="replicate"), weights) + 0.01 * e
    plain = lambda t: Preprocessing(simulacra.Real(tuple(t.shape[1:])))
    data = simulacra.from_tensors(x, simulacra.Real((1, 6, 7)), c=c, condition=plain(c))
    assert float((linear_filter(data)(data.test.c) - data.test.x.flatten(1)).abs().max()) < 0.06
    wave = simulacra.from_tensors(
        x.flatten(1), simulacra.Real((42,)), c=(c + 1).flatten(1), condition=plain(c.flatten(1))
    )
    assert linear_filter(wave)(wave.test.c).shape == wave.test.x.shape
    other = simulacra.from_tensors(
        x, simulacra.Real((1, 6, 7)), c=c.flatten(1), condition=plain(c.flatten(1))
    )
    assert linear_filter(other) is None
    # sources of other sides are brought to those of x
    small = simulacra.from_tensors(
        x, simulacra.Real((1, 6, 7)), c=c[..., ::2, ::2], condition=plain(c[..., ::2, ::2])
    )
    assert linear_filter(small)(small.test.c).shape == (6, 42)


def test_the_permutation_test_is_exact():
    """With four rows, the identity is one of 24 assignments; ties count as large."""
    assert chance_of_none(torch.eye(4)) == pytest.approx(1 / 24, abs=0.01)
    assert chance_of_none(torch.zeros(4, 4)) == 1
    assert chance_of_none(-torch.eye(6)) > 0.99
    g = torch.Generator().manual_seed(0)
    centre = lambda t: t - t.mean(0)
    chances = []
    for seed in range(20):
        x, y = torch.randn(2, 12, 3, generator=g)
        chances.append(chance_of_none(centre(x) @ centre(y).T, seed))
    assert 0.25 < sum(chances) / 20 < 0.75


@pytest.mark.parametrize(
    ("how", "rows"),
    [({}, 400), ({"scale": 0.0}, 400), ({"spread": 0.3}, 400), ({"slope": 0.3}, 400), ({}, 100)],
)
def test_healthy_models_are_not_accused(how, rows):
    found = evidence(regression(rows, test=0.3), **how)
    assert [check(found).severity for check in (ignored_source, ignored_noise)] == ["ok", "ok"]


def test_a_model_that_ignores_its_source_is_named():
    found = ignored_source(evidence(regression(400, test=0.4), slope=0.0, scale=1.0))
    assert found.severity == "warning" and found.meaning == "the model ignores its source"
    assert "of what the source itself tells, translations show" in found.measured
    assert "more epochs" in found.suggestion
    little = ignored_source(evidence(regression(400, 0.9, 0.4, test=0.4), slope=0.12, scale=0.5))
    assert little.severity == "note" and little.meaning == "the model heeds its source little"
    # it draws well otherwise
    assert ignored_noise(evidence(regression(400, test=0.4), slope=0.0, scale=1.0)).severity == "ok"


def test_a_source_that_tells_nothing_accuses_nobody():
    data = regression(600, slope=0.0, scale=1.0, test=0.3)
    found = ignored_source(evidence(data, slope=0.0, scale=1.0))
    assert found.severity == "unknown" and "nothing shows that sources tell of x" in found.meaning


def test_few_pairs_decide_nothing():
    data = regression(50, test=0.1)
    both = [check(evidence(data, slope=0.0, scale=1.0)) for check in (ignored_source, ignored_noise)]
    assert [one.severity for one in both] == ["unknown", "unknown"]
    assert "too few pairs to tell (5, where 10 are needed)" in both[0].meaning


def test_a_model_that_ignores_its_noise_is_named():
    found = ignored_noise(evidence(regression(400, test=0.4), spread=0.0))
    assert found.severity == "warning" and "answers as if it had none" in found.meaning
    hardly = ignored_noise(evidence(regression(400, test=0.4), spread=0.03))
    assert hardly.severity == "note" and "far less than they miss the truth" in hardly.meaning
    # one without noise is not accused, and neither is one whose source tells all
    without = ignored_noise(evidence(regression(400, test=0.4), scale=0.0))
    assert without.severity == "ok" and "draws no noise" in without.meaning
    sure = ignored_noise(evidence(regression(600, slope=1.0, scale=0.0, test=0.3), slope=1.0, spread=0.0))
    assert sure.severity == "ok" and "nearly all" in sure.meaning


def test_advice_has_options_that_the_model_takes():
    source, noise = (evidence(regression(400, test=0.4), **how) for how in ({"slope": 0.0}, {"spread": 0.0}))
    for found in (source, noise):
        found.keep(SETTING, Setting(frozenset({"scale"})))
    assert ignored_source(source).options == ignored_noise(noise).options == ()
    known = {("model", "l1"): 10.0, ("model", "sees_condition"): True}
    for found in (source, noise):
        found.keep(SETTING, Setting(frozenset({"l1", "sees_condition"}), given=known))
    assert ignored_source(source).options == ("--model.l1 100.0",)
    assert ignored_noise(noise).options == ("--model.l1 1.0",)


def test_pairs_are_checked_by_their_translations_alone():
    """The check of conditions compares nearest rows, which say less of pictures."""
    data = regression(200)
    case = Case(model_of(data), data, limit=20, n=40)
    assert CONDITION.lacks(case) and not HEEDING.lacks(case)
    plain = simulacra.from_tensors(torch.randn(60, 4), simulacra.Real((4,)), c=[0, 1] * 30)
    other = Case(simulacra.GAN(plain.space, plain.condition), plain)
    assert not CONDITION.lacks(other) and HEEDING.lacks(other) == "a model that translates its condition"
