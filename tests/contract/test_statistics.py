"""Sums over rows reach `after` whole: under accumulation, on two processes and after a resumed run."""

from __future__ import annotations

import pytest
import torch

from contract.cases import Case, real
from contract.harness import differing, in_child, options_of, state, train
from contract.toys.codebook import Codebook, follow, quantized
from simulacra.core.batch import Batch, Terms
from simulacra.core.random.keyed import Rng
from simulacra.core.storage.files import read_tensors, write_tensors
from simulacra.core.updates import Update
from simulacra.training.hardware.backend import Backend, FabricBackend, make_fabric
from simulacra.training.loop import Interrupted
from simulacra.training.options import Options
from simulacra.training.steps.optimizer_steps import OptimizerStep

pytestmark = pytest.mark.fault("wider.c")
CASE = Case("codebook", Codebook, lambda: real(3), options={"epochs": 2})
DOUBLE = {"dtype": torch.float64}


def close(a: dict, b: dict) -> None:
    """States in float64 that agree to rounding, with equal counts."""
    for name, value in a.items():
        torch.testing.assert_close(b[name], value, rtol=1e-12, atol=1e-12)


def moved(update: Update, rows: int = 50, accumulate: int = 1, seed: int = 0):
    """The model and its logged terms after one step of `update` on random rows."""
    model = CASE.build().double()
    x = Rng(seed, "x", rows=range(rows)).normal("x", 3, dtype=torch.float64)
    options = Options(accumulate=accumulate, device="cpu", batch_size=rows)
    step = OptimizerStep(model, update, options, Backend(torch.device("cpu")))
    logged = step.move(Batch.of(x), Rng(seed, rows=range(rows)), 0.0, True)
    return model, x, logged


@pytest.mark.parametrize("accumulate", [1, 3])
def test_one_step_moves_the_codes_by_sums_over_all_rows(float64, accumulate):
    before = CASE.build().double()
    model, x, logged = moved(Update("codebook", ("",), quantized, after=follow), accumulate=accumulate)
    with torch.no_grad():
        z = before.f(x)
    j = before.nearest(z)
    for k in range(model.codes):
        mine = z[j == k]
        assert model.N[k].item() == pytest.approx(0.8 * 1 + 0.2 * len(mine), abs=1e-12)
        torch.testing.assert_close(model.m[k], 0.8 * before.m[k] + 0.2 * mine.sum(0), rtol=1e-12, atol=1e-12)
    assert set(logged) == {"reconstruction", "commitment"}, "sums are not recorded"


def test_statistics_have_the_type_that_the_loss_gave_them(float64):
    seen = {}

    def after(model, terms, progress):
        seen.update(terms)

    moved(Update("codebook", ("",), quantized, after=after), accumulate=2)
    assert seen["n"].dtype == torch.long and int(seen["n"].sum()) == 50
    assert seen["z"].dtype == torch.float64 and not seen["z"].requires_grad
    assert seen["commitment"].dim() == 0


def test_micro_batches_give_the_codes_of_whole_batches():
    close(state(train(CASE, **DOUBLE)), state(train(CASE, accumulate=3, **DOUBLE)))


def test_a_resumed_run_has_the_codes_of_an_uninterrupted_one(tmp_path):
    def stop(loop) -> None:
        loop.stop = lambda: loop.position.total_steps == 6

    with pytest.raises(Interrupted):
        train(CASE, tmp_path, hook=stop)
    assert not differing(state(train(CASE, tmp_path, init=9, resume=True)), state(train(CASE)))


def work(fabric, folder) -> None:
    """Trains the case as one of two processes and leaves its state in a file."""
    torch.set_num_threads(1)
    backend = FabricBackend(fabric)
    model = train(CASE, backend=backend, devices=2, accumulate=2, **DOUBLE)
    write_tensors(folder / f"{backend.rank}.safetensors", state(model), {})


def test_two_processes_give_the_codes_of_one(tmp_path):
    fabric = make_fabric(options_of(CASE, devices=2), start_method="fork")
    assert in_child(lambda: fabric.launch(work, tmp_path)) == 0
    first, second = (read_tensors(tmp_path / f"{rank}.safetensors")[0] for rank in range(2))
    assert not differing(first, second)
    close(state(train(CASE, **DOUBLE)), first)


@pytest.mark.parametrize(
    "stats, said",
    [
        (lambda x: {"commitment": x.sum(0)}, "'commitment_sum'"),
        (lambda x: {"n": 3.0}, "'n' of update 'codebook' is a float.*value.sum"),
        (lambda x: {"rows": x}, r"'rows' .* shape \(25, 3\) .* \(26, 3\)"),
    ],
)
def test_wrong_statistics_are_named(float64, stats, said):
    def loss(model, batch, rng) -> Terms:
        return Terms(quantized(model, batch, rng).loss, stats=stats(batch.x))

    with pytest.raises(ValueError, match=said):
        moved(Update("codebook", ("",), loss, after=follow), rows=51, accumulate=2)
