"""A recipe's budget keeps trainings that go on, finished ones that are loaded, and scores."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import torch

import simulacra
from simulacra.api import fit
from simulacra.training.hardware.budget import Budget
from simulacra.training.state.kept_runs import fit_or_resume


@pytest.fixture
def toy():
    """Binary rows, and a function that builds an untrained VAE for them."""
    torch.manual_seed(3)
    x = torch.rand(411, 7).round()
    data = simulacra.from_tensors(x, simulacra.Binary((7,)), "toy", valid=0.1, test=0.1)

    def build(hidden=19):
        torch.manual_seed(0)
        return simulacra.VAE(data.space, latent=2, hidden=(hidden,))

    return build, data


def interrupt_at(step):
    """A callback that stops training in its middle."""

    def watch(loop, epoch_ended):
        if loop.position.step == step:
            loop.save()
            raise RuntimeError("stopped")

    return watch


def equal(a, b):
    """True if two models have the same bits."""
    first, second = a.state_dict(), b.state_dict()
    return first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)


def test_a_training_that_was_stopped_goes_on_bit_for_bit(toy, tmp_path):
    build, data = toy
    settings = {"epochs": 4, "batch_size": 33, "progress": False}
    whole = fit_or_resume(build(), data, tmp_path / "whole", **settings)
    with pytest.raises(RuntimeError, match="stopped"):
        fit(build(), data, out=tmp_path / "run", callbacks=(interrupt_at(17),), **settings)
    budget = Budget(folder=tmp_path)
    run = budget.fit("run", build(), data, 4, batch_size=33, progress=False)
    assert equal(run.model, whole.model) and run.epochs == 4


def test_a_finished_training_is_loaded_and_not_touched(toy, tmp_path):
    build, data = toy
    first, second = (Budget(folder=tmp_path).fit("a", build(), data, 1, progress=False) for _ in range(2))
    written = (tmp_path / "a" / "model.safetensors").stat().st_mtime_ns
    third = Budget(folder=tmp_path).fit("a", build(), data, 1, progress=False)
    assert (tmp_path / "a" / "model.safetensors").stat().st_mtime_ns == written
    assert equal(first.model, second.model) and equal(first.model, third.model)
    assert not third.model.training


def test_the_passes_are_those_that_the_training_began_with(toy, tmp_path):
    """A second start may find the machine slower; the schedule stays."""
    build, data = toy
    seconds = iter(float(i) for i in range(10**6))
    budget = Budget(1e-3, tmp_path, clock=lambda: next(seconds))
    begun = budget.fit("a", build(), data, 50, progress=False).epochs
    assert 0 < begun < 50
    assert Budget(30, tmp_path).fit("a", build(), data, 50, progress=False).epochs == begun


def test_a_folder_with_another_training_is_refused(toy, tmp_path):
    build, data = toy
    budget = Budget(folder=tmp_path)
    budget.fit("a", build(), data, 1, progress=False)
    for model, settings, said in ((build(23), {}, "arguments"), (build(), {"batch_size": 7}, "batch_size")):
        with pytest.raises(ValueError, match=f"holds another training .{said} differ"):
            budget.fit("a", model, data, 1, progress=False, **settings)
    others = simulacra.from_tensors(1 - data.train.x, simulacra.Binary((7,)), "toy", valid=0.1, test=0.1)
    with pytest.raises(ValueError, match="not those that"):
        budget.fit("a", build(), others, 1, progress=False)


def test_a_score_is_measured_once(tmp_path):
    calls = []

    def measure(value):
        calls.append(value)
        return [value, 1e-17, "a note"]

    for folder, expected in ((tmp_path / "kept", 1), (None, 3)):
        found = [Budget(folder=folder).once("score", measure, 0.1 + 0.2) for _ in range(2)]
        assert found == [[0.1 + 0.2, 1e-17, "a note"]] * 2 and len(calls) == expected


def test_a_budget_of_the_processor_does_not_see_the_clock(toy, monkeypatch):
    """Steps that wait on the clock and compute next to nothing fit into a budget of CPU seconds."""
    build, data = toy
    model = build()
    wait = lambda *_: time.sleep(0.03)
    updates = [replace(update, before=wait) for update in model.updates()]
    monkeypatch.setattr(type(model), "updates", lambda self: updates)
    passes = lambda clock: Budget(0.5 / 60, clock=clock).epochs(model, data, 3, batch_size=33)
    # about 30 steps: 0.9 seconds on the clock
    assert passes(time.process_time) == 3 and passes(time.perf_counter) < 3
