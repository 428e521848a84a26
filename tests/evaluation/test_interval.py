"""Intervals hold the truth as often as they say."""

import math

import pytest
import torch

from simulacra.evaluation.interval import Interval, crossed_mean, crossed_share, in_words, mean_of, share_of

REPEATS = 400
# 95 % within four standard deviations of a count of repetitions
FEWEST = 0.95 - 4 * math.sqrt(0.95 * 0.05 / REPEATS)


def held(intervals, truth):
    """Share of the intervals that hold the truth."""
    return sum(found.low <= truth <= found.high for found in intervals) / len(intervals)


def test_wilson_is_the_root_of_the_score_equation():
    k, n, z = 37, 53, 1.959963984540054
    found = share_of(torch.arange(n) < k)
    for p in (found.low, found.high):
        assert abs(k / n - p) == pytest.approx(z * math.sqrt(p * (1 - p) / n), rel=1e-9)
    assert found.error == pytest.approx(math.sqrt(k / n * (1 - k / n) / n))
    assert share_of(torch.ones(9, dtype=torch.bool)).low < 0.75  # none wrong of nine proves little


def test_a_mean_of_few_values_is_held_as_often_as_it_says():
    x = torch.randn(REPEATS, 4, generator=torch.Generator().manual_seed(7)) + 3
    share = held([mean_of(row) for row in x], 3.0)
    assert FEWEST < share < 0.99


@pytest.mark.parametrize(("choice", "row"), [(1.0, 0.1), (0.1, 3.0), (0.7, 4.0)])
def test_crossed_means_are_held_whichever_varies(choice, row):
    g = torch.Generator().manual_seed(11)
    found = [
        crossed_mean(
            choice * torch.randn(5, 1, generator=g)
            + row * torch.randn(1, 47, generator=g)
            + torch.randn(5, 47, generator=g)
        )
        for _ in range(REPEATS)
    ]
    assert held(found, 0.0) > FEWEST
    # too wide by what is counted twice, not by more
    true = math.sqrt(choice**2 / 5 + row**2 / 47 + 1 / (5 * 47))
    assert true < sum(f.error for f in found) / REPEATS * 1.1 < 1.4 * true


def test_one_choice_is_an_interval_over_rows():
    x = torch.randn(1, 31, generator=torch.Generator().manual_seed(2))
    assert crossed_mean(x) == mean_of(x[0]) and crossed_share(x > 0) == share_of(x[0] > 0)


def test_choices_that_agree_are_not_certain():
    alike = crossed_share(torch.zeros(5, 100, dtype=torch.bool))
    assert (alike.value, alike.low) == (0.0, 0.0) and alike.high == pytest.approx(0.037, abs=1e-3)
    assert crossed_mean(torch.ones(3, 8)).high == 1.0


def test_words():
    assert in_words(Interval(0.1234, 0.03, 0.1, 0.2), ".2f") == "0.12 (0.10 to 0.20)"
