"""Measures of tables against closed forms and against small programs that share nothing with them."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch

from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.plain import Binary, Count, Real
from simulacra.evaluation.tables.columns import completer_of, decimals, from_frame, table_from, table_of
from simulacra.evaluation.tables.detection import detection
from simulacra.evaluation.tables.fidelity import (
    column_fidelity,
    ks,
    lost_classes,
    pair_errors,
    total_variation,
)
from simulacra.evaluation.tables.form import form
from simulacra.evaluation.tables.imputation import hidden, imputation
from simulacra.evaluation.tables.usefulness import Target, usefulness
from simulacra.tables.associations import associations, cramers_v

NAN = float("nan")


def rng():
    """The same random numbers for every test."""
    return np.random.default_rng(0)


def normal_pair(n, correlation, r):
    """Two columns of a normal law with that correlation, with three decimals."""
    a = r.normal(size=n)
    b = correlation * a + np.sqrt(1 - correlation**2) * r.normal(size=n)
    return a.round(3), b.round(3)


def test_the_distance_of_two_shifted_sets_is_the_shift():
    x = np.arange(50.0)
    assert ks(x, x + 7) == pytest.approx(7 / 50)
    assert ks(x, x + 100) == 1 and ks(x, x) == 0
    assert ks(np.append(x, NAN), x + 7) == pytest.approx(7 / 50)


def test_the_distance_of_two_sets_is_that_of_scipy():
    a, b = rng().normal(size=53), rng().gamma(2, size=31)
    assert ks(a, b) == pytest.approx(scipy.stats.ks_2samp(a, b).statistic)


def test_classes_differ_by_half_of_the_sum_of_their_shares():
    a, b = np.array([0, 0, 1, 2, -1]), np.array([0, 1, 1, 3])
    # shares 2/4 1/4 1/4 0 against 1/4 2/4 0 1/4
    assert total_variation(a, b) == pytest.approx((0.25 + 0.25 + 0.25 + 0.25) / 2)


def test_cramers_v_by_hand():
    # 2 x 2 with counts 30 10 / 20 40: chi^2 = n (ad - bc)^2 / (products of the margins)
    counts = [(0, 0, 30), (0, 1, 10), (1, 0, 20), (1, 1, 40)]
    a, b = (np.concatenate([np.full(n, row[side]) for *row, n in counts]) for side in (0, 1))
    chi2 = 100 * (30 * 40 - 10 * 20) ** 2 / (40 * 60 * 50 * 50)
    assert cramers_v(a, b) == pytest.approx(np.sqrt(chi2 / 100))
    assert cramers_v(a, np.zeros(100, int)) == 0


def test_associations_are_those_of_scipy_and_of_a_loop():
    r = rng()
    a, b = normal_pair(200, 0.6, r)
    group = (a > 0).astype(int) + (r.random(200) < 0.3)
    found = associations(table_from({"a": a, "b": b}, {"g": group}))
    assert found["a", "b"] == pytest.approx(scipy.stats.spearmanr(a, b).statistic)
    ranks = scipy.stats.rankdata(a)
    means = {k: ranks[group == k].mean() for k in set(group)}
    between = sum((means[k] - ranks.mean()) ** 2 for k in group)
    assert found["a", "g"] == pytest.approx(np.sqrt(between / ((ranks - ranks.mean()) ** 2).sum()))


def test_a_pair_is_judged_on_the_rows_where_both_cells_are_known():
    a, b = normal_pair(100, 0.5, rng())
    group = (a > 0.2).astype(int)
    gone = np.arange(100) % 4 == 0
    holed = table_from({"a": a, "b": np.where(gone, NAN, b)}, {"g": np.where(np.arange(100) < 20, -1, group)})
    found = associations(holed)
    assert found["a", "b"] == pytest.approx(scipy.stats.spearmanr(a[~gone], b[~gone]).statistic)
    whole = associations(table_from({"a": a[20:], "b": b[20:]}, {"g": group[20:]}))
    assert found["a", "g"] == pytest.approx(whole["a", "g"])


def test_columns_that_never_change_and_empty_ones_have_no_association():
    table = table_from({"a": np.ones(20), "b": np.arange(20.0), "e": np.full(20, NAN)}, {"g": np.zeros(20)})
    assert set(associations(table).values()) == {0.0}
    assert np.isnan(column_fidelity(table, table)["e"])
    assert column_fidelity(table, table)["a"] == 1


def test_pairs_of_independent_columns_lose_their_association():
    r = rng()
    a, b = normal_pair(400, 0.9, r)
    real, drawn = table_from({"a": a, "b": b}), table_from({"a": a, "b": r.permutation(b)})
    lost = abs(scipy.stats.spearmanr(a, b).statistic - scipy.stats.spearmanr(a, drawn.numbers["b"]).statistic)
    assert pair_errors(real, drawn)["a", "b"] == pytest.approx(lost)
    assert lost > 0.7


def test_drawn_numbers_are_rounded_before_they_are_ranked():
    real = table_from({"a": [1.0, 1.0, 2.0, 2.0], "b": [1.0, 1.0, 2.0, 2.0]})
    drawn = table_from({"a": [1.1, 0.9, 2.1, 1.9], "b": [0.9, 1.1, 1.9, 2.1]})
    assert pair_errors(real, drawn)["a", "b"] == pytest.approx(0)


def test_a_lost_class_has_the_probability_of_that_by_chance():
    real = table_from({}, {"g": [0] * 90 + [1] * 6 + [2] * 4}, {"g": ("a", "b", "c")})
    drawn = table_from({}, {"g": [0] * 50}, {"g": ("a", "b", "c")})
    first, second = lost_classes(real, drawn)
    assert (first.level, first.share, first.drawn) == ("b", 0.06, 50)
    assert first.chance == pytest.approx(0.94**50) and second.level == "c"
    assert not lost_classes(real, drawn, share=0.1)


def test_rows_of_one_law_cannot_be_told_apart_and_others_can():
    r = rng()
    make = lambda shift: table_from({"x": r.normal(size=400) + shift}, {"g": r.integers(0, 3, 400)})
    real = make(0)
    assert detection(real, make(0)).auc == pytest.approx(0.5, abs=0.06)
    assert detection(real, make(9)).auc > 0.99
    assert detection(real, make(9), most=50).rows == 50


def test_digits_alone_do_not_give_drawn_rows_away():
    r = rng()
    real = table_from({"x": r.integers(0, 1000, 400)})
    drawn = table_from({"x": r.integers(0, 1000, 400) + 0.3})
    assert detection(real, drawn).auc == pytest.approx(0.5, abs=0.06)


def test_samples_of_the_same_law_are_as_useful_as_training_rows():
    r = rng()
    make = lambda corr: (lambda p: table_from({"a": p[0], "b": p[1]}, {"g": p[0] > 0}))(
        normal_pair(500, corr, r)
    )
    train, held_out = make(0.9), make(0.9)
    found = usefulness(train, make(0.9), held_out)
    assert [t.score for t in found.targets] == ["R2", "R2", "AUC"]
    assert abs(found.loss) < 0.1
    assert usefulness(train, make(0.0), held_out, "b").targets[0].loss > 0.4


def test_a_target_of_one_class_in_the_samples_is_a_guess():
    r = rng()
    a = r.normal(size=200)
    train = table_from({"a": a}, {"g": a > 0})
    drawn = table_from({"a": a}, {"g": np.zeros(200)}, {"g": ("0", "1")})
    assert usefulness(train, drawn, train, "g").targets[0].drawn == 0.5


def test_form_counts_cells_columns_and_rows():
    train = table_from({"a": [1.0, 2.0, 3.0], "b": [0.5, 0.5, 1.5]}, {"g": [0, 1, 1]}, {"g": ("x", "y")})
    drawn = table_from({"a": [1.0, 4.0], "b": [0.5, 0.25]}, {"g": [0, 1]}, {"g": ("x", "y")})
    found = form(train, drawn)
    assert found.outside == pytest.approx((0.5 + 0.5) / 2)
    assert found.decimals == 0.5 and found.finer == ("b",)
    assert found.copies == 0.5 and found.beyond == {"a": 0.5, "b": 0.5}


def test_the_column_mean_has_an_error_of_one_deviation():
    r = rng()
    a, b = normal_pair(4000, 0.8, r)
    train, held_out = table_from({"a": a[:2000], "b": b[:2000]}), table_from({"a": a[2000:], "b": b[2000:]})
    found = imputation(train, held_out)
    assert found.mean == pytest.approx(1, abs=0.08)
    # the regression of a on b leaves sqrt(1 - 0.8^2)
    assert found.iterative == pytest.approx(0.6, abs=0.08)


def test_a_completer_never_sees_what_is_hidden_and_is_averaged():
    r = rng()
    a, b = normal_pair(300, 0.8, r)
    table = table_from({"a": a, "b": b, "c": r.normal(size=300)}, {"g": a > 0})
    seeds = []

    def completer(x, known, seed):
        assert np.isnan(x[~known]).all() and not np.isnan(x[known]).any()
        seeds.append(seed)
        return np.where(known, x, seed % 2)

    found = imputation(table, table, completer)
    rows, hole = hidden(table, 0)
    x, s = rows.matrix()[:, :3], np.array([a.std(ddof=1), b.std(ddof=1), table.numbers["c"].std(ddof=1)])
    # the classes are called 0 and 1, and so are numbers too
    x, s = np.c_[x, rows.classes["g"]], np.append(s, table.classes["g"].std(ddof=1))
    assert seeds == [0, 1, 2, 3, 4]
    assert found.model == pytest.approx(np.sqrt((((0.4 - x) / s)[hole] ** 2).mean()))


def test_measures_that_cannot_be_taken_say_why():
    one = table_from({"a": np.arange(50.0)})
    with pytest.raises(ValueError, match="only one column"):
        usefulness(one, one, one)
    with pytest.raises(ValueError, match="only one column"):
        imputation(one, one)
    with pytest.raises(ValueError, match="folds"):
        detection(one, one.rows(np.arange(3)))
    words = table_from({}, {"g": [0, 1] * 20, "h": [1, 0] * 20}, {"g": ("x", "y"), "h": ("x", "y")})
    with pytest.raises(ValueError, match="no column of numbers"):
        imputation(words, words)


def test_a_table_of_fields_holds_raw_values_and_names_of_classes():
    space = Table(
        height=Real(), visits=Count(), sex=Categorical((), 2, ("f", "m")), smokes=Binary(),
        grade=Ordinal((), 3, ("3", "5", "7"), (3.0, 5.0, 7.0)), place=Real((2,)),
    )  # fmt: skip
    x = torch.tensor([[1.7, 3, 1, 0, 7, 0.5, 0.25], [1.65, 4, 0, 1, 3, 0.5, 2.0]])
    known = torch.ones_like(x, dtype=torch.bool)
    known[0, 0] = known[1, 4] = False
    table = table_of(space, x, known)
    assert table.names == ("height", "visits", "sex", "smokes", "grade", "place[1]", "place[2]")
    assert np.isnan(table.numbers["height"][0]) and table.numbers["height"][1] == 1.65
    assert table.decimals["height"] == 2 and table.decimals["visits"] == 0
    assert table.texts("grade") == ["7", ""] and table.texts("sex") == ["m", "f"]
    assert list(table.numeric()) == ["height", "visits", "smokes", "grade", "place[1]", "place[2]"]
    raw = {}

    def complete(rows, known, seed):
        raw["x"] = rows
        return torch.nan_to_num(rows, nan=3.0)

    filled = completer_of(space, complete)(table.matrix(), known.numpy(), 0)
    assert raw["x"][0, 4] == 7 and torch.isnan(raw["x"][1, 4])
    assert filled[:, 4].tolist() == [2, 0] and filled[0, 0] == 3


def test_a_data_frame_and_the_fields_of_its_columns_are_one_table():
    frame = pd.DataFrame({"a": [1.5, None, 2.0], "g": ["x", "y", None], "k": [5, 20, 5]})
    table = from_frame(frame, ["k"])
    assert table.levels == {"g": ("x", "y"), "k": ("20", "5")}
    assert table.classes["g"].tolist() == [0, 1, -1] and table.decimals == {"a": 1}
    other = from_frame(pd.DataFrame({"k": [5, 7], "g": ["y", "z"], "a": [1, 2]}), like=table)
    assert other.names == table.names and other.levels["g"] == ("x", "y", "z")
    assert other.texts("k") == ["5", "7"]


def test_decimals_of_what_is_written():
    assert decimals(np.array([0.1, 0.25, NAN])) == 2
    assert decimals(np.array([1e9 + 0.1])) == 1
    assert decimals(np.array([NAN])) == 0
    assert decimals(np.array([np.pi])) == 8


@pytest.mark.fault("outside 2.13")
def test_a_target_that_nobody_can_predict_loses_nothing():
    assert Target("noise", "R2", 0.1, -0.7).loss == -0.1 and Target("noise", "R2", -2.0, -0.7).loss == 0.0
    assert Target("b", "R2", -0.3, 0.5).loss == 0.5
    assert Target("class", "AUC", 0.4, 0.3).loss == pytest.approx(-0.1)
