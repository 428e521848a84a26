"""Samplers of Gaussian diffusions: DDIM, Heun, fewer steps and guidance. Row H21."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

import simulacra
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Real
from simulacra.models.diffusion.ddpm import DDPM
from simulacra.models.diffusion.gaussian import GaussianKernel, Guess
from simulacra.models.diffusion.samplers import ddim, heun, karras
from simulacra.models.diffusion.schedules import Level, log_kept_of, log_sigma

pytestmark = [pytest.mark.system("H21"), pytest.mark.usefixtures("float64")]
M, S = 0.7, 0.4


def exact(h, t, r):
    """The mean of x_0 given x_t for data of N(M, S^2)."""
    A = t.log_kept.exp()
    return Guess(M + t.a * S**2 / (A * S**2 + t.variance) * (h - t.a * M), torch.zeros_like(h))


def column(*values):
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)


def flow(h, t, r):
    """The exact solution of the ODE: (x_t - a M) over its standard deviation does not change."""
    spread = lambda at: (at.log_kept.exp() * S**2 + at.variance).sqrt()
    return r.a * M + (h - t.a * M) * spread(r) / spread(t)


@pytest.mark.parametrize("variance", ["small", "large"])
def test_ddim_with_all_of_its_noise_is_the_ancestral_step(variance):
    model = DDPM(Real((2,)), T=9, variance=variance, hidden=(3,))
    h, e = (Rng(0, name, rows=range(5)).normal(name, 2, dtype=torch.float64) for name in "he")
    for t, r in ((9, 8), (9, 2), (5, 4), (1, 0)):
        now, before = (model.kernel.level(column(*[i] * 5)) for i in (t, r))
        guess = model.predicted(h, now, before, None)
        torch.testing.assert_close(
            ddim(h, now, before, guess, 1.0, e),
            model.kernel.moved(h, now, before, guess, e),
            atol=1e-12,
            rtol=1e-10,
        )
    ancestral, same = (
        model.sample(3, seed=1, steps=4, **how) for how in ({}, {"sampler": "ddim", "eta": 1.0})
    )
    torch.testing.assert_close(ancestral, same)


def test_ddim_without_noise_leads_there_and_back():
    """The error of a round trip falls to 0 at first order in the number of steps."""
    x = column(-0.4, 0.2, 1.5)
    errors = []
    for T in (100, 200, 400):
        kernel, h = GaussianKernel(Real((1,)), T, "cosine"), x
        levels = [kernel.level(column(*[t] * 3)) for t in range(1, T + 1)]
        for t, r in [*pairwise(levels), *zip(levels[::-1], levels[-2::-1])]:
            h = ddim(h, t, r, exact(h, t, r), 0.0, torch.zeros_like(h))
        errors.append(float((h - x).abs().max()))
    assert errors[2] < 0.02 and errors[0] / errors[1] == pytest.approx(2, rel=0.3)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.3)


def solved(method, n, x):
    """The end of n steps in equal ratios of sigma, from sigma 20 to 0.05, and the exact one."""
    grid = torch.linspace(math.log(20), math.log(0.05), n + 1, dtype=torch.float64)
    levels = [Level(column(*[0.5] * len(x)), log_kept_of(column(*[v.item()] * len(x)))) for v in grid]
    h = x
    for t, r in pairwise(levels):
        h = method(h, t, r)
    return float((h - flow(x, levels[0], levels[-1])).abs().max())


def test_heun_is_of_second_order_and_ddim_of_first():
    x = column(-0.8, 0.3, 1.1)
    second = [solved(lambda h, t, r: heun(h, t, r, exact), n, x) for n in (40, 80, 160)]
    first = [solved(lambda h, t, r: ddim(h, t, r, exact(h, t, r), 0.0, h), n, x) for n in (40, 80, 160)]
    for found, order in ((second, 2), (first, 1)):
        slopes = [math.log2(a / b) for a, b in pairwise(found)]
        assert slopes == pytest.approx([order, order], abs=0.2)
    assert second[2] < 1e-3 < first[2]


def test_levels_of_heun_are_those_of_the_power_7_rule():
    kernel = GaussianKernel(Real((1,)), 50, "linear")
    table = log_sigma(kernel.log_kept[1:]).exp()
    for i in range(6):
        level = karras(kernel, column(6.0 - i), column(6.0))
        wanted = (80 ** (1 / 7) + i / 5 * (table[0] ** (1 / 7) - 80 ** (1 / 7))) ** 7
        assert log_sigma(level.log_kept).exp().item() == pytest.approx(wanted.item(), rel=1e-9)
        # the time is that of the step whose noise it is
        near = torch.searchsorted(table, wanted * (1 - 1e-9)).item()
        assert near / 50 - 1e-9 <= level.u.item() <= (near + 1) / 50 + 1e-9
    assert karras(kernel, column(0.0), column(6.0)).log_kept.item() == 0


class Known(DDPM):
    """With the exact mean of x_0 for data of N(M, S^2)."""

    def predicted(self, h, t, r, c, kept=None):
        return Guess(exact(h, t, r).mean, super().predicted(h, t, r, c, kept).var)


def test_few_steps_and_all_of_them_from_one_artifact(tmp_path):
    n, model = 2000, Known(Real((1,)), T=200, schedule="cosine", hidden=(2,))
    for how in ({}, {"steps": 30, "sampler": "heun"}, {"steps": 50, "sampler": "ddim"}):
        x = model.sample(n, seed=2, **how)
        assert x.mean().item() == pytest.approx(M, abs=5 * S / math.sqrt(n))
        assert x.std().item() == pytest.approx(S, rel=0.1)
    net = DDPM(Real((2,)), T=12, hidden=(3,))
    net.save(tmp_path / "a.safetensors")
    again = simulacra.load(tmp_path / "a.safetensors")
    for how in ({"steps": 10}, {"steps": 12}, {"sampler": "heun", "steps": 30}):
        whole = again.sample(50, seed=3, **how)
        assert torch.equal(whole, net.sample(50, seed=3, **how))
        for k in (2, 3):
            torch.testing.assert_close(again.sample(k, seed=3, **how), whole[:k])
        seen = []
        again.sample(2, seed=3, watch=lambda t, total, x, known, seen=seen: seen.append((t, total)), **how)
        assert seen == [(t + 1, how.get("steps", 12)) for t in range(how.get("steps", 12))]


def test_guidance_moves_the_mean_from_p_of_x_through_p_of_x_given_c():
    model = DDPM(Real((2,)), Categorical((), 3), T=6, hidden=(5,), predicts="x")
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            p.copy_(torch.sin(torch.arange(p.numel()) * (1.3 + i)).view_as(p))
    h, c = torch.tensor([[0.3, -0.2]] * 3), torch.arange(3)
    t, r = (model.kernel.level(column(*[i] * 3)) for i in (4, 3))
    with torch.no_grad():
        given, free = model.predicted(h, t, r, c).mean, model.predicted(h, t, r, None).mean
        assert float((given - free).abs().min()) > 1e-3
        for g in (0.0, 1.0, 2.5):
            torch.testing.assert_close(model.guided(h, t, r, c, g).mean, free + g * (given - free))
    assert not torch.allclose(model.sample(3, c, seed=1, guidance=2.5), model.sample(3, c, seed=1))


@pytest.mark.parametrize(
    "how, said",
    [
        ({"steps": 13}, "steps is 13, but this DDPM has 12 steps: give 12 or fewer"),
        ({"steps": 0}, "steps is 0, but a draw takes at least one: give 1 or more"),
        ({"eta": 0.5}, r"eta is 0.5, but sampler='ancestral' takes none: that is for ddim"),
        ({"eta": 1.5, "sampler": "ddim"}, r"eta is 1.5, but a share of noise lies in \[0, 1\]"),
        ({"guidance": 2.0}, "guidance is 2.0, but this DDPM has no condition: give a guidance of 1"),
        ({"sampler": "heum"}, "sampler is 'heum'"),
    ],
)
def test_what_a_model_cannot_draw_is_refused_in_a_sentence(how, said):
    with pytest.raises(ValueError, match=said):
        DDPM(Real((2,)), T=12, hidden=(3,)).sample(2, **how)


def test_bits_have_no_deterministic_sampler():
    model = simulacra.Diffusion(Binary((3,)), T=4, hidden=(3,))
    with pytest.raises(ValueError, match="the noise of bits is no Gaussian: take the ancestral one"):
        model.sample(2, sampler="ddim")
    with pytest.raises(ValueError, match="DDPM takes Real or Levels, but the space is Binary"):
        DDPM(Binary((3,)))
