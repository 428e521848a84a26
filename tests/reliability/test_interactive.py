"""An interrupt in a notebook gives the run as far as it was trained; nothing is drawn without a terminal."""

from __future__ import annotations

import builtins
import logging
import os
import signal
import subprocess
import sys

import pytest
import torch

import simulacra
from contract.cases import named
from contract.harness import differing, options_of, position, state

CASES = [("vae", {}), ("gan", {}), ("rbm", {}), ("vae", {"ema": 0.8})]


def fit(name, folder, steps=None, **settings):
    """A case through the public function, with Ctrl-C after so many steps."""
    case = named(name)

    def press(loop, ended) -> None:
        if loop.position.total_steps == steps:
            signal.raise_signal(signal.SIGINT)

    options = options_of(case, **settings)
    return simulacra.fit(case.build(), case.data(), out=folder, options=options, callbacks=(press,))


@pytest.mark.parametrize(("name", "settings"), CASES, ids=["vae", "gan", "rbm", "average"])
def test_a_notebook_gets_the_run(name, settings, tmp_path, monkeypatch, caplog):
    expected = state(fit(name, tmp_path / "whole", **settings).model)
    monkeypatch.setattr(sys, "ps1", "In : ", raising=False)
    seen = []

    def note(loop, ended) -> None:
        if loop.position.total_steps == 7:
            with loop.ema.installed() if loop.ema else torch.no_grad():
                seen.append(state(loop.model))

    case = named(name)
    press = lambda loop, ended: signal.raise_signal(signal.SIGINT) if len(seen) == 1 else None
    with caplog.at_level(logging.WARNING, "simulacra"):
        run = simulacra.fit(
            case.build(),
            case.data(),
            out=tmp_path / "run",
            options=options_of(case, **settings),
            callbacks=(note, press),
        )
    assert not differing(state(run.model), seen[0]) and differing(seen[0], expected)
    assert not run.model.training and all(p.requires_grad for p in run.model.parameters())
    assert "simulacra.resume(" in caplog.text and str(tmp_path / "run") in caplog.text
    assert position(tmp_path / "run")["total_steps"] == 7
    assert run.metrics[-1]["total_step"] == 7 and run.config["seed_group"]
    resumed = simulacra.resume(run.path, data=case.data())
    assert not differing(expected, state(resumed.model))


@pytest.mark.parametrize("where", ["ps1", "get_ipython"])
def test_who_counts_as_somebody_at_the_keyboard(where, monkeypatch):
    from simulacra.training.callbacks import interactive

    assert not interactive.interactive()
    monkeypatch.setattr(sys if where == "ps1" else builtins, where, lambda: None, raising=False)
    assert interactive.interactive()


def test_a_script_is_interrupted(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit("vae", tmp_path, steps=7)


@pytest.mark.thorough
def test_the_prompt_itself(tmp_path):
    """A real interpreter at its prompt: the run is there, and the session goes on."""
    lines = """
import signal, torch, simulacra
data = simulacra.from_tensors((torch.rand(97, 5) < 0.3).to(torch.uint8), simulacra.Binary((5,)))
press = lambda loop, ended: signal.raise_signal(signal.SIGINT) if loop.position.step == 9 else None
run = simulacra.fit(simulacra.VAE(data.space, latent=2, hidden=(7,)), data, callbacks=(press,), device="cpu")
sys = __import__("sys"); _ = sys.stdout.write(f"{run.path} {run.model.sample(3).shape}\\n")
"""
    command = [sys.executable, "-i", "-q"]
    done = subprocess.run(
        command, input=lines, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
    )
    assert f"{os.path.join('runs', 'vae-tensors-1')} torch.Size([3, 5])" in done.stdout, done.stderr
    assert "simulacra.resume('runs" in done.stderr.replace(os.sep, "/")


@pytest.mark.thorough
def test_nothing_is_written_to_the_streams(tmp_path):
    """No print in the library, and no progress bar where there is no terminal."""
    code = """
import torch, simulacra
data = simulacra.load_data("ring")
run = simulacra.fit(simulacra.VAE(data.space, latent=1, hidden=(7,)), data, epochs=0.5, out="run")
simulacra.evaluate(run, limit=50, k=3)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
