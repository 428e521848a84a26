"""Minibatch discrimination: its sums in loops, and what equal and distant rows give."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from simulacra.nets.adversarial import minibatch
from simulacra.nets.adversarial.minibatch import MinibatchDiscrimination


def looped(layer: MinibatchDiscrimination, f: torch.Tensor) -> torch.Tensor:
    """o of all rows, one number at a time."""
    n, (_, kernels, dims) = len(f), layer.T.shape
    o = torch.zeros(n, kernels)
    for i in range(n):
        for j in range(n):  # j = i counts
            for b in range(kernels):
                away = 0.0
                for c in range(dims):
                    away += abs(((f[i] - f[j]) @ layer.T[:, b, c]).item())
                o[i, b] += math.exp(-away)
    return o


@pytest.mark.system("F12")
def test_sums_are_those_of_loops(float64):
    layer, f = MinibatchDiscrimination(6, kernels=5, dims=3), 2 * torch.randn(11, 6)
    out = layer(f)
    assert out.shape == (11, layer.out_width) and layer.out_width == 11
    torch.testing.assert_close(out[:, :6], f, rtol=0, atol=0)
    torch.testing.assert_close(out[:, 6:], looped(layer, f), rtol=1e-12, atol=1e-12)


@pytest.mark.system("F12")
def test_equal_rows_count_each_other_and_distant_ones_only_themselves(float64):
    layer = MinibatchDiscrimination(4, kernels=7, dims=3)
    row = torch.randn(1, 4)
    torch.testing.assert_close(layer(row.expand(9, 4))[:, 4:], torch.full((9, 7), 9.0))
    apart = row * 1e6 * torch.arange(9)[:, None]
    torch.testing.assert_close(layer(apart)[:, 4:], torch.ones(9, 7))
    two = torch.cat([row.expand(3, 4), 1e6 * row.expand(5, 4)])
    torch.testing.assert_close(layer(two)[:, 4:], torch.tensor([3.0] * 3 + [5.0] * 5)[:, None].expand(8, 7))


@pytest.mark.system("F12")
def test_rows_may_come_in_any_order(float64):
    layer, f, order = MinibatchDiscrimination(5, kernels=3), torch.randn(10, 5), torch.randperm(10)
    torch.testing.assert_close(layer(f[order]), layer(f)[order])


def derivatives(layer: nn.Module, f: torch.Tensor) -> list[torch.Tensor]:
    """Output, first derivatives, and those of a gradient penalty."""
    f = f.clone().requires_grad_()
    out = layer(f).square().sum()
    (slope,) = torch.autograd.grad(out, f, create_graph=True)
    (weights,) = torch.autograd.grad(slope.norm(), layer.T)
    return [out.detach(), slope.detach(), weights]


@pytest.mark.system("F12")
@pytest.mark.parametrize("largest", [1, 500, 1100])
def test_large_batches_in_parts_give_the_same_with_both_derivatives(float64, monkeypatch, largest):
    layer, f = MinibatchDiscrimination(4, kernels=5, dims=3), torch.randn(13, 4)
    whole = derivatives(layer, f)
    monkeypatch.setattr(minibatch, "LARGEST", largest)
    for a, b in zip(derivatives(layer, f), whole):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


@pytest.mark.system("F12")
def test_gradients_reach_rows_through_each_other(float64):
    layer, f = MinibatchDiscrimination(3, kernels=2, dims=2), torch.randn(5, 3)
    assert torch.autograd.gradcheck(layer, (f.requires_grad_(),))
    (others,) = torch.autograd.grad(layer(f)[0, 3:].sum(), f)
    assert (others[1:].abs().sum(1) > 1e-6).all()
