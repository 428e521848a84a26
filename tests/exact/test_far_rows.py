"""Rows far out, such as sentinels: every model of real data gives them a number, and the lowest score."""

import numpy as np
import pytest
import torch

from contract.cases import CATALOGUED
from contract.sets import mixed
from simulacra.core.capabilities import general as can
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.transforms import Affine
from simulacra.core.spaces.plain import Real
from simulacra.models.variational.iwae import IWAE
from simulacra.models.variational.vae import VAE

REALS = [case for case in CATALOGUED if type(case.data().preprocessing.raw) is Real]
FAR = (-9999.0, 1e4, 1e10, -1e18, 1e30, -1e30, 3.4e38)


@pytest.mark.fault("f05")
@pytest.mark.fault("scores 2.5")
@pytest.mark.parametrize("case", REALS, ids=str)
def test_a_row_far_out_has_the_lowest_score_and_no_model_gives_nan(case):
    model, data = case.build(), case.data()
    c = {} if model.condition is None else {"condition": data.train.c[:4]}
    takes_condition = model.supports(can.TakesCondition)
    c = c if takes_condition else {}
    for far in FAR:
        x = data.train.x[:4].double()
        x[2, 0] = far
        if model.supports(can.HasDensity) or model.supports(can.HasBound):
            score = model.log_prob(x, k=5, **c)
            assert not score.values.isnan().any() and not np.isnan(score.mean)
            assert int(model.anomaly_score(x, k=5, **c).argmax()) == 2
            near = score.values[[0, 1, 3]]
            assert near.isfinite().all() and score.values[2] < near.min()
            assert torch.equal(near, model.log_prob(data.train.x[:4], k=5, **c).values[[0, 1, 3]])
        if model.supports(can.Encodes):
            assert model.encode(x, **c).isfinite().all()
        if model.supports(can.Encodes) and model.supports(can.Decodes):
            assert not model.reconstruct(x, **c).isnan().any()


@pytest.mark.fault("f05")
@pytest.mark.fault("scores 2.5")
@pytest.mark.parametrize("case", REALS, ids=str)
def test_a_row_that_standardizes_beyond_single_precision_has_the_lowest_score(case):
    model, data = case.build(), case.data()
    scale = Affine((3.0,), (1e-3,))
    model.preprocessing = Preprocessing(data.space, (scale,))
    c = {"condition": data.train.c[:4]} if model.supports(can.TakesCondition) else {}
    x = scale.inverse(data.train.x[:4].double())
    x[2, 0] = 3.4e38
    if model.supports(can.HasDensity) or model.supports(can.HasBound):
        assert int(model.anomaly_score(x, k=5, **c).argmax()) == 2
        assert not model.log_prob(x, k=5, **c).values.isnan().any()
    if model.supports(can.Encodes):
        assert model.encode(x, **c).isfinite().all()


@pytest.mark.fault("f05")
@pytest.mark.fault("scores 2.5")
@pytest.mark.parametrize("kind", [VAE, IWAE])
def test_a_table_with_a_cell_far_out_has_scores(kind):
    data = mixed()
    torch.manual_seed(0)
    model = kind(data.space, latent=2, hidden=(16,))
    model.preprocessing = data.preprocessing
    x = data.train.x[:6].double()
    for j, (_, field) in enumerate(data.preprocessing.raw.fields):
        for far in (1e10, 1e30) if type(field).__name__ in ("Real", "Positive", "Count") else ():
            rows = x.clone()
            rows[4, j] = far
            values = model.log_prob(rows, k=5).values
            assert not values.isnan().any() and int(values.argmin()) == 4, (field, far, values)


@pytest.mark.fault("f05")
@pytest.mark.fault("scores 2.5")
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_no_number_is_refused(value):
    model = VAE(Real((2,)), latent=1, hidden=(5,))
    with pytest.raises(ValueError, match="finite"):
        model.log_prob([[value, 0.0]])


@pytest.mark.fault("f05")
@pytest.mark.fault("scores 2.5")
def test_training_on_a_sentinel_keeps_every_weight_finite(tmp_path):
    import simulacra

    x = np.random.default_rng(0).normal(size=(300, 3))
    x[7, 2] = -9999
    np.save(tmp_path / "x.npy", x)
    data = simulacra.load_data(tmp_path / "x.npy")
    model = simulacra.fit(VAE(data.space, latent=2, hidden=(16,)), data, epochs=3, out=tmp_path / "run").model
    assert all(p.isfinite().all() for p in model.parameters())
    assert np.isfinite(model.score_samples(x)).all()
