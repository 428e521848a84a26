"""Verdicts at their edges, and budgets that are kept."""

import time

import pytest
import torch

import simulacra
from simulacra.evaluation.compare.reproduction import Figure
from simulacra.training.hardware.budget import Budget


def figure(published=-86.34, better="neither", **more):
    """A published number with a tolerance of 0.1 and a wide one of 1."""
    return Figure("log p(x)", published, "a paper", "nats", "MNIST", 0.1, 1.0, better, **more)


@pytest.mark.parametrize(
    ("apart", "share", "verdict"),
    [
        (0.0, 1.0, "reproduced"),
        (0.1, 1.0, "reproduced"),
        (-0.1, 0.01, "reproduced"),
        (0.101, 1.0, "within tolerance"),
        (-1.0, 1.0, "within tolerance"),
        (1.0, 0.5, "within tolerance"),
        (-1.001, 0.999, "budget too small"),
        (-1.001, 1.0, "not reproduced"),
        (1.001, 1.0, "not reproduced"),
    ],
)
def test_verdicts_at_the_edges(apart, share, verdict):
    assert figure().measured(-86.34 + apart, share=share).verdict == verdict


@pytest.mark.parametrize(
    ("better", "apart", "verdict"),
    [
        ("higher", 5.0, "reproduced"),
        ("higher", -5.0, "not reproduced"),
        ("lower", -5.0, "reproduced"),
        ("lower", 5.0, "not reproduced"),
        ("neither", 5.0, "not reproduced"),
    ],
)
def test_beyond_the_figure_on_the_better_side(better, apart, verdict):
    assert figure(better=better).measured(-86.34 + apart).verdict == verdict


def test_decimals_do_not_move_an_edge():
    """13.88 - 13.87 is a little more than 0.01 in floating point."""
    assert 13.88 - 13.87 > 0.01
    rounded = Figure("error", 13.87, "a paper", "", "MNIST", 0.01, 0.05)
    assert rounded.measured(13.88).verdict == "reproduced"


def test_numbers_of_different_protocols_are_not_compared():
    same = figure().measured(-86.34, protocol="other images")
    assert same.verdict == "different protocol"


def test_without_a_published_number_there_is_only_a_record():
    found = figure(published=None).measured(3.5, 0.2, protocol="digits", share=0.1)
    assert (found.verdict, found.value, found.error) == ("recorded", 3.5, 0.2)


@pytest.fixture
def toy():
    """A small VAE and binary rows for it."""
    torch.manual_seed(3)
    x = torch.rand(411, 7).round()
    data = simulacra.from_tensors(x, simulacra.Binary((7,)), "toy", valid=0.1, test=0.1)
    return simulacra.VAE(data.space, latent=2, hidden=(19,)), data


def test_a_budget_is_kept(toy, tmp_path):
    model, data = toy
    simulacra.fit(model, data, out=tmp_path / "warm", epochs=1)
    seconds = 1.0
    # of the processor: other processes may take the clock's time
    began = time.process_time()
    epochs = Budget(seconds / 60).epochs(model, data, 1e6, batch_size=33)
    assert time.process_time() - began < seconds
    simulacra.fit(model, data, out=tmp_path / "run", epochs=epochs, batch_size=33, progress=False)
    assert time.process_time() - began < 2.5 * seconds
    assert epochs * len(data.train) / 33 > 20, "so many steps take no second"


def test_share_of_the_time(toy):
    model, data = toy
    # time of the processor: other processes may take that of the wall
    budget = Budget(0.05, clock=time.process_time)
    budget.epochs(model, data, 1e6, share=0.2)
    whole, part = (budget.epochs(model, data, 1e6, share) for share in (1.0, 0.2))
    assert part < 0.6 * whole


def test_never_more_than_the_whole_schedule_and_never_less_than_a_step(toy):
    model, data = toy
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert Budget(None).epochs(model, data, 12.5) == 12.5
    assert Budget(30).epochs(model, data, 2) == 2
    assert Budget(1e-7).epochs(model, data, 40, batch_size=33) == pytest.approx(33 / len(data.train))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_closed_form_has_nothing_to_shorten(toy):
    _, data = toy
    data = simulacra.from_tensors(data.train.x.float(), simulacra.Real((7,)), "toy")
    assert Budget(0.01).epochs(simulacra.PPCA(data.space, latent=2), data, 1) == 1
