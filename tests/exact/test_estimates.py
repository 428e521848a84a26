"""Scores that say what they are: kinds, errors, and the rule for comparing them."""

from __future__ import annotations

import math

import pytest
import torch

from simulacra.core.scores.estimate import Estimate, Protocol, compare_estimates

BASE = torch.linspace(-3, 3, 40, dtype=torch.float64)


def estimate(kind: str, shift: float, **other) -> Estimate:
    """Values about -10 + shift whose differences wobble a little."""
    wobble = 0.01 * torch.cos(7 * BASE + shift)
    return Estimate(-10 + shift + BASE + wobble, kind, 4, "test", **other)


# (kind of the higher, kind of the lower) -> whether the higher number is the better model.
# A true value lies at an exact one, above a lower bound, below an upper bound.
DECIDED = {
    ("exact", "exact"): True,
    ("lower", "exact"): True,
    ("exact", "upper"): True,
    ("lower", "upper"): True,
    ("exact", "lower"): False,
    ("lower", "lower"): False,
    ("upper", "exact"): False,
    ("upper", "upper"): False,
    ("upper", "lower"): False,
    ("stochastic", "exact"): False,
    ("exact", "stochastic"): False,
    ("stochastic", "stochastic"): False,
    ("stochastic", "lower"): False,
}


@pytest.mark.system("I4")
@pytest.mark.parametrize("kinds", DECIDED, ids=lambda k: f"{k[0]} above {k[1]}")
def test_rule_of_comparison(kinds):
    high, low = estimate(kinds[0], 1.0), estimate(kinds[1], 0.0)
    forward, backward = compare_estimates(high, low), compare_estimates(low, high)
    expected = ("first", "second") if DECIDED[kinds] else ("undecided", "undecided")
    assert (forward.better, backward.better) == expected
    assert forward.difference == pytest.approx(-backward.difference, abs=1e-12)
    assert forward.difference == pytest.approx(1.0, abs=0.02)


@pytest.mark.system("I4")
def test_differences_are_paired_and_small_ones_are_undecided():
    high, low = estimate("exact", 0.05), estimate("exact", 0.0)
    paired = high.values - low.values
    verdict = compare_estimates(high, low)
    assert verdict.difference == pytest.approx(paired.mean().item(), rel=1e-12)
    assert verdict.error == pytest.approx(paired.std(unbiased=True).item() / math.sqrt(40), rel=1e-12)
    # 0.05 is far below the spread over examples, yet each example says the same
    assert verdict.better == "first" and high.error > 0.2
    g = torch.Generator().manual_seed(0)
    noise = torch.randn(40, generator=g, dtype=torch.float64)
    noise = 0.1 + (noise - noise.mean()) / noise.std()
    vague = Estimate(low.values + noise, "exact", 4, "test")
    assert abs(0.1) < 2 / math.sqrt(40) and compare_estimates(vague, low).better == "undecided"
    assert compare_estimates(low, low).better == "undecided"
    one = Estimate(low.values[:1], "exact", 4, "test"), Estimate(high.values[:1], "exact", 4, "test")
    assert compare_estimates(*one).better == "undecided"


@pytest.mark.system("I4")
@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_values_that_are_not_numbers_never_decide(bad):
    good, broken = estimate("exact", 0.0), estimate("exact", 1.0)
    broken.values[3] = bad
    both = estimate("exact", 0.5)
    both.values[3] = bad
    for a, b in ((broken, both), (both, broken)):
        assert compare_estimates(a, b).better == "undecided"
    if math.isnan(bad):
        assert compare_estimates(broken, good).better == "undecided"
        assert compare_estimates(good, broken).better == "undecided"
    else:
        # an exact probability of zero loses against any finite exact value
        assert compare_estimates(broken, good).better == "second"
        assert compare_estimates(good, broken).better == "first"


@pytest.mark.system("I4")
def test_an_estimate_prints_its_kind_error_and_bits():
    for kind, sign in (("exact", "="), ("lower", ">="), ("upper", "<="), ("stochastic", "~")):
        e = Estimate(torch.tensor([-4.0, -8.0]), kind, 3, "how")
        # standard error 2; 6 / (3 log 2) bits
        assert str(e) == f"log p(x) {sign} -6.00 +- 2.00 nats (2.89 bits/dim; how)"
        assert e.error == pytest.approx(2) and e.mean == -6
        assert e.bits_per_dim == pytest.approx(6 / (3 * math.log(2)), rel=1e-12)
    assert "+-" not in str(Estimate(torch.tensor([-4.0]), "exact", 3, "how"))
    assert e.summary()["kind"] == "stochastic" and e.summary()["mean_nats"] == -6


@pytest.mark.system("I6", "I5", "I4")
def test_different_protocols_are_refused_by_name():
    same = {"data": "abc", "name": "mnist", "split": "test", "space": "Binary", "preprocessing": "raw"}
    a = estimate("exact", 1.0, protocol=Protocol(**same))
    assert compare_estimates(a, estimate("exact", 0.0, protocol=Protocol(**same))).better == "first"
    changes = {
        "data": "abd",
        "split": "valid",
        "space": "Real",
        "preprocessing": "dynamic binarization",
    }
    for field, value in changes.items():
        other = Protocol(**{**same, field: value})
        assert other.digest != a.protocol.digest
        with pytest.raises(ValueError, match=field):
            compare_estimates(a, estimate("exact", 0.0, protocol=other))
    # the digest says that the data are the same, whatever they are called
    renamed = Protocol(**{**same, "name": "digits"})
    assert renamed == a.protocol and renamed.digest == a.protocol.digest
    with pytest.raises(ValueError, match="examples"):
        compare_estimates(a, Estimate(a.values[:-1], "exact", 4, "test"))
    with pytest.raises(ValueError, match="entries"):
        compare_estimates(a, Estimate(a.values, "exact", 5, "test"))
