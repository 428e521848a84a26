"""The mean of a discretized logistic: a closed form instead of a sum over thresholds, within its bound."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from simulacra.core.distributions.elementary import DiscretizedLogistic
from simulacra.core.distributions.level_means import mean_level
from simulacra.core.spaces.plain import Levels
from simulacra.models.variational.vae import VAE

BOUND = 2e-4  # of a level


def summed(m, s, last):
    """The sum over all thresholds, some of them at a time."""
    total = torch.zeros_like(m)
    for t in torch.arange(1.0, last + 1).split(4096):
        total += torch.sigmoid((m.unsqueeze(-1) - t + 0.5) / s.unsqueeze(-1)).sum(-1)
    return total


def plain(p):
    """The mean of a distribution as a sum over its thresholds."""
    return summed(p.loc * p.width + p.centre, p.log_scale.exp() * p.width, p.levels - 1)


@pytest.mark.parametrize("levels", [1025, 4096, 65536])
def test_the_closed_form_is_the_sum_over_thresholds(float64, levels):
    loc, log_scale = torch.meshgrid(
        torch.tensor([-3.0, -1e-3, 0.0, 0.2313, 0.5, 0.99997, 1.0, 2.5]),
        torch.tensor([-60.0, -12.0, -9.0, -6.0, -3.0, 0.0, 3.0]),
        indexing="ij",
    )
    p = DiscretizedLogistic(loc, log_scale, levels, 2)
    bound = (1 / (16 * log_scale.exp() * (levels - 1))).clamp_max(0.5)
    assert ((p.mean - plain(p)).abs() <= bound + 1e-8 * levels).all()


def test_the_closed_form_in_single_precision_and_its_gradient(float64):
    loc = torch.tensor([-0.5, 0.1, 0.4999, 0.75, 1.5])
    log_scale = torch.tensor([-8.0, -5.0, -2.0, 0.0, 1.0])
    single = DiscretizedLogistic(loc.float(), log_scale.float(), 65536, 1).mean
    assert torch.allclose(single.double(), DiscretizedLogistic(loc, log_scale, 65536, 1).mean, atol=0.05)
    mean = lambda m, s: DiscretizedLogistic(m, s, 65536, 1).mean / 65535
    inputs = (loc.clone().requires_grad_(), log_scale.clone().requires_grad_())
    assert torch.autograd.gradcheck(mean, inputs, eps=1e-7)


@pytest.mark.fault("scores 3.2")
@pytest.mark.parametrize("levels", [2, 3, 16, 17, 18, 256, 1024, 65536])
def test_a_mean_is_the_sum_over_all_levels_for_any_place_and_scale(float64, levels):
    """Scales from 1e-9 levels to a thousand times all of them; places between, at and beyond both ends."""
    last = levels - 1
    ends = torch.tensor([-5.0 * last, 3.0 * last, -1e6, 1e7])
    near = [torch.linspace(at - 3, at + 3, 49) for at in (0.0, last / 2, float(last))]
    wide = torch.tensor([1e-9, 0.01, 0.1, 0.3, 0.45, 0.5, 0.6, 0.649, 0.65, 0.7, 0.8, 1.0, 2.0, 9.0])
    scales = torch.cat([wide, last * torch.tensor([0.3, 0.999, 1.0, 3.0, 1e3])])
    m, s = torch.meshgrid(torch.cat([ends, *near]), scales, indexing="ij")
    off = (mean_level(m, s, last) - summed(m, s, last)).abs()
    assert off.max() < BOUND
    assert off[s >= 1].max() < 1e-5 + 1e-8 * levels
    single = mean_level(m.float(), s.float(), last).double()
    exact = summed(m.float().double(), s.float().double(), last)
    assert (single - exact).abs().max() < BOUND + 4 * last * torch.finfo(torch.float32).eps


@pytest.mark.fault("scores 3.2")
@pytest.mark.parametrize("levels", [3, 256])
def test_the_gradient_of_a_mean_is_that_of_the_sum(float64, levels):
    last = levels - 1
    grid = torch.meshgrid(
        torch.tensor([-2.0, 0.3, 1.5, last / 3, last - 0.5, last + 2.0]),
        torch.tensor([1e-9, 0.1, 0.45, 0.8, 4.0, float(last), 1e4 * last, 1e30]),
        indexing="ij",
    )
    m, s = (t.clone().requires_grad_() for t in grid)
    ours = torch.autograd.grad(mean_level(m, s, last).sum(), (m, s))
    exact = torch.autograd.grad(summed(m, s, last).sum(), (m, s))
    for one, other, relative in zip(ours, exact, (1, s.detach()), strict=True):
        # a place at a threshold moves the mean by 1 / (4 s) levels a level
        assert ((one - other) * relative).abs().max() < 0.02
    assert all(torch.isfinite(g).all() for g in ours)


@pytest.mark.fault("scores 3.2")
def test_scales_that_overflow_or_vanish_have_finite_means_and_gradients():
    loc = torch.tensor([0.5, 0.5, 2.5 / 255, 1e6, -1e6]).requires_grad_()
    log_scale = torch.tensor([200.0, 80.0, -200.0, 0.0, -7.0]).requires_grad_()
    mean = DiscretizedLogistic(loc, log_scale, 256, 1).mean
    mean.sum().backward()
    torch.testing.assert_close(mean, torch.tensor([127.5, 127.5, 2.5, 255.0, 0.0]), atol=0.51, rtol=0)
    assert torch.isfinite(loc.grad).all() and torch.isfinite(log_scale.grad).all()


@pytest.mark.fault("scores 3.2")
def test_the_operations_of_a_decoder_do_not_grow_with_the_levels():
    """A sum over the thresholds of 256 grey levels took a thousand operations."""
    model = VAE(Levels((1, 8, 8), 256), latent=2, hidden=(5,)).eval()
    with Counted() as operations:
        model.decode(torch.zeros(1, 2))
    assert operations.n < 130


class Counted(TorchDispatchMode):
    """Counts the operations within."""

    n = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.n += 1
        return func(*args, **(kwargs or {}))
