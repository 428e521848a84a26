"""What a run costs is said before it costs it, and is about right."""

from __future__ import annotations

import logging
import time

import pytest
import torch

import simulacra
from contract.cases import named
from contract.harness import differing, options_of, state, train
from simulacra.core.optimizers import Plain
from simulacra.core.progress import display as shown
from simulacra.training.hardware.backend import Backend
from simulacra.training.hardware.cost import estimate_cost
from simulacra.training.hardware.memory import counted
from simulacra.training.loop import Loop
from simulacra.training.options import Options
from simulacra.training.steps.optimizer_steps import OptimizerStep

CASES = ["vae", "gan", "rbm", "wgan", "stacked-autoencoder", "ppca", "growing"]


@pytest.mark.parametrize("name", CASES)
def test_steps_are_those_of_the_run_and_the_model_stays(name):
    case = named(name)
    model, loops = case.build(), []
    before = state(model)
    cost = estimate_cost(model, case.data(), options_of(case))
    train(case, hook=loops.append)
    assert cost.steps == loops[0].position.total_steps
    assert cost.needs.rows == len(case.data().train)
    assert not differing(before, state(model)) and model.training
    assert "stage" not in vars(model)


def test_seconds_are_of_the_right_size():
    # one clock for estimate and test, which stands still while others have the cores
    clock = time.process_time
    data = simulacra.from_tensors(
        (torch.rand(1203, 53) < 0.3).to(torch.uint8), simulacra.Binary((53,)), valid=0
    )
    build = lambda: simulacra.VAE(data.space, latent=3, hidden=(301, 301))
    options = Options(epochs=12, device="cpu", progress=False)
    ratios = []
    # whatever else the machine does
    for _ in range(3):
        cost = estimate_cost(build(), data, options, clock=clock)
        began = clock()
        Loop(build(), data, options, Backend(torch.device("cpu"))).run()
        ratios.append(cost.seconds / (clock() - began))
    assert min(abs(r - 1) for r in ratios) < 0.6, ratios


def test_bytes_are_those_of_the_tensors():
    """Weights, gradients, moments and rows, as they lie in memory after a step."""
    case, loops = named("vae"), []
    model = train(case, hook=loops.append, ema=0.9)
    data = case.data()
    parameters = sum(p.nbytes for p in model.parameters())
    cost = estimate_cost(case.build(), data, options_of(case, ema=0.9))
    assert cost.needs.parts == {
        "weights": parameters + sum(b.nbytes for b in model.buffers()),
        "gradients": parameters,
        "optimizer": 2 * parameters,
        "average": parameters,
        "data": data.train.x.nbytes,
    }
    assert cost.bytes == sum(cost.needs.parts.values())


def test_both_players_of_a_game_count():
    case = named("gan")
    model = case.build()
    backend = Backend(torch.device("cpu"))
    players = [
        OptimizerStep(model, update, options_of(case), backend) for update in model.stage(0, []).updates
    ]
    needs = counted(model, [(p.parameters, p.plan) for p in players], False, case.data().train)
    assert needs.parts["gradients"] == sum(p.nbytes for p in model.parameters())


def test_it_is_said_before_and_soon_after_the_start(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(shown, "WORTH_SAYING", 0.0)
    case = named("vae")
    with caplog.at_level(logging.INFO, "simulacra"):
        simulacra.fit(case.build(), case.data(), out=tmp_path, options=options_of(case, epochs=8))
    size, duration = [record.getMessage() for record in caplog.records][:2]
    rows = len(case.data().train)
    assert size.startswith("train: ") and f"steps of 17 rows; {rows} training rows" in size
    assert "besides activations (weights " in size
    assert duration.startswith("train: about ") and duration.endswith(" for 8 epochs")


def test_short_runs_keep_their_duration_to_themselves(tmp_path, caplog):
    case = named("vae")
    with caplog.at_level(logging.INFO, "simulacra"):
        simulacra.fit(case.build(), case.data(), out=tmp_path, options=options_of(case, epochs=8))
    size, *others = [record.getMessage() for record in caplog.records]
    assert size.startswith("train: ") and not any("about " in said for said in others)


@pytest.mark.parametrize("name", ["vae", "gan", "growing"])
def test_plain_steps_are_as_many_and_keep_no_moments(name):
    case = named(name)
    model = case.build()
    before = state(model)
    usual, plain = (estimate_cost(model, case.data(), options_of(case), plain=p) for p in (False, True))
    assert plain.steps == usual.steps and plain.seconds > 0
    assert plain.needs.parts["optimizer"] == 0 < usual.needs.parts["optimizer"]
    assert not differing(before, state(model))


def test_a_plain_step_is_gradient_descent():
    p, q = (torch.nn.Parameter(torch.tensor([2.0, -1.0], dtype=torch.float64)) for _ in range(2))
    steps = Plain(lr=0.25).build([p, q])
    (p**2).sum().backward()
    steps.step()
    assert p.tolist() == [1.0, -0.5] and q.tolist() == [2.0, -1.0]
    steps.zero_grad()
    assert p.grad is None


def test_other_data_are_refused():
    with pytest.raises(ValueError, match="the model was built for"):
        estimate_cost(named("rbm").build(), named("ppca").data())
