"""`steps` gives the length of training in steps: exactly, by stages, resumed bit for bit, and alone."""

from __future__ import annotations

import pytest
import torch

import simulacra
from contract.cases import named
from simulacra.cli.app import main
from simulacra.training.hardware.cost import estimate_cost
from simulacra.training.options import Options, planned_stages

pytestmark = pytest.mark.fault("outside 1.w2b.steps")


def vae(data, **more):
    return simulacra.VAE(data.space, latent=1, hidden=(4,), **more)


@pytest.mark.parametrize("steps", [1, 7, 30])
def test_training_takes_so_many_steps(steps, tmp_path):
    data = simulacra.load_data("ring", limit=100)
    run = simulacra.fit(vae(data), data, steps=steps, batch_size=16, out=tmp_path / "run", progress=False)
    assert run.metrics[-1]["total_step"] == steps
    assert run.config["options"]["steps"] == steps
    assert estimate_cost(vae(data), data, Options(steps=steps)).steps == steps


@pytest.mark.parametrize("steps", [1, 2, 50, 101])
@pytest.mark.parametrize("name", ["dbn", "stacked-autoencoder", "vae"])
def test_stages_share_the_steps_by_their_declared_lengths(name, steps):
    model = named(name).build()
    plan = [stage for stage in planned_stages(model) if stage.updates]
    found = [Options(steps=steps).steps_of(stage, model, 60) for stage in plan]
    declared = [Options().steps_of(stage, model, 60) for stage in plan]
    if steps >= 50:
        assert sum(found) == steps
    for one, other in zip(found, declared):
        assert abs(one - steps * other / sum(declared)) <= 1


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path):
    data = simulacra.load_data("ring", limit=100)
    options = {"steps": 23, "batch_size": 16, "lr": 0.01, "schedule": "cosine", "progress": False}
    whole = simulacra.fit(vae(data), data, out=tmp_path / "whole", **options)

    def stop(loop, epoch_ended):
        if loop.position.step == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulacra.fit(vae(data), data, out=tmp_path / "parts", callbacks=(stop,), **options)
    again = simulacra.resume(tmp_path / "parts")
    ours, theirs = whole.model.state_dict(), again.model.state_dict()
    assert again.metrics[-1]["total_step"] == 23
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"steps": 30, "epochs": 2}, "leave out one"),
        ({"steps": 30, "stages": {"train": 2}}, "leave out one"),
        ({"steps": 0}, "at least 1"),
        ({"steps": 2**60}, "at most"),
    ],
)
def test_other_lengths_beside_it_are_refused(given, what):
    with pytest.raises(ValueError, match=what):
        Options(**given)


@pytest.mark.thorough
def test_the_command_line_takes_it_and_says_how_to_train_longer(tmp_path, capsys):
    run = str(tmp_path / "run")
    words = ["vae", "ring", "--data.limit", "100", "--model.latent", "1", "--model.hidden", "4"]
    assert main(["train", *words, "--steps", "12", "--out", run]) == 0
    assert main(["train", "--resume", run]) == 0
    assert "--steps 24" in capsys.readouterr().out
    longer = ["--config", f"{run}/config.yaml", "--steps", "24", "--out", f"{run}-longer"]
    assert main(["train", *longer]) == 0
    assert simulacra.load_run(f"{run}-longer").metrics[-1]["total_step"] == 24
