"""A run on data in memory: the command line says what to do in Python, and that works."""

from __future__ import annotations

import numpy as np
import pytest

import simulacra
from contract.saving import QUIET
from data.refusal import sentence_of
from simulacra import Real

pytestmark = pytest.mark.fault("doors 2.hour")
X = np.random.default_rng(0).normal(size=(60, 3))


@pytest.fixture
def run(tmp_path):
    """A run of a model of rows in memory."""
    data = simulacra.from_tensors(X, Real((3,)))
    return simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path / "run", **QUIET)


def test_commands_name_a_call_that_works(cli, run):
    for words, call in (("evaluate run", "evaluate('run', data)"), ("doctor run", "evaluate('run', data)")):
        done = cli(*words.split())
        assert done.code == 2 and call in done.err
    assert "load_run('run', data=data).plot('samples')" in cli("explore", "run").err
    data = simulacra.from_tensors(X, Real((3,)))
    assert simulacra.evaluate("run", data).likelihood.kind == "exact"
    assert simulacra.load_run("run", data=data).plot("samples").data is not None
    assert simulacra.load_run("run").data is None


def test_other_rows_are_refused(run):
    others = simulacra.from_tensors(X + 1, Real((3,)))
    sentence_of(lambda: simulacra.load_run(run.path, data=others), "not those that", "other values")


def test_names_of_options_are_suggested():
    sentence_of(lambda: simulacra.load_data("digits", valid=0.2), "did you mean validation=?")
    sentence_of(lambda: simulacra.from_tensors(X, Real((3,)), validation=0.2), "did you mean valid=?")


def test_labels_beside_an_array_name_the_function_that_takes_them():
    labels = np.arange(60) % 2
    for given in ((X, labels), [X, labels], {"x": X, "y": labels}):
        sentence_of(lambda: simulacra.load_data(given), "from_tensors(x, Real((3,)), labels=y)")  # noqa: B023
    data = simulacra.from_tensors(X, Real((3,)), labels=labels)
    assert data.train.labels is not None
    # two rows are rows
    assert simulacra.load_data([X[0], X[1]], validation=0, test=0).train.x.shape == (2, 3)


def test_kinds_of_columns_are_shown_as_a_mapping(cli, tmp_path):
    rows = "".join(f"{i % 7 + 0.5},{i * i % 11},{i % 3 % 2}\n" for i in range(40))
    (tmp_path / "a.csv").write_text("score,age,admitted\n" + rows)
    words = ("train", "ppca", "a.csv", "--model.latent", "1")
    done = cli(*words, "--data.types", "admitted=drop")
    assert done.code == 2 and """--data.types '{"admitted": "drop"}'""" in done.err
    assert cli(*words, "--data.types", '{"admitted": "drop", "*": "real"}').code == 0
