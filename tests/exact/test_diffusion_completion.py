"""Completions of diffusions, by clamping and by resampling, and what the doctor measures of their steps."""

from __future__ import annotations

import math

import pytest
import torch

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.diffusion.binomial import BinomialKernel, BitGuess
from simulacra.models.diffusion.ddpm import DDPM
from simulacra.models.diffusion.gaussian import GaussianKernel, Guess
from simulacra.models.diffusion.inversion import Diffusion

pytestmark = [pytest.mark.system("H20"), pytest.mark.usefixtures("float64")]
C = torch.tensor([[1.0, 0.8], [0.8, 1.0]], dtype=torch.float64)


def column(*values):
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)


class Correlated(Diffusion):
    """With the exact mean and variances of x_0 given x_t for data of N(0, C)."""

    def predicted(self, h, t, r, c, kept=None):
        A = t.log_kept[0].exp()
        gain = A.sqrt() * C @ torch.linalg.inv(A * C + (1 - A) * torch.eye(2))
        return Guess(h @ gain.T, (C - A.sqrt() * gain @ C).diagonal().expand(len(h), 2))


class ExactBits(Diffusion):
    """With the exact law of each bit of x_0 given x_t, for two bits of law (0.4, 0.1, 0.1, 0.4)."""

    law = torch.tensor([0.4, 0.1, 0.1, 0.4], dtype=torch.float64)
    states = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64)

    def predicted(self, h, t, r, c, kept=None):
        one = self.states * t.kept[:, None] + (1 - t.kept[:, None]) / 2
        like = torch.where(h[:, None] > 0.5, one, 1 - one).prod(2) * self.law
        return BitGuess(torch.logit((like @ self.states) / like.sum(1, keepdim=True)))


def test_noise_from_any_level_on_composes_to_that_from_the_start():
    kernel, e = GaussianKernel(Real((1,)), 9, "cosine"), column(0.0, 1.0)
    for r, t in ((2, 5), (5, 9), (8, 9)):
        early, late = (kernel.level(column(*[i] * 2)) for i in (r, t))
        mean = kernel.noised_from(column(1.0, 1.0), early, late, torch.zeros(2, 1))[0]
        noise = (kernel.noised_from(torch.zeros(2, 1), early, late, e))[1]
        assert (mean * early.a[0]).item() == pytest.approx(late.a[0].item(), abs=1e-14)
        variance = mean**2 * early.variance[0] + noise**2
        assert variance.item() == pytest.approx(late.variance[0].item(), abs=1e-14)
    bits, u = BinomialKernel(Binary((1,)), 9), ((torch.arange(9000) + 0.5) / 9000).unsqueeze(1)
    for r, t in ((2, 5), (5, 9)):
        early, late = (bits.level(torch.full((9000, 1), float(i))) for i in (r, t))
        up = [bits.noised_from(torch.full((9000, 1), x), early, late, u).mean().item() for x in (0.0, 1.0)]
        for x0 in (0.0, 1.0):
            before = (early.kept * x0 + (1 - early.kept) / 2)[0].item()
            wanted = (late.kept * x0 + (1 - late.kept) / 2)[0].item()
            assert before * up[1] + (1 - before) * up[0] == pytest.approx(wanted, abs=1e-3)


def test_resampling_brings_completions_to_the_conditional_law():
    """x_2 given x_1 is N(0.8 x_1, 0.36): clamping alone misses the slope, ten draws of each step do not."""
    n, found = 3000, {}
    x = Rng(0, "x", rows=range(n)).normal("x", 2, dtype=torch.float64)
    known = torch.tensor([True, False]).expand(n, 2)
    for times in (1, 10):
        model = Correlated(Real((2,)), T=20, hidden=(2,), resamples=times)
        with torch.no_grad():
            filled = model.fill(x, known, Rng(1, "fill", rows=range(n)))
        assert torch.equal(filled[:, 0], x[:, 0])
        slope = float((filled[:, 0] * filled[:, 1]).sum() / x[:, 0].square().sum())
        found[times] = slope, float((filled[:, 1] - slope * x[:, 0]).var())
    off = {times: abs(slope - 0.8) for times, (slope, _) in found.items()}
    assert off[10] < 0.5 * off[1] and off[10] < 0.05
    assert found[10][1] == pytest.approx(0.36, rel=0.15)


def test_resampled_completions_of_bits_agree_with_what_is_known():
    """They are equal with probability 0.8; some of the gap is that of 16 steps of independent bits."""
    n = 3000
    x = (torch.arange(n).unsqueeze(1) % 2).expand(n, 2)
    known = torch.tensor([True, False]).expand(n, 2)
    agree = {}
    for times in (1, 10):
        model = ExactBits(Binary((2,)), T=16, hidden=(2,), resamples=times)
        with torch.no_grad():
            filled = model.fill(x, known, Rng(1, "fill", rows=range(n)))
        agree[times] = float((filled[:, 0] == filled[:, 1]).double().mean())
    assert agree[1] + 5 * 0.5 / n**0.5 < agree[10] < 0.8 + 5 * 0.4 / n**0.5
    assert 0.8 - agree[10] < 0.5 * (0.8 - agree[1])


@pytest.mark.parametrize("times", [1, 3])
def test_completions_do_not_depend_on_the_size_of_the_batch(times):
    model = Diffusion(Levels((3,), 4), T=5, hidden=(3,), resamples=times)
    x = torch.arange(150).view(50, 3) % 4
    whole = model.complete(x, known=[True, False, True], seed=1)
    for n in (2, 3):
        assert torch.equal(model.complete(x[:n], known=[True, False, True], seed=1), whole[:n])


def test_no_draw_of_a_step_is_refused():
    with pytest.raises(ValueError, match="resamples is 0, but a completion draws each step at least once"):
        DDPM(Real((2,)), T=4, hidden=(2,), resamples=0)


@pytest.mark.system("H21")
def test_errors_of_exact_steps_are_their_variances():
    """Over q, the squared error of a step with the exact prediction is the variance that it claims."""
    model, grid = Diffusion(Real((1,)), T=9, hidden=(2,)), torch.linspace(-9, 9, 4001).unsqueeze(1)
    kernel, w = model.kernel, torch.exp(-0.5 * grid[:, 0] ** 2)
    w = w / w.sum()
    for t in (1, 4, 9):
        now, before = (kernel.level(torch.full((len(grid), 1), float(i))) for i in (t, t - 1))
        # x_t of N(0, 1) is N(0, 1), and x_0 given x_t is N(a x_t, s^2): the untrained model is exact
        guess, total = model.predicted(grid, now, before, None), 0.0
        points = torch.linspace(-9, 9, 401)
        for z, p in zip(points, torch.exp(-0.5 * points**2) / torch.exp(-0.5 * points**2).sum()):
            found = kernel.errors(guess.mean + now.s * z, grid, now, before, guess)
            total += p * (w * (found.squared - found.claimed)).sum().item() / found.claimed.mean().item()
        assert float(total) == pytest.approx(0, abs=1e-6)


def test_errors_of_exact_steps_of_bits_are_their_variances():
    model = ExactBits(Binary((2,)), T=4, hidden=(2,))
    kernel, states = model.kernel, model.states
    for t in (1, 2, 4):
        now, before = (kernel.level(torch.full((4, 1), float(i))) for i in (t, t - 1))
        guess, squared, claimed = model.predicted(states, now, before, None), 0.0, 0.0
        for x0, p in zip(states, model.law):
            one = now.kept * x0 + (1 - now.kept) / 2
            weight = p * torch.where(states > 0.5, one, 1 - one).prod(1)
            found = kernel.errors(x0.expand(4, 2), states, now, before, guess)
            squared += float((weight * found.squared).sum())
            claimed += float((weight * found.claimed).sum())
        assert squared == pytest.approx(claimed, abs=1e-12)


def test_what_is_left_of_x_is_the_divergence_at_the_end():
    model = DDPM(Real((2,)), T=6, schedule="linear", hidden=(2,))
    x = torch.tensor([[0.4, -1.2]])
    A = model.kernel.log_kept[-1].exp()
    wanted = 0.5 * (A * x.square() - A - torch.log1p(-A)).sum().item()
    assert model.signal_left(x).item() == pytest.approx(wanted, rel=1e-9) and model.noise_steps == 6
    found = model.step_errors(x, 3, None, Rng(0, "e", rows=range(1)))
    assert found.squared.shape == found.claimed.shape == (1,) and math.isfinite(found.squared.item())
