"""Options of drawing from the command line: listed, checked, recorded with samples and with their scores."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import simulacra

pytestmark = pytest.mark.fault("wider.b")


def test_options_are_drawn_with_recorded_and_scored_apart(cli, tmp_path):
    assert cli("train", "gan", "ring", "--epochs", "0.1", "--out", "run").code == 0
    shown = " ".join(cli("sample", "run", "--help").out.split())
    assert "Options of drawing from GAN" in shown and "--sampling.truncation" in shown
    done = cli("sample", "run", "--n", 3, "--seed", 5, "--sampling.truncation", 0.4, "--out", "x.npy")
    assert done.code == 0 and "3 samples, seed 5, truncation=0.4: x.npy" in done.out
    expected = simulacra.load("run").sample(3, seed=5, truncation=0.4)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), expected.numpy())
    assert cli("sample", "run", "--n", 2, "--seed", 5, "--sampling.truncation", 0.4).code == 0
    assert (tmp_path / "run" / "samples" / "seed-5-truncation=0.4.png").is_file()

    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    torch.jit.save(torch.jit.trace(net, torch.zeros(1, 2)), tmp_path / "net.pt")
    scored = cli("evaluate", "run", "--samples", 100, "--extractor", "net.pt", "--sampling.truncation", 0.4)
    assert scored.code == 0 and "drawn with truncation=0.4" in scored.out
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["protocol"]["sampling"] == "truncation=0.4" and report["asked"]["sampling"] == {
        "truncation": 0.4
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sampling.truncatoin", 0.4], "did you mean '--sampling.truncation'?"),
        (["--sampling.truncation", "much"], "--sampling.truncation is 'much', but it must be a number"),
        (["--sampling.truncation", -1], "truncation is -1.0, but a bound of the noise is a number above 0"),
    ],
)
def test_what_is_refused(cli, tmp_path, options, said):
    simulacra.GAN(simulacra.Real((2,)), latent=3).save(tmp_path / "gan.safetensors")
    done = cli("sample", "gan.safetensors", *options)
    assert done.code == 2 and said in done.err and len(done.err.strip().splitlines()) == 1


def test_a_model_without_options_says_so(cli, tmp_path):
    simulacra.PPCA(simulacra.Real((3,)), latent=1).save(tmp_path / "ppca.safetensors")
    done = cli("sample", "ppca.safetensors", "--sampling.burn_in", 5)
    assert done.code == 2 and "'--sampling.burn_in' is unknown: PPCA draws without options." in done.err
    assert "Options of drawing" not in cli("sample", "ppca.safetensors", "--help").out


@pytest.mark.parametrize("words", [("sample", "--help"), ("evaluate", "--help"), ("models", "rbm")])
def test_help_says_where_they_are(cli, words):
    said = " ".join(cli(*words).out.split())
    wanted = (
        "--sampling.burn_in" if words[0] == "models" else f"`simulacra {words[0]} RUN --help` lists those"
    )
    assert wanted in said


def test_a_run_that_is_not_there_is_named(cli):
    done = cli("sample", "nowhere", "--sampling.burn_in", 5)
    assert done.code == 2 and "nowhere" in done.err and "--sampling" not in done.err


@pytest.mark.fault("outside 2.15")
@pytest.mark.parametrize(
    ("separator", "decimal", "written"),
    [(";", ",", ";,"), (";", ".", ";."), (",", ".", ",."), ("\t", ",", ";,")],
)
def test_drawn_tables_have_the_marks_of_the_file(cli, tmp_path, separator, decimal, written):
    rows = [f"{20 + 7 * i % 41}{separator}{i * 1.37:.2f}{separator}{'ab'[i % 2]}" for i in range(40)]
    text = "\n".join(["age" + separator + "income" + separator + "kind", *rows]).replace(".", decimal)
    (tmp_path / "t.csv").write_text(text)
    assert cli("train", "tabular", "t.csv", "--steps", 1, "--out", "run").code == 0
    assert cli("sample", "run", "--n", 5, "--out", "drawn.csv").code == 0
    header, *drawn = (tmp_path / "drawn.csv").read_text().splitlines()
    assert header == written[0].join(["age", "income", "kind"]) and len(drawn) == 5
    frame = pd.read_csv(tmp_path / "drawn.csv", sep=written[0], decimal=written[1])
    assert frame["income"].dtype == float and written[1] in "".join(drawn)
