"""A run or a report from a stranger: what it says of itself is checked before it is used."""

from __future__ import annotations

import json
from functools import partial

import pytest

import simulacra
from contract.cases import classes
from contract.lies import LIES, config
from data.refusal import sentence_of
from simulacra.cli import main
from simulacra.evaluation import read_report


@pytest.mark.parametrize("name", ["module", "path", "hidden", "shape", "negative", "step", "other-raw"])
def test_a_run_that_lies_is_not_resumed(name, tmp_path, capsys):
    """The checkpoint knows the sizes; from Python and from the command line."""
    data = classes(3)
    model = simulacra.VAE(data.space, data.condition, latent=2, hidden=(7,))
    run = simulacra.fit(model, data, out=tmp_path / "run", epochs=1, progress=False)
    LIES[name][0](run.path)
    before = {p: p.read_bytes() for p in run.path.iterdir()}
    sentence_of(lambda: simulacra.resume(run.path, data=data))
    assert main(["train", "--resume", str(run.path)]) == 2
    assert capsys.readouterr().err.count("simulacra: error: ") == 1
    assert {p: p.read_bytes() for p in run.path.iterdir()} == before


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("estimates"),
        lambda c: c.update(estimates=[1]),
        lambda c: c.update(protocol=3),
        lambda c: c["estimates"].update(another={}),
        lambda c: c.update(findings=[{"nonesuch": 1}]),
        lambda c: c.update(format=2),
    ],
)
def test_a_report_that_lies(change, tmp_path):
    data = classes(3)
    simulacra.evaluate(simulacra.PPCA(data.space, latent=1), data, limit=9).write(tmp_path)
    content = json.loads((tmp_path / "report.json").read_text())
    change(content)
    (tmp_path / "report.json").write_text(json.dumps(content))
    sentence_of(lambda: read_report(tmp_path), "report.json")


def test_a_run_whose_data_set_lies(tmp_path):
    """The data set that a run names is loaded by `load_data`, which gets nothing that it does not know."""
    data = simulacra.load_data("ring", limit=50)
    run = simulacra.fit(simulacra.PPCA(data.space, latent=1), data, out=tmp_path / "run", progress=False)
    for spec in ({"name_or_path": "ring", "nonesuch": 1}, {"command": "true"}, [1], "ring"):
        config(lambda c, spec=spec: c["data"].update(spec=spec))(run.path)
        for attempt in (simulacra.load_run, simulacra.resume):
            sentence_of(partial(attempt, run.path), "data")
