"""Artifacts of every format are read for ever, and answer what they answered when they were written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import simulacra
from simulacra.core.storage import migration
from simulacra.core.storage.files import read_json, read_tensors, write_json, write_tensors

HERE = Path(__file__).parent
KEPT = [
    (path.parent, name)
    for path in sorted(HERE.glob("format-*/*/expected.json"))
    for name in json.loads(path.read_text())
]


@pytest.mark.parametrize(("folder", "name"), KEPT, ids=[f"{f.parent.name}-{f.name}-{n}" for f, n in KEPT])
def test_what_was_saved_answers_the_same(folder, name):
    """To rounding: machines and versions of torch differ in the last bits."""
    expected = json.loads((folder / "expected.json").read_text())[name]
    model = simulacra.load(folder / name)
    c, seed = expected["condition"], expected["seed"]
    scores = model.log_prob(torch.tensor(expected["x"]), c, k=expected["k"], seed=seed).values
    torch.testing.assert_close(scores, torch.tensor(expected["scores"]).double(), rtol=1e-5, atol=1e-4)
    given = None if c is None else c[0]
    samples = model.sample(len(expected["samples"]), given, seed=seed).double()
    torch.testing.assert_close(samples, torch.tensor(expected["samples"]).double(), rtol=1e-4, atol=1e-4)


def test_every_format_is_kept_and_small():
    numbers = {int(folder.parent.name.removeprefix("format-")) for folder, _ in KEPT}
    assert numbers == set(range(1, migration.FORMAT + 1))
    assert sum(path.stat().st_size for path in HERE.glob("format-*/**/*") if path.is_file()) < 60_000


def test_a_kept_run_says_what_it_was_trained_on():
    run = simulacra.load_run(HERE / "format-1" / "folders" / "vae")
    assert run.data.name == "digits" and run.data.train.digest() == run.config["data"]["digest"]


# ---- numbers


def test_every_older_format_has_its_step():
    assert migration.MIGRATIONS.keys() == set(range(1, migration.FORMAT))


def test_older_files_go_through_every_step(monkeypatch, tmp_path):
    """As the code of two formats later would read what is written today."""
    write_json(tmp_path / "a.json", {"latnt": 3})
    write_tensors(tmp_path / "a.safetensors", {"x": torch.ones(2)}, {"latnt": 3})
    first = lambda content: {"latent": content["latnt"]}
    second = lambda content: {"latent": [content["latent"]], "from": content["format"]}
    monkeypatch.setattr(migration, "FORMAT", 3)
    monkeypatch.setattr(migration, "MIGRATIONS", {1: first, 2: second})
    expected = {"latent": [3], "from": 2, "format": 3}
    assert read_json(tmp_path / "a.json") == expected
    assert read_tensors(tmp_path / "a.safetensors")[1] == expected
    # written anew, it is of today's format and is read as it stands
    write_json(tmp_path / "b.json", read_json(tmp_path / "a.json"))
    assert read_json(tmp_path / "b.json") == json.loads((tmp_path / "b.json").read_text()) == expected


def test_a_model_of_an_older_format_is_loaded(monkeypatch, tmp_path):
    """A whole artifact, of which one entry has another name today."""
    simulacra.PPCA(simulacra.Real((3,)), latent=2).save(tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    config["made_with"] = config.pop("arguments")
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))

    def step(content):
        named = {"arguments": content["made_with"]} if "made_with" in content else {}
        return {**content, **named}

    monkeypatch.setattr(migration, "FORMAT", 2)
    monkeypatch.setattr(migration, "MIGRATIONS", {1: step})
    assert simulacra.load(tmp_path / "m").arguments["latent"] == 2


@pytest.mark.parametrize("number", [2, 99, 0, -1, True, 1.0, "1", None])
def test_newer_and_no_numbers_are_refused(number, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"format": number}))
    with pytest.raises(ValueError, match=r"upgrade simulacra\.$|not written by simulacra\.$"):
        read_json(tmp_path / "a.json")
