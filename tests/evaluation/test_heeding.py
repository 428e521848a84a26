"""The doctor on models of pairs whose use of source and noise is known."""

from __future__ import annotations

import pytest
import torch
from pairs_toy import A, S, model_of, regression

import simulacra
from simulacra.evaluation.doctor.advice import Setting
from simulacra.evaluation.doctor.checks.pairs import ignored_noise, ignored_source
from simulacra.evaluation.measures.checked import CONDITION, SETTING
from simulacra.evaluation.measures.measure import Case, Evidence
from simulacra.evaluation.measures.pairs import HEEDING, TRANSLATED
from simulacra.evaluation.measures.registry import evidence_of
from simulacra.evaluation.pairs.heeding import chance_of_none, explained_by

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
        # the source itself tells all of it, whatever its scale
        assert found.told_by == "the source itself" and abs(found.told.value - A**2) < 4 * found.told.error
        error = S**2 + (S**2 if not how else 0)
        assert found.own == pytest.approx(error, rel=0.1)
        assert found.others == pytest.approx(error + 2 * A**2, rel=0.1)


def test_honest_draws_differ_as_much_as_from_the_truth():
    found = evidence(regression(1000, test=0.25))[HEEDING]
    assert found.same.value == pytest.approx(found.own, rel=0.05) and found.noisy


def test_the_share_of_an_answer_does_not_depend_on_its_scale():
    g = torch.Generator().manual_seed(2)
    x, e = torch.randn(2, 5000, 3, generator=g, dtype=torch.float64)
    y = x + e
    assert explained_by(x, y).value == pytest.approx(0.5, abs=0.03)
    for other in (0.01 * y, -7 * y + 3):
        assert explained_by(x, other).value == pytest.approx(explained_by(x, y).value, rel=1e-9)
    assert explained_by(x, torch.ones_like(x)).value == 0
    # the error is that of repetitions
    parts = torch.tensor([explained_by(a, b).value for a, b in zip(x.split(250), y.split(250))])
    assert explained_by(x[:250], y[:250]).error == pytest.approx(float(parts.std()), rel=0.5)


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
    assert "the source itself" in found.measured and "more epochs" in found.suggestion
    little = ignored_source(evidence(regression(400, 0.9, 0.4, test=0.4), slope=0.12, scale=1.0))
    assert little.severity == "note" and little.meaning == "the model heeds its source little"
    # it draws well otherwise
    assert ignored_noise(evidence(regression(400, test=0.4), slope=0.0, scale=1.0)).severity == "ok"


def test_a_source_that_tells_nothing_accuses_nobody():
    data = regression(600, slope=0.0, scale=1.0, test=0.3)
    found = ignored_source(evidence(data, slope=0.0, scale=1.0))
    assert found.severity == "unknown" and "unknown whether sources tell of x" in found.meaning


def test_few_pairs_decide_nothing():
    data = regression(50, test=0.1)
    both = [check(evidence(data, slope=0.0, scale=1.0)) for check in (ignored_source, ignored_noise)]
    assert [one.severity for one in both] == ["unknown", "unknown"]
    assert "too few pairs to tell (5, where 10 are needed)" in both[0].meaning


def test_a_model_that_ignores_its_noise_is_named():
    found = ignored_noise(evidence(regression(400, test=0.4), spread=0.0))
    assert found.severity == "warning" and "answers as if it had none" in found.meaning
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
