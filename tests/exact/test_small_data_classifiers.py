"""Naive Bayes and logistic regression by the number of labels: closed forms, and where they cross."""

from __future__ import annotations

import numpy as np
import pytest
from recipe_files import recipe

pytestmark = pytest.mark.system("I15")
SIZES, DRAWS = (20, 100, 2000), 5


@pytest.fixture(scope="module")
def classifiers():
    """The recipe that prints the tables."""
    return recipe("small_data_classifiers")


def test_errors_of_lines_in_closed_form(classifiers):
    # by hand: independent entries of unit variance, so Phi(-|m|); and counted on rows
    task = classifiers.gaussians(0.0, test=40_000)
    generator = np.random.default_rng(77)
    x, y = task.draw(200_000, generator)
    m = x[y == 1].mean(0)
    assert task.bayes == pytest.approx(task.naive, abs=1e-15)
    correlated = classifiers.gaussians(0.1)
    x, y = correlated.draw(200_000, generator)
    S = np.cov(x[y == 1].T)
    for w, expected in ((np.linalg.solve(S, m), correlated.bayes), (m, correlated.naive)):
        wrong = float(np.mean((x @ w > 0) != y))
        assert abs(wrong - expected) < 0.003
    assert correlated.naive > correlated.bayes + 0.04


def test_where_the_assumption_holds_the_generative_one_wins_early_and_both_end_at_bayes(classifiers):
    task = classifiers.gaussians(0.0)
    found = classifiers.errors(task, SIZES, DRAWS)
    naive, logistic = found.mean(0).T
    assert logistic[1] > naive[1] + 0.03
    assert all(task.bayes - 0.006 < end < task.bayes + 0.015 for end in (naive[-1], logistic[-1]))
    # with 100 rows the generative one is nearer to the least error in every draw
    assert bool((found[:, 1, 0] < found[:, 1, 1]).all())


def test_where_it_fails_the_curves_cross(classifiers):
    task = classifiers.gaussians(0.1)
    found = classifiers.errors(task, SIZES, DRAWS)
    assert bool((found[:, 1, 0] < found[:, 1, 1]).all()), "few rows: the generative one wins in every draw"
    assert bool((found[:, 2, 0] > found[:, 2, 1]).all()), "many rows: it loses in every draw"
    naive, logistic = found.mean(0).T
    assert abs(naive[-1] - task.naive) < 0.012 and abs(logistic[-1] - task.bayes) < 0.018


def test_shared_variances_make_the_boundary_a_line(classifiers):
    x, y = classifiers.gaussians(0.1).draw(60, np.random.default_rng(5))
    fitted = classifiers.naive_bayes(x, y)
    scores = lambda rows: np.subtract(*fitted.predict_joint_log_proba(rows).T)
    step = np.random.default_rng(6).standard_normal((9, x.shape[1]))
    curved = scores(x[:9] + step) - 2 * scores(x[:9]) + scores(x[:9] - step)
    assert np.abs(curved).max() < 1e-9
    pooled = np.mean([x[y == k].var(0) for k in (0, 1)], 0)
    assert np.allclose(fitted.var_, pooled + fitted.epsilon_, rtol=1e-12)
