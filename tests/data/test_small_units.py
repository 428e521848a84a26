"""Real numbers of small units: scores and samples are those of the same rows in larger units."""

import logging

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.preprocessing.column_scales import place_and_scale
from simulacra.core.spaces.plain import Real

pytestmark = pytest.mark.fault("outside 1.w4.units")

X = np.random.default_rng(0).normal(size=(40, 3)) + np.arange(3)
UNITS = (1e-12, 1e-13, 1e-19, 1e-23, 1e-40, 1e-200, 1e-310, 1e30)


def _fitted(x, **options):
    data = simulacra.load_data(x, **options)
    return data, simulacra.fit(simulacra.PPCA(data.space, latent=1), data, epochs=1, seed=0).model


@pytest.mark.parametrize("unit", UNITS)
def test_the_score_and_the_samples_of_an_array_do_not_depend_on_its_unit(unit):
    (data, model), (_, right) = _fitted(X * unit), _fitted(X)
    scale = np.array(data.preprocessing.steps[0].scale)
    assert np.allclose(scale / unit, _deviations(), rtol=1e-3)
    there = float(model.log_prob(X * unit).mean) + 3 * np.log(unit)
    assert there == pytest.approx(float(right.log_prob(X).mean), abs=1e-3)
    drawn = np.asarray(model.sample(50, seed=0), dtype=np.float64) / unit
    assert np.allclose(drawn, np.asarray(right.sample(50, seed=0), dtype=np.float64), rtol=1e-3, atol=1e-3)


def _deviations():
    data = simulacra.load_data(X)
    return np.array(data.preprocessing.steps[0].scale)


@pytest.mark.parametrize("unit", [1e-19, 1e-200])
def test_columns_declared_real_and_positive_do_not_depend_on_their_unit(unit):
    table = lambda u: {"a": X[:, 0] * u, "b": np.exp(X[:, 1]) * u}
    declared = {"types": {"a": "real", "b": "positive"}}
    small, large = (simulacra.load_data(table(u), **declared).preprocessing.steps[-1] for u in (unit, 1.0))
    assert small.scale[0] / unit == pytest.approx(large.scale[0]) and small.scale[1] == pytest.approx(
        large.scale[1]
    )


def test_a_column_that_only_rounding_keeps_from_being_constant_is_not_scaled():
    x = torch.tensor([[0.1 + 0.2, 0.0, 3e-20], [0.3, 0.0, 3e-20]], dtype=torch.float64)
    assert place_and_scale(x)[1].tolist() == [1.0, 1.0, 1.0]


def test_rows_of_a_small_unit_are_no_near_duplicates(caplog):
    with caplog.at_level(logging.WARNING):
        simulacra.load_data(X * 1e-200)
    assert not caplog.records


def test_rows_that_are_not_standardized_are_warned_of(caplog):
    with caplog.at_level(logging.WARNING):
        simulacra.from_tensors(torch.from_numpy(X * 1e-23), Real((3,)))
    assert (
        "entry 0 has a deviation of 9e-24" in caplog.text or "entry 0 has a deviation of 1e-23" in caplog.text
    )
