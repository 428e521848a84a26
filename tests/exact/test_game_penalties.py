"""Critics of bounded slope: the gradient penalty and its double backward, and clipped weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels, Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.adversarial.game.stabilizers import clip_weights, gradient_penalty


def update(model, player: str):
    """A player's move."""
    return {update.name: update for update in model.updates()}[player]


@pytest.mark.system("G11")
def test_the_penalty_of_a_linear_critic_is_that_of_its_norm(float64):
    for scale in (0.0, 0.3, 1.0, 4.0):
        w, rows = scale * torch.randn(5), (torch.randn(7, 5), torch.randn(7, 5), torch.rand(7, 1))
        found = gradient_penalty(lambda x, w=w: x @ w + 3, *rows)
        torch.testing.assert_close(found, ((w.norm() - 1) ** 2).expand(7))
    unit = nn.functional.normalize(torch.randn(5), dim=0)
    assert gradient_penalty(lambda x: x @ unit, *rows).max() < 1e-20


@pytest.mark.system("G11")
def test_the_slope_is_taken_between_data_and_samples(float64):
    real, fake, e = torch.randn(6, 1, 2, 3), torch.randn(6, 1, 2, 3), torch.rand(6, 1)
    # s = |x|^2 / 2 has the gradient x
    half_square = lambda x: x.flatten(1).square().sum(1) / 2
    found = gradient_penalty(half_square, real, fake, e)
    for i in range(6):
        between = e[i, 0] * real[i] + (1 - e[i, 0]) * fake[i]
        assert found[i].item() == pytest.approx((between.norm().item() - 1) ** 2, rel=1e-9)
    at_data = gradient_penalty(half_square, real, fake, torch.ones(6, 1))
    torch.testing.assert_close(at_data, (real.flatten(1).norm(dim=1) - 1) ** 2)


@pytest.mark.system("G11")
def test_the_gradient_through_the_gradient_by_differences(float64):
    critic = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 4), nn.Softplus(), nn.Linear(4, 1))
    real, fake, e = torch.randn(5, 3), torch.randn(5, 3), torch.rand(5, 1)
    penalty = lambda: gradient_penalty(lambda x: critic(x).squeeze(1), real, fake, e).mean()
    parameters = list(critic.parameters())[:-1]  # the last bias has no part in it
    gradients = torch.autograd.grad(penalty(), parameters)
    for parameter, gradient in zip(parameters, gradients):
        flat, expected = parameter.data.view(-1), []
        for i in range(len(flat)):
            sides = []
            for step in (1e-5, -2e-5):
                flat[i] += step
                sides.append(penalty().item())
            flat[i] += 1e-5
            expected.append((sides[0] - sides[1]) / 2e-5)
        torch.testing.assert_close(gradient.flatten(), torch.tensor(expected), rtol=1e-5, atol=1e-8)
    assert sum(g.abs().sum() for g in gradients) > 0.1


@pytest.mark.system("G11", "F16")
def test_the_penalty_is_a_term_of_the_critics_loss_with_its_weight(float64):
    x, rng = torch.randn(9, 2) + 2, Rng(5, rows=range(9))
    model = simulacra.WGANGP(Real((2,)), latent=3, hidden=(7,), gradient_penalty=10.0)
    w = torch.tensor([1.5, -2.0])

    class Linear(nn.Module):
        """s = w'x."""

        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(w)

        def forward(self, h, c=None):
            """s(h)."""
            return simulacra.models.adversarial.game.discriminator.Verdict(h @ self.w, h)

    model.D = Linear()
    found = update(model, "D").loss(model, Batch.of(x), rng).loss
    torch.testing.assert_close(found["penalty"], torch.full((9,), 10 * (2.5 - 1) ** 2))
    torch.testing.assert_close(found["real"], -x @ w)
    torch.testing.assert_close(found["fake"], model.generate(model.prior(rng)) @ w)
    assert "penalty" not in update(model, "G").loss(model, Batch.of(x), rng).loss
    gradient = torch.autograd.grad(found["penalty"].mean(), model.D.w)[0]
    torch.testing.assert_close(gradient, 10 * 2 * (2.5 - 1) * w / 2.5)


@pytest.mark.system("G11")
def test_a_short_game_with_the_penalty_keeps_the_slope_near_one(tmp_path):
    torch.manual_seed(3)
    slopes, x = {}, torch.randn(300, 2)
    x[:, 0] += 6  # far from the samples: without a bound the critic grows
    for weight in (0.0, 10.0):
        options = {"objective": "wasserstein", "gradient_penalty": weight, "discriminator_lr": 0.01}
        options["lr"] = 1e-6  # the samples stay
        model = simulacra.GAN(Real((2,)), latent=2, hidden=(11,), normalization="none", **options)
        data = from_tensors(x, Real((2,)), valid=0.0, test=0.0)
        fit(model, data, out=tmp_path / str(weight), epochs=20, batch_size=50, progress=False)
        h = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(model.eval().judge(h).score.sum(), h)
        slopes[weight] = slope.norm(dim=1).mean().item()
    assert slopes[10.0] == pytest.approx(1, abs=0.4) and slopes[0.0] > 3


@pytest.mark.system("G11", "F13")
@pytest.mark.parametrize(
    "make",
    [
        lambda: simulacra.WGANGP(Real((2,)), critic_normalization="batch"),
        lambda: simulacra.GAN(Real((2,)), gradient_penalty=10.0, critic_normalization="batch"),
        lambda: simulacra.WGANGP(Levels((1, 8, 8), 16), critic_normalization="batch", channels=4),
    ],
)
def test_a_penalty_of_each_row_refuses_a_critic_that_mixes_rows(make):
    with pytest.raises(ValueError, match=r"batch") as error:
        make()
    said = str(error.value)
    assert "layer" in said and said.endswith(".") and ". " not in said


@pytest.mark.system("G10")
def test_clipping_bounds_every_weight_and_no_more(float64):
    network = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 1))
    before = [p.detach().clone() for p in network.parameters()]
    clip_weights(network, 0.2)
    for old, new in zip(before, network.parameters()):
        torch.testing.assert_close(new.detach(), old.clamp(-0.2, 0.2))
    assert max(p.abs().max().item() for p in before) > 0.2


@pytest.mark.system("G10", "F16")
@pytest.mark.parametrize("bound", [0.01, 0.05])
def test_all_weights_of_the_critic_are_bounded_after_each_move(tmp_path, bound):
    model = simulacra.WGAN(Real((2,)), latent=2, hidden=(7,), clip=bound, lr=0.02)
    largest, made = [], model.updates

    def updates():
        D, G = made()
        own = D.after

        def watched(model, terms, progress):
            raw = max(p.abs().max().item() for p in model.D.parameters())
            own(model, terms, progress)
            largest.append((raw, max(p.abs().max().item() for p in model.D.parameters())))

        D.after = watched
        return [D, G]

    model.updates = updates
    data = from_tensors(torch.randn(100, 2), Real((2,)), valid=0.0, test=0.0)
    fit(model, data, out=tmp_path, epochs=4, batch_size=20, progress=False)
    assert len(largest) >= 20 and all(raw > bound * 1.001 for raw, _ in largest)  # the move went further
    assert all(kept == pytest.approx(bound, rel=1e-6) for _, kept in largest)
    assert max(p.abs().max().item() for p in model.G.parameters()) > bound
