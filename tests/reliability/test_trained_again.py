"""A training that begins at trained weights is recorded as one and is no repetition of a fresh one."""

from __future__ import annotations

import logging

import pytest
import torch

import simulacra
from simulacra.api import fit, resume
from simulacra.training.state.kept_runs import fit_or_resume

pytestmark = pytest.mark.fault("doors 2.hour")
SHORT = {"epochs": 1, "batch_size": 25, "progress": False}


@pytest.fixture
def data():
    x = torch.rand(103, 7).round()
    return simulacra.from_tensors(x, simulacra.Binary((7,)), "toy", valid=0.1, test=0.1)


def fresh(data):
    return simulacra.VAE(data.space, latent=2, hidden=(11,))


def test_the_configuration_says_where_training_began(data, tmp_path, caplog):
    first = fit(fresh(data), data, out=tmp_path / "first", **SHORT)
    with caplog.at_level(logging.INFO, "simulacra"):
        again = fit(first.model, data, out=tmp_path / "again", **SHORT)
    assert "VAE was trained or loaded before: training goes on from its weights" in caplog.text
    assert "start" not in first.config and len(again.config["start"]) == 64
    assert again.config["seed_group"] != first.config["seed_group"]


def test_a_loaded_model_is_no_fresh_one(data, tmp_path):
    first = fit(fresh(data), data, out=tmp_path / "first", **SHORT)
    a = fit(simulacra.load(tmp_path / "first"), data, out=tmp_path / "a", **SHORT)
    b = fit(first.model, data, out=tmp_path / "b", **SHORT)
    assert a.config["start"] == b.config["start"] and a.config["seed_group"] == b.config["seed_group"]


def test_a_resumed_training_keeps_its_start(data, tmp_path):
    def stop(loop, epoch_ended):
        if loop.position.step == 2:
            loop.save()
            raise RuntimeError("stopped")

    model = fit(fresh(data), data, out=tmp_path / "first", **SHORT).model
    with pytest.raises(RuntimeError, match="stopped"):
        fit(model, data, out=tmp_path / "run", callbacks=(stop,), **SHORT)
    whole = fit(simulacra.load(tmp_path / "first"), data, out=tmp_path / "whole", **SHORT)
    run = resume(tmp_path / "run", data=data)
    assert run.config["start"] == whole.config["start"]
    assert all(t.equal(whole.model.state_dict()[name]) for name, t in run.model.state_dict().items())


def test_a_kept_training_that_began_elsewhere_is_another(data, tmp_path):
    first = fit_or_resume(fresh(data), data, tmp_path / "run", **SHORT)
    with pytest.raises(ValueError, match=r"another training \(start differ\)"):
        fit_or_resume(first.model, data, tmp_path / "run", **SHORT)
    fit_or_resume(fresh(data), data, tmp_path / "run", **SHORT)
