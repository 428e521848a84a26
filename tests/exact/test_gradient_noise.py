"""Gradient noise: its variance at each step, its place behind clipping, and its key."""

from __future__ import annotations

import pytest
import torch

from contract.cases import Case, named, real
from contract.harness import differing, in_child, options_of, state, train
from contract.toys.codebook import Codebook
from simulacra.core.batch import Batch, Terms
from simulacra.core.optimizers import SGD
from simulacra.core.random.keyed import Rng
from simulacra.core.storage.files import read_tensors, write_tensors
from simulacra.core.updates import Update
from simulacra.training.hardware.backend import Backend, FabricBackend, make_fabric
from simulacra.training.loop import Interrupted
from simulacra.training.options import Options
from simulacra.training.steps.gradient_noise import variance
from simulacra.training.steps.optimizer_steps import OptimizerStep

pytestmark = pytest.mark.system("I1")
CASE = Case("codebook", Codebook, lambda: real(3), options={"epochs": 2, "gradient_noise": 0.3})


def squares(model, batch, rng) -> Terms:
    """A loss with a gradient for f and g."""
    x = batch.x
    return Terms({"error": (model.g(model.f(x)) - x).square().sum(1)})


def moved(eta: float, t: int, clip: float | None = None, rows: int = 7, width: int = 2) -> dict:
    """-1 times the moves of all parameters by gradient descent with rate 1: the gradients with noise."""
    torch.manual_seed(0)
    model = Codebook(real(3).space, width=width).double()
    before = state(model)
    x = Rng(1, rows=range(rows)).normal("x", 3, dtype=torch.float64)
    update = Update("all", ("",), squares, optimizer=SGD(lr=1.0, clip=clip))
    options = Options(gradient_noise=eta, device="cpu", batch_size=rows)
    step = OptimizerStep(model, update, options, Backend(torch.device("cpu")))
    step.move(Batch.of(x), Rng(0, "train", t, rows=range(rows)), 0.0, True, t)
    return {name: before[name] - p.detach() for name, p in model.named_parameters()}


def noise(eta: float, t: int, **more) -> dict:
    """The noise alone: the difference to the gradients without it."""
    plain = moved(0.0, t, **more)
    return {name: g - plain[name] for name, g in moved(eta, t, **more).items()}


@pytest.mark.parametrize("eta", [0.01, 0.3, 1.0])
@pytest.mark.parametrize("t", [0, 1, 50, 10_000])
def test_the_noise_is_a_standard_normal_times_the_schedule(float64, eta, t):
    """g + N(0, eta / (1 + t)^0.55): by the schedule, the numbers are those of the key, whatever eta."""
    keyed = Rng(0, "train", t, rows=range(1))
    for name, found in noise(eta, t).items():
        standard = keyed.at("gradient noise", name).normal("noise", *found.shape, dtype=torch.float64)[0]
        torch.testing.assert_close(found, (eta / (1 + t) ** 0.55) ** 0.5 * standard, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("eta, t", [(0.01, 0), (0.3, 9), (1.0, 999)])
def test_its_variance_is_that_of_the_schedule(float64, eta, t):
    g = torch.cat([found.flatten() for found in noise(eta, t, width=3000).values()])
    told = eta / (1 + t) ** 0.55
    assert variance(eta, t) == pytest.approx(told, rel=1e-14)
    n = len(g)
    assert n > 20_000
    assert abs(float(g.mean())) < 4 * (told / n) ** 0.5
    assert abs(float(g.square().mean()) / told - 1) < 4 * (2 / n) ** 0.5


def test_parameters_and_steps_have_noise_of_their_own(float64):
    one, other = noise(1.0, 0), noise(1.0, 1)
    numbers = torch.cat([g.flatten() for g in [*one.values(), *other.values()]])
    assert len(numbers.unique()) == len(numbers)


def test_clipping_bounds_the_gradient_and_leaves_the_noise(float64):
    clipped = moved(0.0, 3, clip=1e-3)
    assert torch.cat([g.flatten() for g in clipped.values()]).norm().item() == pytest.approx(1e-3, rel=1e-4)
    for name, found in noise(0.3, 3, clip=1e-3).items():
        torch.testing.assert_close(found, noise(0.3, 3)[name], rtol=1e-9, atol=1e-12)


def test_a_resumed_run_has_the_noise_of_an_uninterrupted_one(tmp_path):
    def stop(loop) -> None:
        loop.stop = lambda: loop.position.total_steps == 5

    case, noisy = named("vae/real"), {"gradient_noise": 0.01}
    with pytest.raises(Interrupted):
        train(case, tmp_path, hook=stop, **noisy)
    resumed = state(train(case, tmp_path, init=9, resume=True, **noisy))
    assert not differing(resumed, state(train(case, **noisy)))
    assert differing(resumed, state(train(case))), "the noise moves the weights"


def work(fabric, folder) -> None:
    """Trains the case as one of two processes and leaves its state in a file."""
    torch.set_num_threads(1)
    backend = FabricBackend(fabric)
    model = train(CASE, backend=backend, devices=2, dtype=torch.float64)
    write_tensors(folder / f"{backend.rank}.safetensors", state(model), {})


def test_two_processes_add_the_noise_of_one(tmp_path):
    fabric = make_fabric(options_of(CASE, devices=2), start_method="fork")
    assert in_child(lambda: fabric.launch(work, tmp_path)) == 0
    first, second = (read_tensors(tmp_path / f"{rank}.safetensors")[0] for rank in range(2))
    assert not differing(first, second)
    for name, value in state(train(CASE, dtype=torch.float64)).items():
        torch.testing.assert_close(first[name], value, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("eta", [-0.1, float("inf")])
def test_a_variance_is_a_finite_number_from_0(eta):
    with pytest.raises(ValueError, match=r"gradient_noise is .*such as 0\.3"):
        Options(gradient_noise=eta)
