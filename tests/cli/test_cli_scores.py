"""Scores of samples from the command line."""

import json

import pytest
import torch
from torch import nn


@pytest.fixture
def gan(cli):
    """A run of a GAN on the ring that has hardly begun."""
    assert cli("train", "gan", "ring", "--epochs", "0.1", "--out", "run").code == 0


def test_evaluate_scores_samples_in_the_features_of_a_file(cli, gan, tmp_path):
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    torch.jit.save(torch.jit.trace(net, torch.zeros(1, 2)), tmp_path / "net.pt")
    done = cli("evaluate", "run", "--samples", 150, "--extractor", "net.pt")
    assert done.code == 0 and "Frechet distance" in done.out and "net.pt" in done.out
    quality = json.loads((tmp_path / "run" / "report.json").read_text())["quality"]
    assert quality["samples"] == 150 and quality["features"] == 3 and quality["modes"]["of"] == 8
    assert quality["model"]["frechet"]["limit"] > quality["reference"]["frechet"]["limit"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--extractor", "nowhere.pt"], "nowhere.pt does not exist"),
        (["--samples", 7], "at least 100 samples"),
        (["--samples", -1], "at least 100 samples"),
    ],
)
def test_bad_input_gets_a_sentence(cli, gan, options, said):
    done = cli("evaluate", "run", *options)
    assert done.code == 2 and said in done.err and len(done.err.strip().splitlines()) == 1


@pytest.mark.fault("doors 1.8")
def test_help_says_that_an_extractor_may_run_code(cli):
    said = " ".join(cli("evaluate", "RUN", "--help").out.split())
    assert "TorchScript, which runs code" in said
