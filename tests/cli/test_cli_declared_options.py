"""Options that a model declares: a batch size that the user may give, functions that only Python can give."""

import re

import numpy as np
import pytest
import yaml

from simulacra.core.storage.files import read_json

SMALL = ["--model.hidden", "3", "--model.latent", "2", "--epochs", "1", "--samples_every", "9"]


@pytest.fixture
def rows(tmp_path):
    """Forty rows of two numbers."""
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(40, 2)).astype("float32"))
    return "rows.npy"


def batch_size(folder) -> int:
    """The one in the record of a run."""
    return read_json(folder / "config.json")["options"]["batch_size"]


def test_options_and_files_win_over_the_model(cli, tmp_path, rows):
    assert cli("train", "gmmn", rows, *SMALL, "--out", "bare").code == 0
    assert batch_size(tmp_path / "bare") == 1000
    # the file holds what was given, so that it trains another model with that model's own
    given = yaml.safe_load((tmp_path / "bare" / "config.yaml").read_text())
    assert given.get("batch_size") is None
    (tmp_path / "given.yaml").write_text(yaml.safe_dump({**given, "batch_size": 16}))
    for name, more, due in (("file", [], 16), ("both", ["--batch_size", "8"], 8)):
        done = cli("train", "--config", "given.yaml", *more, "--out", name)
        assert done.code == 0, done.err
        assert batch_size(tmp_path / name) == due


def test_help_says_where_a_batch_size_comes_from(cli):
    text = re.sub(r"\s+", " ", cli("train", "gmmn", "--help").out)
    assert "None: those that the model recommends, otherwise 128 (a whole number)" in text


def test_functions_and_networks_are_for_python_only(cli, rows):
    for words, near in (
        (["abc", rows, "--model.simulate", "f"], "--model.simulator"),
        (["vae", rows, "--model.encoder", "f"], "--model."),
    ):
        done = cli("train", *words)
        assert done.code == 2 and "is a network or a function, which only Python can give; " in done.err
        assert near in done.err.split(";")[1] and done.err.count("\n") == 1
