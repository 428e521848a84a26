"""What a model recommends fills only what was not given; runs of older versions keep their options."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

import simulacra
import simulacra.training.fit as fitting
from contract.cases import CASES
from simulacra.core.model import Model
from simulacra.core.updates import Epochs, Stage, Steps
from simulacra.data import load_data
from simulacra.models.autoencoders.gaussian_copula import GaussianCopula
from simulacra.models.autoregressive.tables.tabular import RECOMMENDED, Tabular
from simulacra.models.variational.latent import TABLES
from simulacra.models.variational.vae import VAE
from simulacra.training.options import BATCH_SIZE, Options


def data_of(n: int = 60, **options):
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(size=n).tolist(), "b": rng.choice(["u", "v"], n).tolist()}
    return load_data(columns, test=0, **options)


def differing(a: Options, b: Options) -> set[str]:
    return {f.name for f in fields(Options) if getattr(a, f.name) != getattr(b, f.name)}


def test_only_what_is_none_is_filled():
    model = Tabular(data_of().space, hidden=(3,), orders=1)
    bare = Options().for_model(model)
    plain = Options(batch_size=BATCH_SIZE)
    assert differing(bare, plain) == set(RECOMMENDED)
    assert all(getattr(bare, name) == value for name, value in RECOMMENDED.items())
    given = {"lr": 0.5, "schedule": "constant", "clip": 0.1, "patience": 3, "least_steps": 7}
    for name, value in given.items():
        found = Options(**{name: value}).for_model(model)
        assert getattr(found, name) == value
        assert differing(found, replace(plain, **{name: value})) == set(RECOMMENDED) - {name}
    everything = Options(batch_size=7, **given)
    assert everything.for_model(model) == everything
    # twice is once
    assert bare.for_model(model) == bare


def test_nothing_stops_early_where_nothing_is_validated():
    model = Tabular(data_of().space, hidden=(3,), orders=1)
    assert Options().for_model(model, validates=False).patience is None
    assert Options(validate=False).for_model(model).patience is None
    assert Options(patience=4).for_model(model, validates=False).patience == 4


def test_models_without_recommendations_leave_options_alone():
    space = simulacra.Real((3,))
    plain = Options(batch_size=BATCH_SIZE)
    assert Options().for_model(VAE(space, latent=1)) == plain
    assert Options().for_model(GaussianCopula(data_of().space)) == plain
    table = Options().for_model(VAE(data_of().space, latent=1))
    assert differing(table, plain) == set(TABLES)


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, 20 * 60 // 50),  # as declared
        ({"least_steps": 500}, 500),
        ({"least_steps": 5}, 24),  # already longer
        ({"least_steps": 500, "epochs": 5}, 6),
        ({"least_steps": 500, "stages": {"train": 10}}, 12),
        ({"least_steps": 500, "stages": {"other": 10}}, 500),
    ],
    ids=str,
)
def test_the_fewest_steps_count_where_no_length_is_given(options, steps):
    model = Tabular(data_of().space, hidden=(3,), orders=1)
    stage = model.stage(0, [])
    assert stage.length == Epochs(20)
    assert Options(batch_size=50, **options).steps_of(stage, model, 60) == steps
    # a stage of so many steps has these
    short = Stage("train", stage.updates, Steps(3))
    assert Options(least_steps=500).steps_of(short, model, 60) == 3
    assert Options(least_steps=500).steps_of(Stage("solve", [], Steps(0)), model, 60) == 0


def test_a_number_of_epochs_is_trained_exactly(tmp_path):
    data = data_of(validation=0)
    model = Tabular(data.space, hidden=(3,), orders=1)
    run = simulacra.fit(
        model, data, out=tmp_path / "run", epochs=2, batch_size=30, log_every=1, progress=False
    )
    assert len(run.metrics) == 4
    # what was recommended is saved with the run
    assert run.config["options"]["lr"] == RECOMMENDED["lr"]
    assert run.config["options"]["clip"] == RECOMMENDED["clip"] and run.config["options"]["patience"] is None


def test_the_fewest_steps_are_trained(tmp_path):
    data = data_of(validation=0)
    model = Tabular(data.space, hidden=(3,), orders=1)
    run = simulacra.fit(model, data, out=tmp_path / "run", least_steps=47, log_every=1, progress=False)
    assert len(run.metrics) == 47


def test_a_run_of_an_older_version_keeps_its_options(tmp_path, monkeypatch):
    data = data_of()
    simulacra.fit(
        Tabular(data.space, hidden=(3,), orders=1), data, out=tmp_path / "run", epochs=1, progress=False
    )
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text())
    # as written before there were recommendations: the option is not there, others were not given
    del config["options"]["least_steps"]
    config["options"] |= {"lr": None, "clip": None, "schedule": None, "patience": None}
    path.write_text(json.dumps(config))
    seen = []
    monkeypatch.setattr(fitting, "_train", lambda model, data, options, *rest, **more: seen.append(options))
    simulacra.resume(tmp_path / "run", data=data)
    (options,) = seen
    assert options == Options(epochs=1, batch_size=BATCH_SIZE, progress=False)
    assert options.least_steps is None and options.lr is None


@pytest.mark.parametrize("least", [0, -3])
def test_no_steps_at_all_are_refused(least):
    with pytest.raises(ValueError, match=f"least_steps is {least}, but it must be positive"):
        Options(least_steps=least)


@pytest.fixture
def trained_with(monkeypatch):
    """The options with which training would begin."""
    seen: list[Options] = []
    monkeypatch.setattr(fitting, "_train", lambda model, data, options, *rest, **more: seen.append(options))
    return seen


OTHERS = {"ema": 0.5, "batch_size": 11, "least_steps": 3, "lr": 0.03, "clip": 0.7, "patience": 2}
OTHERS |= {"schedule": "linear"}


def test_what_any_model_recommends_reaches_the_run_and_options_win(tmp_path, trained_with):
    found: set[str] = set()
    kinds: set[type] = set()
    usual = Options()
    for case in CASES:
        own = isinstance(case.kind, type) and case.kind.recommended is not Model.recommended
        if not own or case.kind in kinds:
            continue
        model, data = case.build(), case.data()
        wanted = dict(model.recommended)
        if not wanted:
            continue
        kinds.add(case.kind)
        # an option with a default of its own could not be told from one that is given
        assert all(getattr(usual, name) is None for name in wanted), case.name
        runs = [{}, {name: OTHERS[name] for name in wanted}]
        for i, given in enumerate(runs):
            out = tmp_path / case.name.replace("/", "-") / str(i)
            fitting.train(model, data, out=out, options=Options(progress=False, **given))
            options = trained_with[-1]
            recorded = json.loads((out / "config.json").read_text())["options"]
            stops = data.valid is not None
            for name, value in (wanted | given).items():
                due = value if stops or name in given or name != "patience" else None
                assert getattr(options, name) == recorded[name] == due, (case.name, name)
        found |= set(wanted)
    assert found >= {"ema", "batch_size", "least_steps", "lr"}


def test_a_batch_size_is_recommended_given_or_usual(tmp_path, trained_with):
    data = simulacra.from_tensors(torch.arange(80.0).reshape(40, 2), simulacra.Real((2,)), "rows")
    gmmn, vae = simulacra.GMMN(data.space, hidden=(3,)), VAE(data.space, latent=1, hidden=(3,))
    for i, (model, given, due) in enumerate(
        [(gmmn, {}, 1000), (gmmn, {"batch_size": 128}, 128), (vae, {}, 128), (vae, {"batch_size": 5}, 5)]
    ):
        fitting.train(model, data, out=tmp_path / str(i), options=Options(progress=False, **given))
        assert trained_with[-1].batch_size == due
    # a stage is as long as its batches make it
    stage = gmmn.stage(0, [])
    assert Options().for_model(gmmn).steps_of(stage, gmmn, 10_000) == 500
    assert Options().steps_of(stage, gmmn, 10_000) == round(50 * 10_000 / BATCH_SIZE)
    with pytest.raises(ValueError, match="batch_size 1000 is less than devices x accumulate = 1200"):
        Options(devices=30, accumulate=40).for_model(gmmn)


def test_an_average_that_is_recommended_can_be_left_out(tmp_path, trained_with):
    data = simulacra.from_tensors(torch.arange(80.0).reshape(40, 2), simulacra.Real((2,)), "rows")
    model = simulacra.DDPM(data.space, T=4, hidden=(3,))
    fitting.train(model, data, out=tmp_path / "with", options=Options(progress=False))
    fitting.train(model, data, out=tmp_path / "without", options=Options(ema=0, progress=False))
    assert [options.ema for options in trained_with] == [0.999, 0]
    with pytest.raises(
        ValueError, match=r"ema is 1.0, but a decay lies between 0 and 1, such as 0.999; 0: none"
    ):
        Options(ema=1.0)
