"""The walk of the contractive autoencoder: its steps by the full Jacobian, and a circle (D11)."""

from __future__ import annotations

import math

import pytest
import torch

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.capabilities import general as can
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Binary, Levels, Positive, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.autoencoders import ContractiveAutoencoder

SPACES = [Real((5,)), Levels((1, 2, 3), 17), Binary((6,)), Positive((4,))]


def rows(space, n: int) -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    if space.discrete:
        return torch.randint(0, getattr(space, "levels", 2), (n, *space.shape), generator=g)
    return torch.randn(n, *space.shape, generator=g).exp()


@pytest.mark.system("D11")
@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_step_adds_the_jacobian_and_its_transpose_times_noise(float64, space):
    model, x = ContractiveAutoencoder(space, latent=4, noise=0.7), rows(space, 3)
    rng = Rng(1, rows=range(3))
    state = model.chain_at(x, rng)
    torch.testing.assert_close(state, space.features(x).flatten(1))
    J, e = model.jacobian(x), 0.7 * rng.normal("walk", 4)
    h = model.infer(x) + torch.einsum("bij,bkj,bk->bi", J, J, e)
    torch.testing.assert_close(model.step(state, rng), model._decoded(h))
    quiet = ContractiveAutoencoder(space, latent=4, noise=0.0)
    quiet.load_state_dict(model.state_dict())
    back = quiet.features(quiet.emit(quiet.infer(x))).flatten(1)
    torch.testing.assert_close(quiet.step(state, rng), back)


@pytest.mark.system("D11")
@pytest.mark.parametrize("space", SPACES, ids=str)
def test_what_is_shown_is_an_observation_and_no_state(space):
    model = ContractiveAutoencoder(space, latent=4, burn_in=3)
    state = model.step(model.start_chain(Rng(0, rows=range(50))), Rng(0, rows=range(50)))
    x = model.shown(state)
    space.check(x)
    if space.discrete:
        assert not torch.equal(space.features(x).flatten(1), state)
    else:
        torch.testing.assert_close(space.features(x).flatten(1), state)


def on_a_circle(contraction: float) -> ContractiveAutoencoder:
    """An autoencoder of 400 points on a circle of radius 1.5, after descent with a line search."""
    t = 2 * math.pi * torch.rand(400, generator=torch.Generator().manual_seed(0))
    x = 1.5 * torch.stack([t.cos(), t.sin()], 1)
    model = ContractiveAutoencoder(Real((2,)), latent=64, contraction=contraction, noise=0.5)
    options = {"max_iter": 400, "history_size": 20, "line_search_fn": "strong_wolfe"}
    optimizer = torch.optim.LBFGS(model.parameters(), **options)

    def closure():
        optimizer.zero_grad()
        loss = sum(t.mean() for t in model.updates()[0].loss(model, Batch.of(x), Rng(0)).loss.values())
        loss.backward()
        return loss

    optimizer.step(closure)
    return model


@pytest.mark.system("D11")
def test_on_a_circle_walks_stay_near_its_radius_and_reach_all_angles():
    """200 walks of 400 steps from normal draws: radii within a quarter, no twelfth of the angles left out.

    The same walk goes away from the circle without contraction.
    """
    model = on_a_circle(0.3)
    x = model.sample(200, seed=0, burn_in=400)
    radius, angle = x.norm(dim=1), torch.atan2(x[:, 1], x[:, 0])
    assert float(((radius - 1.5).abs() / 1.5).max()) < 0.25
    assert float(torch.histc(angle, 12, -math.pi, math.pi).min()) > 0
    # every walk moves: it forgets where it began
    there = model.chain_at(torch.tensor([[1.5, 0.0]]).repeat(200, 1), Rng(0, rows=range(200)))
    with torch.no_grad():
        for t in range(400):
            there = model.step(there, Rng(1, t, rows=range(200)))
    assert float((there[:, 0] < 0).float().mean()) > 0.25
    free = on_a_circle(0.0).sample(200, seed=0, burn_in=400).norm(dim=1)
    assert float((free - 1.5).square().mean()) > 4 * float((radius - 1.5).square().mean())


@pytest.mark.system("D11")
def test_walks_begin_where_the_data_are():
    x = torch.tensor([3.0, -2.0]) + torch.tensor([0.5, 2.0]) * torch.randn(300, 2)
    data = from_tensors(x, Real((2,)), "rows", valid=0, test=0)
    model = simulacra.fit(
        ContractiveAutoencoder(data.space, latent=3), data, epochs=0.1, progress=False, doctor=False
    ).model
    torch.testing.assert_close(model.location, x.mean(0))
    torch.testing.assert_close(model.deviation, x.std(0, correction=0))
    begun = model.start_chain(Rng(0, rows=range(4000)))
    assert float((begun.mean(0) - x.mean(0)).abs().max()) < 0.15
    assert model.supports(can.Samples) and not model.supports(can.Completes)


@pytest.mark.parametrize("n", [2, 3, 50])
def test_a_walk_does_not_depend_on_the_batch(float64, n):
    model = ContractiveAutoencoder(Real((3,)), latent=5, burn_in=4)
    torch.testing.assert_close(model.sample(n, seed=1), model.sample(50, seed=1)[:n], rtol=0, atol=1e-9)


@pytest.mark.fault("walks")
def test_a_walk_that_cannot_be_made_is_refused():
    with pytest.raises(ValueError, match=r"noise is -1, but a standard deviation is .* use noise=1.0"):
        ContractiveAutoencoder(Real((3,)), noise=-1.0)
    with pytest.raises(ValueError, match="burn_in is 0, but a walk takes at least one step: use burn_in=100"):
        ContractiveAutoencoder(Real((3,)), burn_in=0)
