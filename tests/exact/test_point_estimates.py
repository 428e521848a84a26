"""Point estimates of hidden cells: the mean and the median of the conditional law, by enumeration."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from orders import loud

import simulacra
from simulacra.core.methods.points import point_of
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Numeric
from simulacra.core.spaces.plain import Binary, Count, Real
from simulacra.data import load_data
from simulacra.models.autoencoders.gaussian_copula import GaussianCopula
from simulacra.models.autoregressive.tables.tabular import Tabular
from simulacra.models.variational.vae import VAE

PRICES, SEXES = [0.0, 1.5, 1.75, 20.25], ["f", "m"]
DRAWS, SAMPLES = 4_000, 20_000
SPACE = Table(
    n=Numeric(decimals=1), c=Categorical((), 3), b=Binary(), k=Count(), o=Ordinal((), 3, values=(0.5, 1, 8))
)
DRAWN = torch.tensor([[[1, 2, 0, 3, 0.5], [2.5, 0, 1, 4, 8], [7, 2, 1, 9, 8], [9, 1, 0, 9, 0.5]]])
WEIGHTS = torch.tensor([[0.1, 0.5, 0.2, 0.2]], dtype=torch.float64)


def data(n: int = 200):
    """Two mixed columns that depend on each other: prices with ties, and two classes."""
    rng = np.random.default_rng(1)
    price = rng.choice(PRICES, n, p=[0.4, 0.2, 0.2, 0.2])
    sex = np.where(rng.random(n) < np.where(price > 1.6, 0.9, 0.2), "m", "f")
    return load_data({"price": price, "sex": sex}, types={"price": "numeric"}, validation=0)


def model_of(name: str):
    """A model with dependences, which takes the raw table."""
    table = data()
    if name == "tabular":
        model = loud(Tabular(table.space, hidden=(5,), dropout=0.0, orders=3))
    elif name == "vae":
        model = loud(VAE(table.space, latent=1, hidden=(5,)))
        with torch.no_grad():
            # q(z|x) is the prior, so that weights are bounded
            for p in model.encoder.parameters():
                p.zero_()
    else:
        model = GaussianCopula(table.space)
        model.R.copy_(torch.tensor([[1.0, 0.6], [0.6, 1.0]]))
    model.preprocessing = table.preprocessing
    return model.eval()


def joint(model) -> np.ndarray:
    """p of all rows by their log-probabilities, shape (prices, sexes)."""
    rows = {"price": [p for p in PRICES for _ in SEXES], "sex": SEXES * len(PRICES)}
    more = {} if isinstance(model, Tabular) else {"k": SAMPLES}
    p = np.exp(model.log_prob(rows, **more).values.double().numpy()).reshape(len(PRICES), 2)
    assert p.sum() == pytest.approx(1, abs=0.02)
    return p / p.sum()


@pytest.mark.system("H6", "H12", "E1")
@pytest.mark.parametrize("name", ["tabular", "vae", "gaussian-copula"])
def test_the_mean_of_a_hidden_number_is_that_of_its_conditional_by_enumeration(float64, name):
    model = model_of(name)
    p, values = joint(model), np.array(PRICES)
    for j, sex in enumerate(SEXES):
        law = p[:, j] / p[:, j].sum()
        mean, deviation = law @ values, np.sqrt(law @ (values - law @ values) ** 2)
        row = {"price": [None], "sex": [sex]}
        found = model.complete(row, point="mean", draws=DRAWS)
        # four standard errors of a quarter of the draws, as weights differ
        assert abs(found[0, 0].item() - mean) < 4 * deviation / np.sqrt(DRAWS / 4)
        middle = model.complete(row, point="median", draws=DRAWS)[0, 0].item()
        below = law[values < middle].sum()
        assert middle in PRICES and below < 0.52 and below + law[PRICES.index(middle)] > 0.48


@pytest.mark.system("H6", "H12")
@pytest.mark.parametrize("name", ["tabular", "vae", "gaussian-copula"])
def test_a_hidden_class_gets_the_likeliest_one_by_enumeration(float64, name):
    model = model_of(name)
    p = joint(model)
    sure = [i for i in range(len(PRICES)) if abs(p[i, 0] / p[i].sum() - 0.5) > 0.05]
    assert sure
    for point in ("mean", "median"):
        rows = {"price": [PRICES[i] for i in sure], "sex": [None] * len(sure)}
        found = model.complete(rows, point=point, draws=DRAWS)[:, 1]
        assert found.tolist() == [float(p[i].argmax()) for i in sure]


def test_each_kind_of_entry_has_its_own_estimate(float64):
    log_w = WEIGHTS.log() + 3
    mean, median = (point_of(SPACE, DRAWN.double(), log_w, point)[0].tolist() for point in ("mean", "median"))
    # k has the mean 5.9, a count; o has 5.75, nearest to its value 8
    assert mean == [pytest.approx(0.1 + 1.25 + 1.4 + 1.8), 0, 1, 6, 8]
    assert median == [2.5, 0, 1, 4, 8]


def test_equal_rows_have_equal_estimates_alone_and_in_any_batch(float64):
    model = model_of("tabular")
    rows = {"price": [None, 1.5, None, None], "sex": ["m", None, "f", "m"]}
    whole = model.complete(rows, point="mean")
    torch.testing.assert_close(whole[0], whole[3], rtol=0, atol=0)
    alone = model.complete({"price": [None], "sex": ["f"]}, point="mean")
    torch.testing.assert_close(alone[0], whole[2])
    assert whole[1, 0] == 1.5 and whole[0, 1] == 1


def test_a_model_without_weights_is_averaged_over_its_completions(float64):
    model = simulacra.PPCA(Real((2,)), latent=1)
    with torch.no_grad():
        model.W.copy_(torch.tensor([[1.0], [2.0]]))
        model.variance.fill_(0.5)
    # x_2 given x_1 = 3: mean 3 c_12 / c_11, variance c_22 - c_12^2 / c_11
    mean, deviation = 3 * 2 / 1.5, (4.5 - 4 / 1.5) ** 0.5
    found = model.complete([[3.0, 0.0]], known=[True, False], point="mean", draws=400)[0, 1].item()
    assert abs(found - mean) < 4 * deviation / 400**0.5


def test_what_is_no_point_estimate_is_refused_by_name():
    model = simulacra.PPCA(Real((2,)), latent=1)
    with pytest.raises(ValueError, match="point is 'mode', but it must be 'mean' or 'median'"):
        model.complete([[3.0, 0.0]], known=[True, False], point="mode")
    with pytest.raises(ValueError, match="draws is 0, but a point estimate needs at least 1"):
        model.complete([[3.0, 0.0]], known=[True, False], point="mean", draws=0)
