"""A run that is scored on other data says that their rows may be training rows."""

import logging

import numpy as np
import pytest

import simulacra

pytestmark = pytest.mark.fault("doors 2.hour")


def test_data_of_another_split_are_named(tmp_path, caplog):
    x = (np.random.default_rng(0).random((120, 5)) < 0.3).astype(np.uint8)
    data, other = simulacra.load_data(x), simulacra.load_data(x, seed=5)
    run = simulacra.fit(simulacra.MADE(data.space, hidden=(8,)), data, epochs=1, out=tmp_path, doctor=False)
    with caplog.at_level(logging.WARNING, "simulacra"):
        simulacra.evaluate(run, data)
    assert "not those of" not in caplog.text
    with caplog.at_level(logging.WARNING, "simulacra"):
        simulacra.evaluate(run, other)
    assert "the training rows of array are not those of" in caplog.text
