"""A chain of finite length, a tiny diffusion: a sampler that ends, and no chain that fails to mix."""

from __future__ import annotations

import copy
import math

import pytest
import torch

import simulacra
from contract.cases import named
from contract.graphs import agree, needs_onnx
from contract.harness import trained
from contract.toys import Diffusion
from contract.toys.diffusion import Steps, levels
from contract.use import rows
from simulacra.core.capabilities import general as can
from simulacra.core.export.onnx import export_onnx
from simulacra.core.random.keyed import Rng
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.doctor.diagnose import findings
from simulacra.exploration.pictures.registry import album_of, possible

pytestmark = pytest.mark.fault("wider.a")


class Known(Diffusion):
    """With the exact predictor for x ~ N(m, s^2): E[x | x_t] = m + a s^2 (x_t - a m) / (a^2 s^2 + b^2)."""

    m, s = 0.7, 0.4

    def expected(self, x, t, c):
        a, b = levels(t)
        return self.m + a * self.s**2 * (x - a * self.m) / (a.square() * self.s**2 + b.square())


def moments_by_recursion(length):
    """Mean and variance after each step of equation (3), which is linear in x_t: no draw is made."""
    m, s = Known.m, Known.s
    mean, var = 0.0, 1.0
    for k in range(length, 0, -1):
        (a, b), (a_r, b_r) = (
            (math.cos(t * math.pi / 2), math.sin(t * math.pi / 2)) for t in (k / length, (k - 1) / length)
        )
        q = b_r / b * math.sqrt(max(0.0, 1 - (a / a_r) ** 2))
        kept = math.sqrt(max(0.0, b_r**2 - q**2)) / b
        gain = a * s**2 / (a**2 * s**2 + b**2)
        # x_r = (a_r - kept a) f + kept x + q e,  f = m + gain (x - a m)
        slope = (a_r - kept * a) * gain + kept
        mean = (a_r - kept * a) * m * (1 - gain * a) + slope * mean
        var = slope**2 * var + q**2
    return mean, var


@pytest.mark.parametrize("steps", [1, 3, 40])
def test_samples_of_so_many_steps_have_the_moments_of_the_recursion(float64, steps):
    n, model = 4000, Known(simulacra.Real((2,)), length=9)
    x = model.sample(n, seed=3, steps=steps)
    mean, var = moments_by_recursion(steps)
    wide = math.sqrt(max(var, 1e-12) / (2 * n))
    assert float((x.mean() - mean).abs()) < 5 * wide + 1e-9
    assert float(x.var()) == pytest.approx(var, rel=0.1, abs=1e-9)


def test_many_steps_reach_the_law_of_the_data_at_first_order():
    (mean, coarse), (_, fine) = moments_by_recursion(1000), moments_by_recursion(2000)
    target = Known.s**2
    assert mean == pytest.approx(Known.m, abs=1e-3) and fine == pytest.approx(target, rel=0.01)
    assert (coarse - target) / (fine - target) == pytest.approx(2, rel=0.05)


def test_the_state_carries_its_clock():
    model, rng = trained(named("small-diffusion/conditional")), Rng(1, "chain", rows=range(3))
    c = torch.tensor([0, 1, 2])
    with torch.no_grad():
        state = model.start_chain(rng, c)
        for t in range(5):
            assert state[:, -2].tolist() == [5.0 - t] * 3
            state = model.step(state, rng.at(t), c)
        # behind the end, and at observations, nothing moves
        assert torch.equal(model.step(state, rng.at(9), c), state)
        x = torch.zeros(3, 2)
        there = model.chain_at(x, rng, c)
        assert torch.equal(model.step(there, rng, c), there)
    by_hand = model.preprocessing.inverse(model.shown(state))
    again = model.draw(Rng(1, "chain", rows=range(3)), c)
    assert torch.equal(by_hand, again.detach())


def test_sample_takes_steps_and_the_model_says_so():
    model, c = trained(named("small-diffusion")), None
    assert model.sampling == Steps(12) and model.looks(Steps(4)) == 4
    assert torch.equal(model.sample(3, c, seed=1, steps=12), model.sample(3, c, seed=1))
    whole = model.sample(50, seed=1, steps=4)
    for n in (2, 3):
        torch.testing.assert_close(model.sample(n, seed=1, steps=4), whole[:n])
    assert not torch.allclose(whole, model.sample(50, seed=1))
    seen = []
    model.sample(
        2, seed=1, steps=4, watch=lambda t, total, x, known: seen.append((t, total, bool(known.all())))
    )
    assert seen == [(t, 4, True) for t in (1, 2, 3, 4)]
    with pytest.raises(
        ValueError, match=r"sample takes no step=; did you mean steps=\? Diffusion draws with steps="
    ):
        model.sample(2, step=4)
    with pytest.raises(ValueError, match=r"steps is 2\.5, but it must be a whole number"):
        model.sample(2, steps=2.5)
    with pytest.raises(ValueError, match="steps is 0"):
        model.sample(2, steps=0)


def test_completions_keep_what_is_known():
    model, (x, c) = trained(named("small-diffusion/conditional")), rows(named("small-diffusion/conditional"))
    filled = model.complete(x, known=[True, False], condition=c, seed=1)
    assert torch.equal(filled[:, 0], x[:, 0]) and not torch.equal(filled[:, 1], x[:, 1])


def images():
    x = Rng(0, "x", rows=range(240)).normal("x", 1, 3, 3) * 0.4 + 0.7
    return from_tensors(
        x, simulacra.Real((1, 3, 3)), "squares", torch.arange(240) % 2, simulacra.Categorical((), 2)
    )


def test_the_doctor_does_not_call_it_broken_and_its_picture_is_a_trajectory():
    data = images()
    model = Diffusion(data.space, data.condition, length=4)
    found = findings(model, data, limit=50)
    assert "mixing of chains" not in {f.name for f in found} and len(found) > 2
    album = album_of(model, data, 0, [])
    kinds = {kind.name: kind for kind in possible(album)}
    assert "trajectory" in kinds and "fantasies" not in kinds
    picture = kinds["trajectory"].draw(album)
    assert picture.layout.column_names == ("0", "1", "2", "3", "4")
    assert picture.panels[0].values.shape[0] == 8 * 5 and picture.layout.row_names[0] == "0"
    last = torch.from_numpy(picture.panels[0].values)[4::5].double()
    rng, c = Rng(0, "trajectory", rows=range(8)), torch.arange(8) * 2 // 8
    with torch.no_grad():
        state = model.start_chain(rng.at("start"), c)
        for t in range(4):
            state = model.step(state, rng.at(t), c)
    torch.testing.assert_close(last, model.shown(state).double(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("how", [None, {"steps": 2}])
def test_it_is_evaluated_and_other_options_have_another_protocol(how):
    data = images()
    model = Diffusion(data.space, data.condition, length=4)
    report = simulacra.evaluate(model, data, limit=40, sampling=how, budget=None)
    assert report.samples is not None and report.protocol.sampling == ("" if how is None else "steps=2")
    assert model.supports(can.Samples) and "mixing of chains" not in {f.name for f in report.findings}


@needs_onnx
@pytest.mark.parametrize(
    "name", ["rbm/conditional", pytest.param("small-diffusion/conditional", marks=pytest.mark.thorough)]
)
def test_the_exported_step_uses_its_condition(name, tmp_path):
    """The graph says what torch says for each label, and the labels make a difference."""
    case = named(name)
    model = copy.deepcopy(trained(case))
    for parameter in model.parameters():
        parameter.data.add_(torch.linspace(-2, 2, parameter.numel()).view_as(parameter))
    path, x = export_onnx(model, tmp_path / "step.onnx", "step"), rows(case, 6)[0]
    first, second = (agree(model, path, "step", 6, x, torch.full((6,), label)) for label in (0, 2))
    assert abs(first - second).max() > 1e-4
