"""Scores that contradict their report are refused by everything that reads it."""

import json
import math

import pytest
import torch

import simulacra
from simulacra.cli import main
from simulacra.core.storage.files import read_tensors, write_tensors
from simulacra.evaluation import evaluate, read_report

pytestmark = pytest.mark.fault("doors 1.4")


@pytest.fixture
def run(tmp_path):
    """An evaluated run."""
    data = simulacra.load_data("ring")
    run = simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path / "run", doctor=False)
    evaluate(run, limit=100).write(run.path)
    return run.path


def shifted(folder):
    scores, header = read_tensors(folder / "scores.safetensors")
    write_tensors(folder / "scores.safetensors", {n: v + 1 for n, v in scores.items()}, header)


def fewer(folder):
    scores, header = read_tensors(folder / "scores.safetensors")
    write_tensors(folder / "scores.safetensors", {n: v[:50] for n, v in scores.items()}, header)


def edited(change):
    def edit(folder):
        content = json.loads((folder / "report.json").read_text())
        change(content)
        (folder / "report.json").write_text(json.dumps(content))

    return edit


EDITS = {
    "scores": (shifted, "the scores have a mean of"),
    "rows": (fewer, "50 scores, 100 in the report"),
    "mean": (edited(lambda c: c["estimates"]["likelihood"].update(mean_nats=9.0)), "the report 9"),
    "none": (edited(lambda c: c["estimates"]["likelihood"].update(mean_nats=None)), "have a mean of"),
    "split": (edited(lambda c: c["protocol"].update(split="valid")), "not that of its digest"),
    "text": (edited(lambda c: c["estimates"]["likelihood"].update(mean_nats="high")), "damaged"),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_contradiction_is_refused_and_named(run, name, capsys):
    assert read_report(run).likelihood is not None
    edit, said = EDITS[name]
    edit(run)
    with pytest.raises(ValueError, match="evaluate again") as refused:
        read_report(run)
    assert said in str(refused.value)
    assert main(["compare", str(run), str(run)]) == 2
    assert "evaluate" in capsys.readouterr().err


def test_rows_of_probability_0_agree_with_their_report(run):
    scores, header = read_tensors(run / "scores.safetensors")
    scores = {name: torch.full_like(v, -math.inf) for name, v in scores.items()}
    write_tensors(run / "scores.safetensors", scores, header)
    content = json.loads((run / "report.json").read_text())
    for entry in content["estimates"].values():
        entry["mean_nats"] = -math.inf
    (run / "report.json").write_text(json.dumps(content))
    assert read_report(run).likelihood.mean == -math.inf
