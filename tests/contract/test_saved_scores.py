"""Scores travel with the model that they belong to."""

from __future__ import annotations

import json

import pytest

import simulacra
from contract.cases import classes, named, real
from contract.saving import FORMS, QUIET
from simulacra.core.storage.files import read_json


def test_estimates_travel_with_the_model(tmp_path):
    """From `evaluate` into the run's configuration, from there with the model into both forms."""
    data = classes(3)
    model = simulacra.VAE(data.space, data.condition, latent=2, hidden=(7,))
    run = simulacra.fit(model, data, out=tmp_path / "run", **QUIET)
    assert run.model.estimates == [] == simulacra.load(run.path).estimates
    whole = (run.path / "config.json").read_text()
    report = simulacra.evaluate(run, k=3, limit=9)
    simulacra.evaluate(run, k=3, limit=9)  # the same measurement: replaced
    simulacra.evaluate(run, k=5, limit=9)  # another
    found = simulacra.load(run.path).estimates
    bounds = [e for e in found if e["name"] == "likelihood"]
    assert [e["method"] for e in bounds] == ["IWAE bound, k=3", "IWAE bound, k=5"]
    assert bounds[0]["mean_nats"] == pytest.approx(report.likelihood.mean)
    assert bounds[0]["protocol"]["split"] == "test[9 of 16, seed 0]"
    assert run.model.estimates == found
    for form in FORMS:
        simulacra.load(run.path).save(tmp_path / form)
        assert simulacra.load(tmp_path / form).estimates == found
    # nothing else of the configuration has changed, and the run goes on as before
    config, before = read_json(run.path / "config.json"), json.loads(whole)
    assert {**config, "estimates": []} == before
    assert simulacra.resume(run.path, data=data).model.estimates == found


def test_scores_that_cannot_be_recorded_are_given_all_the_same(tmp_path, caplog):
    run = simulacra.fit(named("ppca").build(), real(3), out=tmp_path / "a", **QUIET)
    (run.path / "config.json").write_text("{")
    report = simulacra.evaluate(run, limit=9)
    assert report.likelihood is not None and "scores were not kept" in caplog.text


def test_a_model_that_is_trained_again_has_no_scores(tmp_path):
    run = simulacra.fit(named("ppca").build(), real(3), out=tmp_path / "a", **QUIET)
    simulacra.evaluate(run, limit=9)
    assert run.model.estimates
    assert simulacra.fit(run.model, real(3), out=tmp_path / "b", **QUIET).model.estimates == []
