"""Links in a run of a stranger: no command reads or writes through one that leads out of it."""

import shutil
from pathlib import Path

import pytest

import simulacra
from simulacra.cli import main
from simulacra.core.storage.links import check_links
from simulacra.evaluation import evaluate
from simulacra.exploration.pictures.registry import pictures

pytestmark = pytest.mark.fault("doors 1.3")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """An evaluated run with a checkpoint, samples and pictures."""
    place = tmp_path_factory.mktemp("links")
    words = ["train", "vae", "ring", "--epochs", "0.5", "--out", str(place / "run"), "--model.hidden", "[5]"]
    assert main(words) == 0
    assert main(["evaluate", str(place / "run"), "--k", "3", "--limit", "200"]) == 0
    assert main(["sample", str(place / "run"), "--n", "4", "--out", str(place / "run/samples/s.png")]) == 0
    return place / "run"


@pytest.fixture
def run(original, tmp_path):
    shutil.copytree(original, tmp_path / "run")
    (tmp_path / "secret").mkdir()
    for path in original.rglob("*"):
        if path.is_file():
            shutil.copy(path, tmp_path / "secret" / path.name)
    (tmp_path / "secret" / "secret.png").write_bytes(b"\x89PNG secret")
    return tmp_path / "run"


def link(run: Path, name: str, target: str) -> None:
    path = run / name
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(run.parent / "secret" / target)


COMMANDS = [
    "evaluate RUN --limit 100 --k 2",
    "doctor RUN --limit 100",
    "sample RUN --n 2",
    "score RUN ring --k 2 --out OUT/scored.csv",
    "explore RUN",
    "explore samples RUN",
    "compare RUN RUN --out OUT/page.html",
    "export RUN --what decode --out OUT/m.onnx",
    "train --resume RUN",
]
LINKS = {
    "model.safetensors": "model.safetensors",
    "config.json": "config.json",
    "report.json": "report.json",
    "scores.safetensors": "scores.safetensors",
    "metrics.csv": "metrics.csv",
    "samples": "",
    "samples/a.png": "secret.png",
    "evaluations": "",
    "private": "",
    "latent_map.png": "secret.png",
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["samples", "model.safetensors", "evaluations"])
def test_no_command_follows_a_link_out_of_a_run(run, tmp_path, command, name, capsys):
    link(run, name, LINKS[name])
    before = {p.name: p.read_bytes() for p in (tmp_path / "secret").iterdir()}
    words = [w.replace("RUN", str(run)).replace("OUT", str(tmp_path)) for w in command.split()]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "holds a link that leads out of it" in said and name in said
    assert {p.name: p.read_bytes() for p in (tmp_path / "secret").iterdir()} == before
    assert not (tmp_path / "page.html").exists() and not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize("name", LINKS)
def test_every_kind_of_file_is_looked_at(run, name):
    link(run, name, LINKS[name])
    with pytest.raises(ValueError, match="leads out of it"):
        simulacra.load_run(run)


def test_reports_and_pictures_are_not_written_through_a_link(run):
    opened = simulacra.load_run(run)
    report = evaluate(opened, limit=50, k=2)
    for name in ("report.json", "report.md", "evaluations"):
        link(run, name, "")
        with pytest.raises(ValueError, match="leads out of it"):
            report.write(run)
        (run / name).unlink()
    link(run, "private", "")
    with pytest.raises(ValueError, match="leads out of it"):
        pictures(opened.model, opened.data, run)


def test_links_within_a_run_and_to_it_are_followed(run, tmp_path):
    (run / "again.csv").symlink_to(run / "metrics.csv")
    (tmp_path / "door").symlink_to(run)
    check_links(run)
    assert simulacra.load_run(tmp_path / "door").model.sample(2).shape == (2, 2)


def test_a_file_that_is_written_aside_does_not_follow_a_link(tmp_path):
    from simulacra.core.storage.links import unlinked

    (tmp_path / "victim").write_text("whole")
    (tmp_path / "x.part").symlink_to(tmp_path / "victim")
    unlinked(tmp_path / "x.part").write_text("new")
    assert (tmp_path / "victim").read_text() == "whole"
