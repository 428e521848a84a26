"""Sums over all states: which are made, in how much memory, and their gradients against autograd's."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from machines import Triangle, random_rbm, randomise

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.core.progress.tasks import showing
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.models.boltzmann import RBM, BoltzmannMachine, DiscriminativeRBM
from simulacra.models.boltzmann.machine import partition
from simulacra.models.boltzmann.machine.partition import conditions_of, log_sum, log_z

pytestmark = pytest.mark.fault("scores 3.4")

MEMORY = """
import resource, torch, simulacra
torch.set_num_threads(1)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if {mac} else 1024)
model = simulacra.RBM(simulacra.Binary((784,)), hidden=17)
before = peak()
model.log_z().backward()
print((peak() - before) / 2**30, model.W.grad.norm().item())
"""


# ---- gradients


def dense(model, c=None):
    """log Z by one sum, whose gradient autograd has."""
    side = partition.smaller_side(model)
    (layers,) = partition._chunks(model, side)
    n = len(next(iter(layers.values())))
    each = [None] if c is None else [one.expand(n, *c.shape[1:]) for one in c.split(1)]
    sums = [partition._log_sum(model, side, layers, given) for given in each]
    return sums[0] if c is None else torch.stack(sums)


@pytest.mark.parametrize("chunk", [1, 7, 2**14])
@pytest.mark.parametrize("kind", ["hidden", "visible", "conditions", "real conditions"])
def test_the_gradient_in_chunks_is_that_of_the_whole_sum(float64, monkeypatch, kind, chunk):
    condition = {"conditions": Categorical((), 3), "real conditions": Real((2,))}.get(kind)
    model = RBM(Binary((4 if kind == "visible" else 6,)), condition, hidden=7 if kind == "visible" else 5)
    randomise(model)
    c = None
    if kind == "conditions":
        c = torch.tensor([0, 1, 2])
    elif kind == "real conditions":
        c = torch.tensor([[-1.0, 0.3], [0.2, 0.9]])
    weights = 1.0 if c is None else torch.arange(1.0, 1 + len(c))
    inputs = list(model.parameters())
    truth = dense(model, c)
    expected = torch.autograd.grad((weights * truth).sum(), inputs, allow_unused=True)
    monkeypatch.setattr(partition, "STATES", chunk)
    found = log_z(model, c)
    torch.testing.assert_close(found, truth, rtol=0, atol=1e-12)
    slopes = torch.autograd.grad((weights * found).sum(), inputs, allow_unused=True)
    for a, b in zip(slopes, expected):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [Triangle, lambda: BoltzmannMachine(Binary((4,)), hidden=3)])
def test_the_gradient_is_the_finite_difference(float64, kind):
    model = kind()
    randomise(model, 0.5)
    (p, *_), eps = model.parameters(), 1e-5
    (slope,) = torch.autograd.grad(model.log_z(), p, allow_unused=True)
    for i in range(min(4, p.numel())):
        with torch.no_grad():
            at = p.view(-1)[i].clone()
            sides = []
            for step in (eps, -eps):
                p.view(-1)[i] = at + step
                sides.append(model.log_z().item())
            p.view(-1)[i] = at
        assert slope.view(-1)[i].item() == pytest.approx((sides[0] - sides[1]) / (2 * eps), abs=1e-7)


def test_tensors_that_no_part_touches_have_no_gradient():
    x, y = torch.tensor(2.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    found = log_sum(lambda: iter([lambda: x.double(), lambda: 3 * x.double()]), [x, y])
    found.backward()
    assert y.grad is None and x.grad.item() == pytest.approx(
        (1 + 3 * torch.tensor(4.0).exp()) / (1 + torch.tensor(4.0).exp())
    )


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the peak of memory so")
def test_a_gradient_holds_one_chunk_at_a_time():
    """131,072 states of 784 fields: 0.4 GB for each copy of them in single precision."""
    code = MEMORY.format(mac=sys.platform == "darwin")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    gigabytes, norm = map(float, done.stdout.split())
    assert gigabytes < 0.35 and norm > 0


# ---- what is summed


def test_conditions_count():
    assert (conditions_of(None), conditions_of(Binary((3,))), conditions_of(Real((1,)))) == (
        1,
        8,
        float("inf"),
    )
    # ten classes: 10 times 2^20 states are not summed, 10 times 2^16 are
    for hidden, exact in ((20, False), (17, False), (16, True)):
        model = RBM(Binary((64,)), Categorical((), 10), hidden=hidden)
        assert model.supports(can.HasDensity) is exact and model.supports(can.HasEnergy)
    assert RBM(Binary((64,)), hidden=20).supports(can.HasDensity)
    # of real numbers each row has its own
    assert RBM(Binary((64,)), Real((2,)), hidden=12).supports(can.HasDensity)
    assert not RBM(Binary((64,)), Real((2,)), hidden=13).supports(can.HasDensity)
    labelled = DiscriminativeRBM(Binary((64,)), Categorical((), 10), hidden=16)
    assert not labelled.supports(can.HasDensity)


def test_too_many_states_for_all_conditions_are_refused_with_both_numbers():
    model = RBM(Binary((64,)), Categorical((), 10), hidden=20)
    with pytest.raises(
        ValueError, match=r"2\^20 states for each of 10 conditions, .*at most 2\^20 .* in all"
    ):
        model.log_z(torch.arange(10))
    with pytest.raises(ValueError, match=r"for each of 10 conditions"):
        RBM(Binary((64,)), Categorical((), 10), hidden=20, estimator="exact")
    with pytest.raises(ValueError, match=r"for each condition"):
        RBM(Binary((64,)), Real((2,)), hidden=20, estimator="exact")
    # of a label that is a part of what is learned there is one sum
    DiscriminativeRBM(Binary((64,)), Categorical((), 10), hidden=16, estimator="exact")


def test_a_conditional_machine_that_validated_for_half_an_hour_trains_at_once(tmp_path):
    """The case c9: 2^20 states for each of ten classes."""
    data = simulacra.load_data("digits", binarize="threshold", condition="label")
    model = RBM(data.space, data.condition, hidden=20)
    run = simulacra.fit(model, data, out=tmp_path, epochs=1, doctor=False, progress=False)
    assert not any(row.get("valid_score") for row in run.metrics)
    assert (tmp_path / "model.safetensors").is_file()


def test_a_sum_tells_how_many_states_are_done(monkeypatch):
    monkeypatch.setattr(partition, "STATES", 16)

    class Steps:
        begun = ended = lambda self, progress: None
        moved = lambda self, progress: seen.append((progress.stage, progress.step, progress.total))

    for c, total in ((None, 64), (torch.tensor([0, 1, 1]), 128)):
        seen = []
        with showing(Steps()), torch.no_grad():
            log_z(RBM(Binary((9,)), Categorical((), 2), hidden=6), c)
        assert seen == [("partition function", n, total) for n in range(16, total + 1, 16)]
    seen = []
    with showing(Steps()):
        random_rbm(9, 6).log_z().backward()
    # the second pass of a gradient comes after the end
    assert [n for _, n, _ in seen] == [16, 32, 48, 64]
