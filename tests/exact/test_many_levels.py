"""The mean of a discretised logistic on many levels: an integral instead of a sum, within its bound."""

from __future__ import annotations

import pytest
import torch

from simulacra.core import distributions
from simulacra.core.distributions import DiscretisedLogistic


@pytest.mark.parametrize("levels", [1025, 4096, 65536])
def test_the_closed_form_is_the_sum_over_thresholds(float64, monkeypatch, levels):
    loc, log_scale = torch.meshgrid(
        torch.tensor([-3.0, -1e-3, 0.0, 0.2313, 0.5, 0.99997, 1.0, 2.5]),
        torch.tensor([-60.0, -12.0, -9.0, -6.0, -3.0, 0.0, 3.0]),
        indexing="ij",
    )
    p = DiscretisedLogistic(loc, log_scale, levels, 2)
    closed = p.mean
    monkeypatch.setattr(distributions, "MANY_LEVELS", levels)
    bound = (1 / (16 * log_scale.exp() * (levels - 1))).clamp_max(0.5)
    assert ((closed - p.mean).abs() <= bound + 1e-8 * levels).all()


def test_the_closed_form_in_single_precision_and_its_gradient(float64):
    loc = torch.tensor([-0.5, 0.1, 0.4999, 0.75, 1.5])
    log_scale = torch.tensor([-8.0, -5.0, -2.0, 0.0, 1.0])
    single = DiscretisedLogistic(loc.float(), log_scale.float(), 65536, 1).mean
    assert torch.allclose(single.double(), DiscretisedLogistic(loc, log_scale, 65536, 1).mean, atol=0.05)
    mean = lambda m, s: DiscretisedLogistic(m, s, 65536, 1).mean / 65535
    inputs = (loc.clone().requires_grad_(), log_scale.clone().requires_grad_())
    assert torch.autograd.gradcheck(mean, inputs, eps=1e-7)
