"""Numbers of tables from load to draw: their kinds, and draws that are numbers as they are written."""

from __future__ import annotations

import numpy as np
import pytest
import scipy
import torch

import simulacra
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.numeric import Numeric
from simulacra.core.spaces.plain import Binary
from simulacra.data import load_data
from simulacra.data.tables.column import Column
from simulacra.data.tables.kinds import decimals_of, infer
from simulacra.models.autoencoders.gaussian_copula import GaussianCopula
from simulacra.models.autoregressive.tables.tabular import Tabular
from simulacra.models.variational.vae import VAE

TABLE = {
    "tabular": lambda space: Tabular(space, hidden=(16,)),
    "gaussian-copula": GaussianCopula,
    "vae": lambda space: VAE(space, latent=2, hidden=(16,)),
}
MODELS = pytest.mark.parametrize("name", TABLE)


def trained(name: str, data, tmp_path, **options):
    """A model after a few passes; the copula in closed form."""
    settings = {"epochs": 3, "validate": False, "progress": False, **options}
    return simulacra.fit(TABLE[name](data.space), data, out=tmp_path / "run", **settings).model


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1], Binary),
        ([0, 2], Ordinal),
        ([0.5, 1.0, 1.5], Ordinal),
        (list(range(1, 11)), Ordinal),
        (list(range(1, 12)), Numeric),
        (list(range(2000, 2021)), Numeric),
        ([-1.25, 0.5], Ordinal),
        (["a", "b"], Categorical),
        (["02139", "10001"], Categorical),
    ],
    ids=str,
)
def test_at_most_ten_numbers_that_recur_are_grades_whole_or_not(values, kind):
    assert type(infer(Column("x", values * 20, "t.csv"))) is kind


def test_ten_numbers_must_recur_to_be_grades():
    values = [1.5, 2.5, 4.0, 8.0]
    assert type(infer(Column("x", values, "t.csv"))) is Numeric
    assert type(infer(Column("x", values * 2, "t.csv"))) is Ordinal


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        ([1.0, 2.0], 0),
        ([-300.0, 20.0], 0),
        ([0.1, 0.25], 2),
        ([1e-8, 2.0], 8),
        ([1e-9], None),
        ([1 / 3], None),
        ([0.1 + 0.2, 0.7], 1),
        ([1234567.89, 0.01], 2),
        ([1.7e9, 1.7e9 + 0.5], 1),
        ([], 0),
    ],
    ids=str,
)
def test_decimals_are_the_fewest_that_hold_all_numbers(values, decimals):
    assert decimals_of(np.array(values, dtype=float)) == decimals


@MODELS
def test_grades_that_are_no_whole_numbers_come_back_as_written(name, tmp_path):
    rng = np.random.default_rng(1)
    dose = rng.choice([0.5, 1.0, 1.5], 200, p=[0.2, 0.5, 0.3])
    data = load_data({"dose": dose.tolist(), "y": (dose + rng.normal(size=200)).tolist()}, test=0)
    assert type(data.preprocessing.raw.fields[0][1]) is Ordinal
    model = trained(name, data, tmp_path)
    x = model.sample(300, seed=1)
    assert set(x[:, 0].tolist()) == {0.5, 1.0, 1.5}
    assert list(model.to_dataframe(x)["dose"].astype(float).unique()) != []
    done = model.complete({"dose": [None, 1.5], "y": [0.3, None]})
    assert done[0, 0].item() in (0.5, 1.0, 1.5) and done[1, 0] == 1.5


@MODELS
def test_years_stay_within_those_of_the_rows_and_whole(name, tmp_path):
    rng = np.random.default_rng(2)
    year = rng.integers(2000, 2021, 400)
    data = load_data({"year": year.tolist(), "y": rng.normal(size=400).tolist()}, test=0, validation=0)
    assert data.preprocessing.raw.fields[0][1] == Numeric((), 0)
    model = trained(name, data, tmp_path)
    x = model.sample(1000, seed=1)[:, 0].double()
    assert torch.equal(x, x.round()) and x.min() >= 2000 and x.max() <= 2020
    assert len(x.unique()) > 15


@MODELS
def test_rain_keeps_its_zeros_its_decimals_and_falls_no_lower(name, tmp_path):
    rng = np.random.default_rng(3)
    n, m = 600, 3000
    rain = np.where(rng.random(n) < 0.6, 0.0, rng.gamma(0.7, 8, n).round(2) + 0.01).round(2)
    data = load_data({"rain": rain.tolist(), "wind": rng.gamma(2, 3, n).tolist()}, test=0, validation=0)
    share = float((rain == 0).mean())
    model = trained(name, data, tmp_path)
    x = model.sample(m, seed=1)[:, 0].double().numpy()
    assert (x >= 0).all() and (abs(x * 100 - (x * 100).round()) < 1e-6).all()
    assert set(x.round(2)) <= set(rain)
    # the net's few steps leave it near the marginal with which it begins, the copula at it
    allowed = 4 * (share * (1 - share) / m) ** 0.5 + (0 if name == "gaussian-copula" else 0.03)
    assert abs((x == 0).mean() - share) < allowed


@pytest.mark.slow
@pytest.mark.system("H6", "D2")
@pytest.mark.parametrize("name", ["tabular", "gaussian-copula"])
def test_a_correlation_of_eight_tenths_is_drawn_as_such(name, tmp_path):
    rng = np.random.default_rng(4)
    z = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 2000)
    data = load_data({"a": (170 + 9 * z[:, 0]).round(1).tolist(), "b": np.exp(z[:, 1]).tolist()}, test=0)
    model = trained(name, data, tmp_path, epochs=25, lr=3e-3, schedule="cosine")
    x = model.sample(4000, seed=1).numpy()
    ranks = scipy.stats.spearmanr(x[:, 0], x[:, 1])[0]
    # of a bivariate normal distribution: rho = 2 sin(pi r / 6)
    assert 0.75 < 2 * np.sin(np.pi * ranks / 6) < 0.85
    assert 0.75 < np.corrcoef(x[:, 0], np.log(x[:, 1]))[0, 1] < 0.85


def test_time_stamps_come_back_to_the_second(tmp_path):
    rng = np.random.default_rng(5)
    stamps = 1_700_000_000 + rng.choice(10**6, 300, replace=False)
    data = load_data({"t": stamps.tolist(), "y": rng.normal(size=300).tolist()}, test=0, validation=0)
    x, known = simulacra.core.inputs.convert.rows_of(
        data.preprocessing.raw, {"t": stamps.tolist(), "y": [0.0] * 300}
    )
    y, _ = data.preprocessing.forward(x, simulacra.core.random.keyed.Rng(0), known)
    assert (data.preprocessing.inverse(y.float())[:, 0].numpy() == stamps).all()
    drawn = trained("gaussian-copula", data, tmp_path).sample(200, seed=1)[:, 0].numpy()
    assert set(drawn.astype(int)) <= set(stamps) and len(set(drawn)) > 100


@MODELS
def test_gaps_in_numbers_are_left_out_of_cells_and_filled_with_numbers_of_the_column(name, tmp_path):
    rng = np.random.default_rng(6)
    price = rng.gamma(2, 10, 300).round(2)
    holes = [None if i % 3 == 0 else p for i, p in enumerate(price.tolist())]
    data = load_data(
        {"price": holes, "y": rng.normal(size=300).tolist()}, test=0, validation=0, missing="mask"
    )
    seen = {p for p in holes if p is not None}
    assert set(data.preprocessing.steps[0].values[0]) == seen
    model = trained(name, data, tmp_path)
    done = model.complete({"price": [None, 7.77], "y": [0.1, None]}, seed=2)
    assert round(done[0, 0].item(), 2) in seen and done[1, 0].item() == pytest.approx(7.77)


def test_continued_tails_are_an_option_of_the_table(tmp_path):
    rng = np.random.default_rng(7)
    weight = rng.gamma(4, 5, 400).round(1) + np.arange(400) * 0.1
    table = {"weight": weight.round(1).tolist(), "y": rng.normal(size=400).tolist()}
    data = load_data(table, test=0, validation=0, tails="continued")
    assert data.preprocessing.raw.fields[0][1] == Numeric((), 1, "continued")
    x = trained("gaussian-copula", data, tmp_path).sample(4000, seed=1)[:, 0].double().numpy()
    assert x.max() > weight.max() and not set(x.round(1)) <= set(weight.round(1))
    assert (abs(x * 10 - (x * 10).round()) < 1e-6).all()
    # beyond the extremes lie as many draws as their own halves of a cell
    assert ((x > weight.max()) | (x < weight.min())).mean() < 0.01


def test_continued_tails_keep_an_atom(tmp_path):
    rng = np.random.default_rng(8)
    rain = np.where(rng.random(500) < 0.4, 0.0, rng.gamma(2.0, 30, 500).round(3))
    data = load_data(
        {"rain": rain.tolist(), "y": rng.normal(size=500).tolist()}, test=0, validation=0, tails="continued"
    )
    x = trained("gaussian-copula", data, tmp_path).sample(3000, seed=1)[:, 0].double().numpy()
    share = float((rain == 0).mean())
    assert x.min() >= 0 and abs((x == 0).mean() - share) < 4 * (share * (1 - share) / 3000) ** 0.5


@pytest.mark.fault("f02")
@MODELS
def test_whole_numbers_are_drawn_in_their_size(name, tmp_path):
    """Salaries, ages and years were counts: a negative binomial of mean 2011 cannot vary by 7."""
    rng = np.random.default_rng(3)
    columns = {
        "salary": np.exp(rng.normal(10.8, 0.4, 700)).round(),
        "age": rng.integers(18, 80, 700),
        "year": 2000 + rng.integers(0, 24, 700),
    }
    data = load_data({key: column.tolist() for key, column in columns.items()}, validation=0, test=0)
    x = trained(name, data, tmp_path).sample(2000, seed=1).numpy()
    for drawn, column in zip(x.T, columns.values(), strict=True):
        assert drawn.mean() == pytest.approx(column.mean(), rel=0.1)
        assert 1 / 1.5 < drawn.std() / column.std() < 1.5
        assert set(drawn) <= set(column)
