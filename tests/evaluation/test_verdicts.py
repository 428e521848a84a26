"""Rates of false verdicts between equal models, simulated: few rows, and many models in one table."""

import itertools

import pytest
import torch
from scipy.stats import binom

from simulacra.core.scores.chance import LEVEL
from simulacra.core.scores.estimate import Estimate, compare_estimates
from simulacra.evaluation.compare.comparison import compare
from simulacra.evaluation.compare.score_tables import Cell, Column, Scores, ScoreTable

SURPRISE = 1e-3  # of each rate, under the rate that is promised


def score(rows, g, mean=-20.0):
    return Estimate(mean + torch.randn(rows, generator=g, dtype=torch.float64), "exact", 1, "exact")


def allowed(trials):
    """Decided pairs that chance makes of so many trials, set before the simulation."""
    return int(binom.isf(SURPRISE, trials, LEVEL))


@pytest.mark.fault("scores 2.8")
@pytest.mark.parametrize("rows", [3, 5, 10, 1000])
def test_equal_models_are_rarely_told_apart_at_any_number_of_rows(rows):
    # of ten rows the rate was only 7 %: enough trials to see that
    trials, g = {10: 1500}.get(rows, 400), torch.Generator().manual_seed(rows)
    verdicts = [compare_estimates(score(rows, g), score(rows, g)).better for _ in range(trials)]
    assert trials - verdicts.count("undecided") <= allowed(trials)


@pytest.mark.fault("scores 2.8")
@pytest.mark.parametrize("rows", [3, 10, 30])
def test_equal_models_of_skewed_differences_are_rarely_told_apart(rows):
    """Differences of an exponential law less its mean: the t test at 5 % decides a tenth of such pairs."""
    trials, g = 400, torch.Generator().manual_seed(rows)
    skewed = lambda: Estimate(-torch.rand(rows, generator=g).double().log() - 1, "exact", 1, "exact")
    zero = Estimate(torch.zeros(rows), "exact", 1, "exact")
    decided = trials - [compare_estimates(skewed(), zero).better for _ in range(trials)].count("undecided")
    assert decided <= int(binom.isf(SURPRISE, trials, 0.06))


@pytest.mark.fault("scores 2.8")
def test_nine_equal_models_are_rarely_told_apart_in_a_table():
    g, wrong = torch.Generator().manual_seed(9), 0
    for _ in range(60):
        found = compare({f"m{i}": score(300, g) for i in range(9)})
        wrong += any(verdict.better != "undecided" for verdict in found.verdicts.values())
    assert wrong <= allowed(60)
    assert "for all 36 pairs together" in str(found) and "36 pairs" in " ".join(found.ranking.notes)


@pytest.mark.fault("scores 2.8")
def test_nine_equal_scores_of_samples_are_rarely_told_apart_in_a_table():
    g, wrong, names = torch.Generator().manual_seed(10), 0, [f"m{i}" for i in range(9)]
    for _ in range(60):
        values = torch.randn(9, generator=g).tolist()
        columns = (Column("distance", "lower"),)
        table = ScoreTable({n: Scores("s", {}, columns, (Cell(v, 1.0),)) for n, v in zip(names, values)})
        wrong += any(table.better(a, b) is not None for a, b in itertools.combinations(names, 2))
    assert wrong <= allowed(60)
    assert "for all 36 pairs together" in table.sentences[-1]


def test_two_models_of_many_rows_are_decided_beyond_2_5_standard_errors():
    values = torch.cat([torch.ones(5000), -torch.ones(5000)]).double()
    zero = Estimate(torch.zeros(10_000), "exact", 1, "exact")
    for errors, expected in ((2.49, "undecided"), (2.51, "first")):
        shifted = Estimate(values + errors * float(values.std()) / 100, "exact", 1, "exact")
        assert compare_estimates(shifted, zero).better == expected


@pytest.mark.parametrize(("rows", "spread"), [(4, 10), (40, 1)])
def test_the_order_of_a_table_is_transitive(rows, spread):
    g, chained = torch.Generator().manual_seed(4), 0
    for _ in range(40):
        means = (spread * torch.randn(6, generator=g)).tolist()
        found = compare({f"m{i}": score(rows, g, mean) for i, mean in enumerate(means)})
        for a, b, c in itertools.permutations(found.estimates, 3):
            if found.better(a, b) and found.better(b, c):
                chained += 1
                assert found.better(a, c)
    assert chained > 10


def test_pairs_that_no_difference_could_decide_are_not_counted():
    g = torch.Generator().manual_seed(0)
    bounds = {f"b{i}": Estimate(torch.randn(50, generator=g), "lower", 1, "ELBO") for i in range(4)}
    found = compare(sure=score(50, g), **bounds)
    assert found.ranking.decidable == 4 and "all 4 pairs" in str(found)
    doubted = Estimate(torch.randn(50, generator=g), "exact", 1, "exact", {"doubts": ["it is new"]})
    assert compare(a=score(50, g), b=score(50, g), c=doubted).ranking.decidable == 1


def test_an_undecided_verdict_says_which_limit_it_is_within():
    low, high = (
        Estimate(torch.tensor(v), "exact", 1, "exact") for v in ([-0.5, -0.5, -0.5], [0.0, 1.0, 2.0])
    )
    found = compare_estimates(high, low)
    # 1.5 +- 0.58 nats: beyond 2.5 errors, but not beyond Student's t of two degrees of freedom
    assert found.better == "undecided" and found.reason.endswith("chance by Student's t for 3 rows")
    assert found.chance == pytest.approx(0.1215, abs=1e-3)
