"""The number of validation scores of a stage: one an epoch, fewer in long stages without `patience`."""

from __future__ import annotations

import numpy as np
import pytest

import simulacra
from simulacra.training import loop


@pytest.mark.fault("15.seconds")
@pytest.mark.parametrize(
    ("most", "patience", "expected"),
    [(200, None, range(1, 13)), (3, None, [4, 8, 12]), (5, None, range(2, 13, 2)), (3, 99, range(1, 13))],
)
def test_epochs_that_are_scored(monkeypatch, most, patience, expected):
    monkeypatch.setattr(loop, "SCORES", most)
    rows = np.random.default_rng(0).normal(size=(20, 2))
    data = simulacra.load_data(rows, validation=0.4)
    model = simulacra.VAE(data.space, latent=1, hidden=(2,))
    run = simulacra.fit(model, data, epochs=12, batch_size=4, patience=patience, progress=False)
    scored = [row["epoch"] for row in run.metrics if row.get("valid_score")]
    assert [round(float(epoch)) for epoch in scored] == list(expected)
