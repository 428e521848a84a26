"""The contractive autoencoder: its penalty in closed form is that of automatic differentiation (D9)."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.models.autoencoders import ContractiveAutoencoder


def terms(model, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """The terms of the model's own loss."""
    return model.updates()[0].loss(model, Batch.of(x), Rng(0, rows=range(len(x)))).loss


@pytest.mark.system("D9")
@pytest.mark.parametrize("space", [Real((5,)), Levels((1, 2, 3), 17), Binary((6,))], ids=str)
def test_the_penalty_is_the_norm_of_the_derivative(float64, space):
    model = ContractiveAutoencoder(space, latent=4, contraction=0.3)
    x = torch.randn(3, 5) if isinstance(space, Real) else torch.randint(0, 2, (3, *space.shape))
    f = space.features(x).flatten(1)
    code = lambda row: model.layer(row).sigmoid()
    jacobians = torch.stack([torch.autograd.functional.jacobian(code, row) for row in f])
    torch.testing.assert_close(model.jacobian(x).detach(), jacobians)
    found = terms(model, x)
    torch.testing.assert_close(found["contraction"].detach(), 0.3 * jacobians.square().sum((1, 2)))
    squared = (f - space.features(model.reconstruct(x)).flatten(1)).square().sum(1)
    if not space.discrete:
        torch.testing.assert_close(found["reconstruction"].detach(), squared)


@pytest.mark.system("D9")
def test_its_gradient_is_that_of_the_penalty_by_automatic_differentiation(float64):
    model, x = ContractiveAutoencoder(Real((5,)), latent=4, contraction=1.0), torch.randn(7, 5)
    code = lambda row: model.layer(row).sigmoid()
    slow = sum(torch.autograd.functional.jacobian(code, row, create_graph=True).square().sum() for row in x)
    weights = (model.layer.weight, model.layer.bias)
    expected = torch.autograd.grad(slow, weights)
    found = torch.autograd.grad(terms(model, x)["contraction"].sum(), weights)
    for ours, theirs in zip(found, expected):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.system("D9")
def test_contraction_makes_the_code_less_steep(float64):
    """Of least values of error + lambda penalty, the penalty falls and the error rises with lambda."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(200, 2, generator=g) @ torch.randn(2, 5, generator=g)
    found = []
    for weight in (0.0, 20.0):
        model = ContractiveAutoencoder(Real((5,)), latent=6, contraction=weight)
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=80, line_search_fn="strong_wolfe")

        def closure(model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = sum(term.mean() for term in terms(model, x).values())
            loss.backward()
            return loss

        optimizer.step(closure)
        error = float((model.reconstruct(x) - x).square().sum(1).mean())
        found.append((error, float(model.steepness(model.infer(x)).mean().detach())))
    (free, steep), (bound, flat) = found
    assert flat < steep and free < bound < float((x - x.mean(0)).square().sum(1).mean())


@pytest.mark.system("D9")
def test_the_penalty_costs_no_further_product_of_matrices():
    counts = []
    for weight in (0.0, 0.1):
        model = ContractiveAutoencoder(Real((200,)), latent=64, contraction=weight)
        with FlopCounterMode(display=False) as counter:
            sum(term.mean() for term in terms(model, torch.randn(50, 200)).values()).backward()
        counts.append(counter.get_total_flops())
    assert counts[0] > 0 and counts[1] < 1.02 * counts[0]


@pytest.mark.fault("contraction")
def test_what_cannot_be_is_refused():
    with pytest.raises(
        ValueError, match=r"contraction is -1, but a weight is finite and not negative: give 0.1"
    ):
        ContractiveAutoencoder(Real((3,)), contraction=-1.0)
    with pytest.raises(ValueError, match="needs 0/1, levels or numbers, but the space is Categorical"):
        ContractiveAutoencoder(Categorical((3,), 4))
