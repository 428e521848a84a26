"""Normalizing layers: mean 0 and variance 1 of what, and which rows depend on which."""

from __future__ import annotations

import pytest
import torch

from simulacra.nets.adversarial.normal import norm

SHAPES = {2: (11, 5), 4: (7, 5, 3, 2)}


def spread(dims: int) -> torch.Tensor:
    """A batch whose channels have means and scales of their own."""
    scale = torch.rand(5) * 4 + 1
    shape = (1, 5) + (1,) * (dims - 2)
    return torch.randn(SHAPES[dims]) * scale.view(shape) + 10 * torch.randn(5).view(shape)


@pytest.mark.system("F13")
@pytest.mark.parametrize("dims", [2, 4])
def test_batch_norm_gives_channels_of_mean_0_and_variance_1(float64, dims):
    y = norm("batch", 5, dims)(spread(dims)).transpose(0, 1).flatten(1)
    torch.testing.assert_close(y.mean(1), torch.zeros(5), rtol=0, atol=1e-12)
    # eps stands in the denominator
    torch.testing.assert_close(y.var(1, correction=0), torch.ones(5), rtol=0, atol=2e-5)


@pytest.mark.system("F13")
@pytest.mark.parametrize("dims", [2, 4])
def test_layer_norm_gives_rows_of_mean_0_and_variance_1(float64, dims):
    y = norm("layer", 5, dims)(spread(dims)).flatten(1)
    torch.testing.assert_close(y.mean(1), torch.zeros(len(y)), rtol=0, atol=1e-12)
    torch.testing.assert_close(y.var(1, correction=0), torch.ones(len(y)), rtol=0, atol=2e-5)


@pytest.mark.system("F13")
def test_in_a_batch_a_row_moves_the_others_as_the_formula_says(float64):
    layer, x = norm("batch", 1, dims=2), torch.randn(6, 1) * 3
    jacobian = torch.autograd.functional.jacobian(lambda t: layer(t)[:, 0], x)[:, :, 0]
    y, n = layer(x).detach()[:, 0], len(x)
    sigma = (x.var(correction=0) + layer.eps).sqrt()
    # d y_i / d x_j = (1[i = j] - (1 + y_i y_j) / n) / sigma
    torch.testing.assert_close(jacobian, (torch.eye(n) - (1 + y[:, None] * y) / n) / sigma)
    assert jacobian.fill_diagonal_(0).abs().max() > 0.01


@pytest.mark.system("F13")
@pytest.mark.parametrize("dims", [2, 4])
@pytest.mark.parametrize(("kind", "depends"), [("batch", True), ("layer", False), ("none", False)])
def test_only_batch_norm_in_train_mode_looks_at_other_rows(float64, kind, dims, depends):
    layer, x = norm(kind, 5, dims), spread(dims)
    other = torch.cat([x[:1], 3 * x[1:] + 1])
    moved = (layer(x)[0] - layer(other)[0]).abs().max()
    assert (moved > 0.1) == depends and (depends or moved < 1e-12)
    layer.eval()
    torch.testing.assert_close(layer(x)[0], layer(other)[0], rtol=0, atol=1e-12)


@pytest.mark.system("F13")
def test_running_averages_lead_to_the_batch_in_eval_mode(float64):
    layer, x = norm("batch", 5, dims=4), spread(4)
    for _ in range(300):
        y = layer(x)
    torch.testing.assert_close(layer.eval()(x), y, rtol=0.02, atol=0.02)  # the running variance is unbiased


def test_unknown_kinds_are_said_in_one_sentence():
    with pytest.raises(ValueError) as refused:
        norm("group", 5)
    assert str(refused.value) == (
        "normalization 'group' is unknown; possible are batch, virtual, layer, instance, none."
    )
    with pytest.raises(ValueError) as refused:
        norm("virtual", 5)
    assert str(refused.value) == (
        "reference is 0, but virtual batch normalization needs a reference batch: give it at least 1 row, or "
        "take normalization 'batch'."
    )
