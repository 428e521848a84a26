"""A saved model from a stranger: whatever stands in it, the answer is a model or one sentence."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import simulacra
from contract.cases import classes
from contract.lies import CONFIG, LIES, WEIGHTS
from data.refusal import sentence_of
from simulacra.cli import main


@pytest.fixture
def saved(tmp_path) -> Path:
    """The folder of a small conditional VAE."""
    torch.manual_seed(3)
    data = classes(3)
    model = simulacra.VAE(data.space, data.condition, latent=2, hidden=(7,))
    model.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def executes_nothing(monkeypatch):
    """Whoever asks the system for a process fails the test."""

    def never(*_, **__):
        raise AssertionError("something was executed")

    for place in ("os.system", "os.popen", "os.fork", "os.abort", "subprocess.Popen"):
        monkeypatch.setattr(place, never, raising=False)  # some systems have no fork


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_refused_in_one_sentence(name, saved, executes_nothing, peak_memory):
    lie, words = LIES[name]
    lie(saved)
    before = peak_memory()
    assert len(sentence_of(lambda: simulacra.load(saved), *words)) < 1000
    # nothing was allocated on the word of the configuration
    assert peak_memory() - before < 300 * 2**20


HEADER_LIES = ("module", "unknown", "latent", "shape", "step", "newer", "format", "number", "other-raw")


@pytest.mark.parametrize("name", HEADER_LIES)
def test_a_lie_in_the_header_of_one_file_is_refused(name, saved, tmp_path):
    """The same edits of the same configuration, in the other form."""
    file = tmp_path / "one.safetensors"
    simulacra.load(saved).save(file)
    with safe_open(file, framework="pt") as opened:
        found = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
        (saved / CONFIG).write_text(opened.metadata()["simulacra"])
    lie, words = LIES[name]
    lie(saved)
    save_file(found, file, metadata={"simulacra": (saved / CONFIG).read_text()})
    sentence_of(lambda: simulacra.load(file), *(word for word in words if word != CONFIG))


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"format": "1"}'])
def test_a_header_that_is_none(content, saved):
    found = {"a": torch.zeros(2)}
    save_file(found, saved / "one.safetensors", metadata={"simulacra": content})
    sentence_of(lambda: simulacra.load(saved / "one.safetensors"), "one.safetensors")


def test_what_is_no_model_at_all(saved, tmp_path):
    sentence_of(lambda: simulacra.load(tmp_path / "nowhere"), "neither a run nor a saved model")
    sentence_of(lambda: simulacra.load(saved / CONFIG), "give a folder")
    sentence_of(lambda: simulacra.load(saved / WEIGHTS), "give the folder it came in")


def test_links_are_followed_in_reading_and_replaced_in_writing(saved, tmp_path, links):
    """Caches of model hubs are folders of links; what they point at is never written."""
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    for name in (CONFIG, WEIGHTS):
        (snapshot / name).symlink_to(saved / name)
    expected = simulacra.load(saved).sample(3, condition=1, seed=0)
    assert torch.equal(simulacra.load(snapshot).sample(3, condition=1, seed=0), expected)
    (tmp_path / "secret").write_text("nothing to see")
    (snapshot / WEIGHTS).unlink()
    (snapshot / WEIGHTS).symlink_to(tmp_path / "secret")
    assert "nothing to see" not in sentence_of(lambda: simulacra.load(snapshot), WEIGHTS)
    simulacra.load(saved).save(snapshot)
    assert (tmp_path / "secret").read_text() == "nothing to see"
    assert not (snapshot / WEIGHTS).is_symlink()


@pytest.mark.parametrize("name", ["module", "latent", "step", "empty", "truncated", "nan", "newer"])
def test_the_command_line_says_it_in_one_line(name, saved, capsys, monkeypatch):
    monkeypatch.delenv("SIMULACRA_DEBUG", raising=False)
    LIES[name][0](saved)
    before = sorted(p.name for p in saved.iterdir())
    assert main(["sample", str(saved), "--n", "3"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("simulacra: error: ") and err.count("\n") == 1
    assert sorted(p.name for p in saved.iterdir()) == before


def test_models_are_loaded_in_several_threads(saved):
    """What a load counts and places is its own."""
    expected = simulacra.load(saved).sample(3, condition=1, seed=0)
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: simulacra.load(saved), range(12)))
    assert all(torch.equal(model.sample(3, condition=1, seed=0), expected) for model in models)
