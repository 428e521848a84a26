"""Completions of a VAE whose encoder never saw gaps: rounds of proposals, in closed form."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.models.variational import VAE, latent

SCALE, SHOWN = 0.05, 1.5


def two_equal_columns() -> VAE:
    """x_1, x_2 ~ N(z, SCALE^2): the encoder has the mean and twice the deviation of p(z | x_1, x_2)."""
    encoder, line = nn.Linear(2, 2), nn.Linear(1, 2)
    decoder = nn.Sequential(line, nn.Unflatten(1, (1, 2)))
    model = VAE(Real((2,)), latent=1, likelihood="gaussian", scale=SCALE, encoder=encoder, decoder=decoder)
    precision = 1 + 2 / SCALE**2
    with torch.no_grad():
        encoder.weight.copy_(torch.tensor([[1.0, 1.0], [0, 0]]) / (SCALE**2 * precision))
        encoder.bias.copy_(torch.tensor([0.0, 0.5 * torch.tensor(4 / precision).log()]))
        line.weight.fill_(1)
        line.bias.zero_()
    return model.eval()


@pytest.mark.system("E1")
@pytest.mark.fault("15.gaps")
def test_rounds_of_proposals_reach_a_posterior_that_the_first_misses(float64, monkeypatch):
    """With x_2 hidden q has half the mean, 10 deviations off; p(x_2 | x_1) is N(a, b^2)."""
    model, n = two_equal_columns(), 600
    x, known = torch.tensor([[SHOWN, 99.0]]).repeat(n, 1), torch.tensor([[True, False]]).repeat(n, 1)
    a = SHOWN / (1 + SCALE**2)
    b = (SCALE**2 / (1 + SCALE**2) + SCALE**2) ** 0.5
    with torch.no_grad():
        found = model.fill(x, known, Rng(3, rows=range(n)))
        monkeypatch.setattr(latent, "ROUNDS", 1)
        once = model.fill(x, known, Rng(3, rows=range(n)))
    assert torch.equal(found[:, 0], x[:, 0])
    # within a deviation of what is drawn, where one round is several off
    assert abs(found[:, 1].mean().item() - a) < b < 4 * b < abs(once[:, 1].mean().item() - a)
    assert b / 2 < found[:, 1].std().item() < 2 * b


@pytest.mark.parametrize("n", [2, 3, 50])
def test_a_completion_does_not_depend_on_the_batch(float64, n):
    model = two_equal_columns()
    x, known = torch.randn(50, 2), torch.rand(50, 2) < 0.5
    with torch.no_grad():
        whole = model.fill(x, known, Rng(3, rows=range(50)))
        part = model.fill(x[:n], known[:n], Rng(3, rows=range(n)))
    torch.testing.assert_close(part, whole[:n])
