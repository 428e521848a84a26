"""Splits: every row in exactly one, strata in equal shares, time in order, rows in the protocol."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from data_files import write_folder
from hypothesis import given
from hypothesis import strategies as st
from refusal import assert_refused
from split_sources import QUICK, SHARES, rows_of, source_of, wish_of, write_table

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.data import from_tensors, load_data
from simulacra.data.splits.cut import cut
from simulacra.data.splits.grouping import by_stratum
from simulacra.data.splits.options import SplitOptions
from simulacra.data.splits.times import by_time, read_times

# ---- every row once


@QUICK
@given(
    rows=st.integers(30, 150),
    valid=SHARES,
    test=SHARES,
    seed=st.integers(0, 99),
    options=st.fixed_dictionaries(
        {}, optional={"groups": st.just("g"), "stratify": st.sampled_from(["s", "label"])}
    ),
)
def test_every_row_is_in_one_split_and_numbers_say_which(rows, valid, test, seed, options):
    rng = np.random.default_rng(seed)
    labels = torch.from_numpy(rng.integers(0, 3, rows))
    source = source_of(rows, labels, g=np.arange(rows) % 11, s=rng.integers(0, 2, rows))
    done = cut(source, SplitOptions(valid, test, seed=seed, **options))
    found = rows_of(done)
    assert sorted(i for numbers in found.values() for i in numbers) == list(range(rows))
    for name, part in done.parts.items():
        assert part.source_rows.numbers.tolist() == found[name] == sorted(found[name])
        assert part.official == "train" and np.array_equal(part.sides["g"], np.array(found[name]) % 11)
    again = rows_of(cut(source, SplitOptions(valid, test, seed=seed, **options)))
    assert again == found


def test_splits_at_random_are_those_of_before():
    """What seed 0 has always given: scores of old runs refer to it."""
    found = rows_of(cut(source_of(21), SplitOptions(0.1, 0.2)))
    order = Rng(0, "split").permutation("rows", 21).tolist()
    assert found == {"train": sorted(order[6:]), "valid": sorted(order[:2]), "test": sorted(order[2:6])}


# ---- strata


@QUICK
@given(
    strata=st.lists(st.integers(0, 4), min_size=20, max_size=200),
    valid=SHARES,
    test=SHARES,
    seed=st.integers(0, 9),
)
def test_each_split_has_the_share_of_each_stratum_within_rounding(strata, valid, test, seed):
    _, of_row, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    wish = wish_of(len(strata), valid, test)
    pieces = by_stratum(of_row, wish, Rng(seed))
    for split in list(wish)[1:]:
        counts = np.bincount(of_row[pieces[split].numpy()], minlength=len(sizes))
        assert (np.abs(counts - sizes * wish[split] / len(strata)) < 1 + 1e-9).all()
        assert len(pieces[split]) == wish[split]


def test_digits_by_label():
    data = load_data("digits", stratify="label", validation=0.2)
    whole = torch.bincount(load_data("digits", validation=0, test=0).train.labels)
    for split, share in (("valid", 0.2), ("test", 0.1)):
        counts = torch.bincount(data[split].labels)
        assert ((counts - share * whole).abs() <= 1).all()


def test_a_column_of_many_values_is_no_stratum(tmp_path):
    path = write_table(tmp_path / "t.csv", {"x": np.arange(40) / 7, "y": np.arange(40)})
    assert_refused(path, "stratify='y'", "40 different values", stratify="y")


# ---- time


@QUICK
@given(
    times=st.lists(st.integers(0, 30), min_size=12, max_size=90).filter(lambda t: len(set(t)) >= 3),
    valid=SHARES,
    test=SHARES,
)
def test_time_orders_the_splits_and_ties_stay_together(times, valid, test):
    times = np.array(times)
    wish = wish_of(len(times), valid, test)
    pieces = by_time(times, wish, "t")
    assert list(pieces) == list(wish)
    ends = [(times[index.numpy()].min(), times[index.numpy()].max()) for index in pieces.values()]
    assert all(before[1] < after[0] for before, after in pairwise(ends))
    assert sorted(torch.cat(list(pieces.values())).tolist()) == list(range(len(times)))


def test_times_without_ties_give_the_shares_exactly():
    days = np.array([f"2024-{1 + i // 25:02d}-{1 + i % 25:02d}" for i in range(50)])[::-1]
    pieces = by_time(days, {"train": 35, "valid": 5, "test": 10}, "day")
    assert pieces["test"].tolist() == list(range(9, -1, -1)) and len(pieces["valid"]) == 5


def test_dates_with_zones_are_ordered_by_the_moment():
    times = read_times(np.array(["2024-01-01T12:00+02:00", "2024-01-01T11:00+00:00"]), "t")
    assert np.diff(times).tolist() == [3_600_000_000]


@pytest.mark.parametrize(
    "values, words",
    [
        (["2024-01-01", "soon", "2024-02-01"], ("'soon'", "row 1")),
        (["2024-01-01", "2024-02-01T00:00+01:00", "2024-01-03"], ("time zone in row 1", "row 0")),
        (["1", "2", ""], ("missing in 1 row,", "row 2")),
        (["1", "1", "2"], ("2 different times",)),
    ],
)
def test_times_that_cannot_be_used(values, words):
    with pytest.raises(ValueError) as caught:
        cut(source_of(3, t=values), SplitOptions(1, 1, time="t"))
    assert all(word in str(caught.value) for word in words) and "time='t'" in str(caught.value)


def test_a_table_by_time(tmp_path):
    year = np.random.default_rng(4).permutation(np.arange(1900, 1950))
    path = write_table(tmp_path / "t.csv", {"year": year, "x": np.sqrt(year)})
    data = load_data(path, time="year", test=10)
    assert data.preprocessing.raw.dims == 1
    assert float(data.train.x.max()) < float(data.valid.x.min()) < float(data.test.x.min())


# ---- indices in the protocol


def test_two_splits_of_the_same_values_have_different_protocols():
    """Rows that are all equal: only their numbers tell the splits apart."""
    x = torch.ones(50, 2)
    first, second = (from_tensors(x, Real((2,)), seed=seed) for seed in (0, 1))
    assert first.test.digest() == second.test.digest()
    assert first.protocol("test").digest != second.protocol("test").digest
    assert first.protocol("test") == from_tensors(x, Real((2,)), seed=0).protocol("test")


def test_indices_survive_selection_moves_and_streaming(tmp_path):
    write_folder(tmp_path, n=11)
    memory, streamed = (load_data(tmp_path, stream=stream) for stream in (False, True))
    index = torch.tensor([4, 1])
    for data in (memory, streamed):
        chosen = data.train.select(index).source_rows
        assert chosen.numbers.tolist() == data.train.source_rows.numbers[index].tolist()
        assert data.train.to("cpu").identity() == memory.train.identity()
    assert memory.protocol("test") == streamed.protocol("test")
