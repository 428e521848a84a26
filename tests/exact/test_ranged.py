"""Spaces in the range that the data use: likelihoods stay on x, and features are monotone and undone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simulacra.core.distributions.elementary import DiscretizedLogistic
from simulacra.core.distributions.heads import likelihood_head
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.composite import Sequence, Table, space_from
from simulacra.core.spaces.own_range import in_own_range
from simulacra.core.spaces.plain import Count, Levels, Positive

PLACES = [(0.0, 1.0), (3.2, 0.4), (250.0, 700.0), (1000.0, 2.5)]


@pytest.mark.fault("e2")
@pytest.mark.parametrize("name", ["logistic", "logistic-mixture"])
@pytest.mark.parametrize("centre, spread", PLACES)
def test_a_head_in_any_range_sums_to_one_over_all_levels(float64, name, centre, spread):
    space = Levels((1,), 1100, centre=centre, spread=spread)
    head = likelihood_head(space, name)
    p = head.build(4 * Rng(0, "p", rows=range(20)).normal("p", *head.output, dtype=torch.float64))
    x = torch.arange(1100.0).view(-1, 1, 1)
    total = torch.stack([p.log_prob(level.expand(20, 1)) for level in x]).logsumexp(0)
    assert torch.allclose(total, torch.zeros(20), atol=1e-9)


@pytest.mark.fault("e2")
@pytest.mark.parametrize("centre, spread", PLACES)
def test_the_mean_in_a_range_is_the_sum_over_levels(float64, centre, spread):
    loc, log_scale = torch.meshgrid(
        torch.tensor([-2.0, 0.0, 0.3, 4.0]), torch.tensor([-6.0, -2.0, 1.0]), indexing="ij"
    )
    p = DiscretizedLogistic(loc, log_scale, 1100, 0, centre, spread)
    levels = torch.arange(1100.0).view(-1, 1, 1)
    mean = (levels * p.entries(levels.expand(-1, 4, 3)).exp()).sum(0)
    assert (p.mean - mean).abs().max() < 0.5
    # levels around a narrow range are added one by one
    if 10 * spread + 2 < 1024:
        inside = (loc.abs() < 1) & (log_scale < 0)
        assert torch.allclose(p.mean[inside], mean[inside], atol=1e-2)


def test_all_levels_as_range_are_the_nominal_head_bit_for_bit():
    loc, log_scale, x = torch.randn(7, 3), torch.randn(7, 3), torch.randint(0, 256, (7, 3))
    nominal, whole = (DiscretizedLogistic(loc, log_scale, 256, 1, *place) for place in ((), (0, 255)))
    assert torch.equal(nominal.entries(x), whole.entries(x)) and torch.equal(
        nominal._bin(loc.sigmoid()), whole._bin(loc.sigmoid())
    )


@pytest.mark.property
@given(
    st.integers(2, 2**16),
    st.floats(-1e5, 1e5),
    st.floats(0.1, 1e5),
    st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=20),
)
def test_features_of_levels_hold_what_was_written(levels, centre, spread, values):
    space = Levels((), levels, centre=centre, spread=spread)
    x = torch.tensor(sorted({v % levels for v in values}))
    f = space.features(x, torch.float64)
    assert (f.diff() > 0).all() and f.abs().max() < 20
    assert torch.equal(space.from_features(f).round().long(), x)


@pytest.mark.property
@given(st.lists(st.integers(0, 2**16 - 1), min_size=2, max_size=60), st.sampled_from([2**12, 2**16, 2**20]))
def test_features_of_any_levels_are_of_the_size_of_one(values, levels):
    x = torch.tensor(values).clamp_max(levels - 1)
    f = in_own_range(Levels((), levels), x).features(x, torch.float64)
    centred = f.sort().values[max(1, len(f) // 50) : -max(1, len(f) // 50)]
    assert f.abs().max() < 20
    assert not len(centred) or centred.abs().median() <= 3


FAR = {
    "dark pixels": (Levels((), 2**16), lambda u, e: (600 + 6000 * u).round()),
    "dull bytes": (Levels((), 256), lambda u, e: (100 + 20 * u).round()),
    "years": (Count(), lambda u, e: 2011 + e.round()),
    "salaries": (Count(), lambda u, e: (1e5 + 1e6 * u).round()),
    "concentrations": (Positive(), lambda u, e: 1e6 * e.exp()),
    "ratios near one": (Positive(), lambda u, e: 1 + u / 1000),
}


@pytest.mark.fault("e2")
@pytest.mark.parametrize("name", FAR)
def test_features_far_from_the_nominal_range_are_scaled(float64, name):
    space, make = FAR[name]
    rng = Rng(0, "far", rows=range(999))
    x = make(rng.uniform("u", dtype=torch.float64), rng.normal("e", dtype=torch.float64))
    own = in_own_range(space, x)
    f = own.features(x)
    assert own.ranged and own == space and f.quantile(0.01) > -3 and f.quantile(0.99) < 3 and f.std() > 0.3
    assert torch.allclose(own.from_features(f), x, rtol=1e-9)
    assert space_from(own.spec()).place == own.place and "centre" not in space.spec()


@pytest.mark.fault("e2")
@pytest.mark.parametrize("name", FAR)
def test_steps_of_sequences_and_columns_of_tables_are_scaled_likewise(float64, name):
    space, make = FAR[name]
    rng = Rng(0, "far", rows=range(999))
    x = make(rng.uniform("u", dtype=torch.float64), rng.normal("e", dtype=torch.float64))
    place = in_own_range(space, x).place
    steps = Sequence((9,), of=replace(space, shape=(1,)))
    assert in_own_range(steps, x.view(111, 9, 1)).of.place == pytest.approx(place)
    # what is padding or missing does not count
    known = torch.arange(999).view(111, 9, 1) < 900
    there = in_own_range(steps, torch.where(known, x.view(111, 9, 1), 0 * x[0] + 1), known)
    assert there.of.place == in_own_range(space, x[:900]).place
    table = in_own_range(Table(a=space, b=Levels((), 17)), torch.stack([x, torch.arange(999.0) % 17], 1))
    assert table.fields[0][1].place == pytest.approx(place) and not table.fields[1][1].ranged


@pytest.mark.fault("e2")
def test_a_hot_pixel_does_not_move_the_range():
    x = 600 + torch.rand(9999).mul(6000).round()
    clean = in_own_range(Levels((), 2**16), x).place
    hot = in_own_range(Levels((), 2**16), torch.cat([x, torch.tensor([65535.0, 0.0])])).place
    assert hot == pytest.approx(clean, rel=0.01)
    assert Levels((), 2**16, centre=clean[0], spread=clean[1]).features(torch.tensor([65535])).item() < 10


@pytest.mark.parametrize("name, x", [("poisson", 2011.0), ("negative-binomial", 1e9)])
def test_heads_of_counts_begin_where_the_counts_are(name, x):
    space = in_own_range(Count((1,)), x * (1 + torch.rand(200, 1) / 100))
    head = likelihood_head(space, name)
    assert head.build(torch.zeros(1, *head.output)).mean.item() == pytest.approx(x, rel=0.02)


def test_ranges_that_are_none_are_refused():
    for place in ({"centre": 1.0}, {"centre": 0.0, "spread": 0.0}, {"centre": float("nan"), "spread": 1.0}):
        with pytest.raises(ValueError, match=r"finite centre and a spread above 0|centre is nan, but"):
            Levels((2,), 16, **place)
