"""Tables on normal scores, raw words in: masses of the numbers as written, and what may be compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from mixed_rows import log_p, log_p_ensemble
from oracles import normal_grid
from orders import loud
from scipy.special import expit, log_softmax, logsumexp
from scipy.stats import norm

import simulacra
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.estimate import Protocol, compare_estimates
from simulacra.data import load_data
from simulacra.evaluation import evaluate
from simulacra.models.autoregressive.tables.tabular import Tabular
from simulacra.models.variational.iwae import IWAE
from simulacra.models.variational.vae import VAE

PRICES = [0.0, 1.5, 1.75, 20.25]
RAW = [(price, sex, smokes) for price in PRICES for sex in "fm" for smokes in (0.0, 1.0)]


def table(n: int = 200, **options):
    """Three columns: four prices, declared numeric, two sexes, a yes or no."""
    rng = np.random.default_rng(1)
    price = rng.choice(PRICES, n, p=[0.5, 0.2, 0.2, 0.1])
    columns = {
        "price": price.tolist(),
        "sex": rng.choice(["f", "m"], n).tolist(),
        "smokes": (rng.random(n) < 0.3).astype(float).tolist(),
    }
    return load_data(columns, types={"price": "numeric"}, validation=0, **options)


def raw_rows() -> dict[str, list]:
    """Every combination of the columns' values."""
    return dict(zip(("price", "sex", "smokes"), map(list, zip(*RAW, strict=True)), strict=True))


def ready(model, data):
    model.preprocessing = data.preprocessing
    return model.eval()


@pytest.mark.system("H6", "H12")
@pytest.mark.parametrize("orders", [1, 3])
def test_the_masses_of_all_rows_as_written_sum_to_one_and_are_those_of_the_model(float64, orders):
    data = table()
    model = ready(loud(Tabular(data.space, hidden=(5,), dropout=0.0, orders=orders)), data)
    found = model.log_prob(raw_rows())
    assert found.kind == "exact" and found.details["preprocessing"].startswith("normal scores")
    assert found.values.exp().sum().item() == pytest.approx(1, abs=1e-12)
    # rows of the box in the same order: prices, sexes, then smokers
    np.testing.assert_allclose(found.values, log_p_ensemble(model), atol=1e-9)
    if orders == 1:
        np.testing.assert_allclose(found.values, log_p(model), atol=1e-9)
    y = data.preprocessing.forward(torch.tensor([[20.25, 1.0, 0.0]]), Rng(0))[0]
    at = RAW.index((20.25, "m", 0.0))
    torch.testing.assert_close(model.log_density(y)[0].detach(), found.values[at])


def test_in_single_precision_the_same_numbers_come_out():
    data = table()
    model = ready(loud(Tabular(data.space, hidden=(5,), dropout=0.0, orders=1)), data)
    found = model.log_prob(raw_rows()).values
    assert found.exp().sum().item() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(found, log_p(model), atol=2e-5)


def test_a_draw_is_a_row_that_could_have_been_written(float64):
    data = table()
    model = ready(loud(Tabular(data.space, hidden=(5,), dropout=0.0, orders=1)), data)
    x = model.sample(500, seed=1)
    assert set(x[:, 0].tolist()) == set(PRICES) and set(x[:, 2].tolist()) == {0, 1}
    masses = log_p(model).reshape(4, 4)
    share = np.exp(logsumexp(masses, axis=1))
    found = [(x[:, 0] == price).double().mean().item() for price in PRICES]
    np.testing.assert_allclose(found, share, atol=4.5 * 0.5 / 500**0.5)


def decoded(model, z: np.ndarray) -> np.ndarray:
    """log p(x|z) of all rows as written at a grid of codes, (grid, rows), by scipy."""
    with torch.no_grad():
        p = model.decoder(torch.tensor(z).unsqueeze(1)).numpy().reshape(len(z), -1)
    edges = model.space.fields[0][1].edges
    s = np.exp(np.clip(p[:, 1:2], -5, 3))
    cells = np.diff(norm.cdf((np.array([-np.inf, *edges, np.inf]) - p[:, :1]) / s), axis=1)
    with np.errstate(divide="ignore"):
        price = np.log(cells)
    sex = log_softmax(p[:, 2:4], axis=1)
    smokes = np.log(np.stack([expit(-p[:, 4]), expit(p[:, 4])], 1))
    whole = price[:, :, None, None] + sex[:, None, :, None] + smokes[:, None, None, :]
    return whole.reshape(len(z), -1)


@pytest.mark.parametrize("build", [VAE, IWAE], ids=["vae", "iwae"])
def test_weights_of_a_code_model_have_the_mean_of_the_mass_by_quadrature(float64, build):
    data, k = table(), 4000
    torch.manual_seed(4)
    model = ready(build(data.space, latent=1, hidden=(5,), activation="tanh"), data)
    with torch.no_grad():
        for p in model.decoder.parameters():
            p.mul_(1.5)
        model.encoder.body[-1].bias[1] = 0.3
        model.encoder.body[-1].weight.mul_(0.5)
    z, log_w = normal_grid()
    due = logsumexp(decoded(model, z) + log_w[:, None], axis=0)
    assert np.exp(due).sum() == pytest.approx(1, abs=1e-9)
    x, _ = simulacra.core.inputs.convert.rows_of(data.preprocessing.raw, raw_rows())
    y = data.preprocessing.forward(x, Rng(0))[0]
    with torch.no_grad():
        w = model.log_weights(y, None, Rng(1, rows=range(16)), k).exp()
    error = w.std(1).numpy() / k**0.5
    assert (abs(w.mean(1).numpy() - np.exp(due)) < 4.5 * error).all()
    found = model.log_prob(raw_rows(), k=k)
    assert found.kind == "lower" and "normal scores" in found.details["preprocessing"]
    np.testing.assert_allclose(found.values, due, atol=0.05)


def test_a_density_of_numbers_and_a_mass_on_scores_are_never_compared(float64, tmp_path):
    scored, scaled = table(test=0.2), table(test=0.2, standardize=True)
    estimates = []
    for data in (scored, scaled):
        model = ready(Tabular(data.space, hidden=(3,), orders=1), data)
        estimates.append(evaluate(model, data).likelihood)
    a, b = estimates
    assert isinstance(a.protocol, Protocol) and a.protocol.preprocessing.startswith("normal scores")
    assert "normal scores" not in b.protocol.preprocessing
    assert a.protocol != b.protocol and a.protocol.digest != b.protocol.digest
    with pytest.raises(ValueError, match="cannot be compared"):
        compare_estimates(a, b)
    # also without a protocol, by the label alone
    for estimate in estimates:
        estimate.protocol = None
    with pytest.raises(ValueError, match="normal scores"):
        compare_estimates(a, b)


def test_masses_on_other_cells_are_never_compared(float64):
    """The same test rows in the same values, whose shares are those of other training rows."""
    data = table(test=0.2)
    step = data.preprocessing.steps[0]
    moved = replace(step, edges=(tuple(e + 0.01 for e in step.edges[0]), *step.edges[1:]))
    chain = replace(data.preprocessing, steps=(moved, *data.preprocessing.steps[1:]))
    other = replace(data, preprocessing=chain)
    assert step.mark != moved.mark and step.label == moved.label
    assert data.protocol("test") != other.protocol("test")
    assert data.protocol("test") == table(test=0.2).protocol("test")
