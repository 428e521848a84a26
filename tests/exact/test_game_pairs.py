"""Games of pairs, and R1 and R2: closed forms, each loss by hand, gradients by differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.errors.suggestion import Refusal
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.models.adversarial.game.discriminator import Verdict
from simulacra.models.adversarial.game.losses import discriminator_loss, generator_loss
from simulacra.models.adversarial.game.objectives import OBJECTIVES
from simulacra.models.adversarial.game.stabilizers import Stabilizers, squared_slope

N = 7
PAIRS = OBJECTIVES["relativistic"]


def gan(**options) -> simulacra.GAN:
    """A small game of pairs on points of the plane, with a smooth critic."""
    torch.manual_seed(5)
    small = {"latent": 3, "hidden": (6, 5), "normalization": "none", "critic_activation": "tanh"}
    return simulacra.GAN(Real((2,)), **{**small, "objective": "relativistic", **options})


class Quadratic(nn.Module):
    """s = x'Ax / 2 + b'x with a symmetric A, whose gradient is Ax + b."""

    def __init__(self, A, b):
        super().__init__()
        self.A, self.b = nn.Parameter(A), nn.Parameter(b)

    def forward(self, h, c=None):
        """s(h)."""
        return Verdict(((h @ self.A) * h).sum(1) / 2 + h @ self.b, h)


@pytest.fixture
def played(float64):
    """Rows of data, the numbers of a step, and the samples that both players see in it."""
    x, rng = torch.randn(N, 2) + 1, Rng(3, rows=range(N))
    return Batch.of(x), rng, lambda model: model.generate(model.prior(rng)).detach()


def test_both_players_of_pairs_by_hand(played):
    batch, rng, samples = played
    model = gan()
    real, fake = model.judge(batch.x).score, model.judge(samples(model)).score
    D, G = discriminator_loss(model, batch, rng), generator_loss(model, batch, rng)
    assert set(D.loss) == {"pairs"} and set(G.loss) == {"loss"}
    for i in range(N):
        difference = (real[i] - fake[i]).item()
        assert D.loss["pairs"][i].item() == pytest.approx(math.log1p(math.exp(-difference)), rel=1e-12)
        assert G.loss["loss"][i].item() == pytest.approx(math.log1p(math.exp(difference)), rel=1e-12)
        assert D.log["accuracy"][i].item() == (difference > 0)
    # the gradients of both losses of a pair by its difference sum to -1: S(-d) + S(d) = 1
    d = torch.linspace(-4, 4, 9, requires_grad=True)
    (total,) = torch.autograd.grad((PAIRS.real(d) - PAIRS.generator(-d)).sum(), d)
    torch.testing.assert_close(total, -torch.ones(9))


def test_a_constant_added_to_the_score_changes_no_loss_of_pairs(played):
    batch, rng, _ = played
    model = gan(r1=0.3, r2=0.7)
    assert model.D.score.bias is None
    before = [f(model, batch, rng).loss for f in (discriminator_loss, generator_loss)]
    body = model.D.score
    model.D.score = nn.Linear(body.in_features, 1)
    model.D.score.weight.data, model.D.score.bias.data = body.weight.data, torch.tensor([2.5])
    after = [f(model, batch, rng).loss for f in (discriminator_loss, generator_loss)]
    torch.testing.assert_close(after, before)


def test_labels_of_pairs_are_smoothed_and_flipped(played):
    batch, rng, samples = played
    model = gan()
    d = model.judge(batch.x).score - model.judge(samples(model)).score
    right, wrong = nn.functional.softplus(-d), nn.functional.softplus(d)
    smooth = discriminator_loss(gan(smoothing=0.9), batch, rng).loss["pairs"]
    torch.testing.assert_close(smooth, 0.9 * right + 0.1 * wrong)
    turn = rng.uniform("flip real", dtype=d.dtype) < 0.4
    assert 0 < int(turn.sum()) < N
    flipped = discriminator_loss(gan(flips=0.4), batch, rng).loss["pairs"]
    torch.testing.assert_close(flipped, torch.where(turn, wrong, right))


@pytest.mark.parametrize("objective", ["relativistic", "non-saturating"])
def test_R1_and_R2_of_a_linear_critic(played, objective):
    batch, rng, _ = played
    model, w = gan(r1=0.3, r2=5.0, objective=objective), torch.tensor([1.5, -2.0])
    model.D = Quadratic(torch.zeros(2, 2), w)
    terms = discriminator_loss(model, batch, rng).loss
    # |w|^2 = 6.25 everywhere
    torch.testing.assert_close(terms["r1"], torch.full((N,), 0.15 * 6.25))
    torch.testing.assert_close(terms["r2"], torch.full((N,), 2.5 * 6.25))
    own = {"r1", "r2", *(["pairs"] if objective == "relativistic" else ["real", "fake"])}
    assert set(terms) == own and not {"r1", "r2"} & set(generator_loss(model, batch, rng).loss)
    (slope,) = torch.autograd.grad(terms["r1"].mean(), model.D.b)
    torch.testing.assert_close(slope, 0.3 * w)


def test_R1_and_R2_of_a_quadratic_critic(played):
    batch, rng, samples = played
    model, A, b = gan(r1=2.0, r2=4.0), torch.tensor([[1.0, 0.5], [0.5, -2.0]]), torch.tensor([0.3, 1.0])
    model.D = Quadratic(A, b)
    terms = discriminator_loss(model, batch, rng).loss
    torch.testing.assert_close(terms["r1"], (batch.x @ A + b).square().sum(1))
    torch.testing.assert_close(terms["r2"], 2 * (samples(model) @ A + b).square().sum(1))
    (by_b,) = torch.autograd.grad(terms["r1"].sum(), model.D.b)
    torch.testing.assert_close(by_b, 2 * (batch.x @ A + b).sum(0))


def test_one_without_the_other(played):
    batch, rng, _ = played
    assert "r2" not in discriminator_loss(gan(r1=1.0), batch, rng).loss
    assert "r1" not in discriminator_loss(gan(r2=1.0), batch, rng).loss
    assert Stabilizers(r1=1.0, gradient_penalty=2.0).slopes == ("gradient_penalty", "r1")
    with torch.no_grad():  # held-out rows
        found = discriminator_loss(gan(r1=1.0), batch, rng).loss["r1"]
    torch.testing.assert_close(found, discriminator_loss(gan(r1=1.0), batch, rng).loss["r1"])


def test_a_score_of_patches_has_the_slope_of_its_mean(float64):
    x = torch.randn(4, 1, 3, 5, requires_grad=True)
    found = squared_slope(2 * x.square().flatten(1).mean(1), x)
    torch.testing.assert_close(found, (4 * x / 15).square().flatten(1).sum(1))


@pytest.mark.parametrize("player", ["D", "G"])
def test_gradients_by_differences(played, player):
    batch, rng, _ = played
    model = gan(r1=0.8, r2=1.5)
    of = discriminator_loss if player == "D" else generator_loss
    lost = lambda: sum(term.mean() for term in of(model, batch, rng).loss.values())
    parameters = list(getattr(model, player).parameters())
    gradients = torch.autograd.grad(lost(), parameters)
    for parameter, gradient in zip(parameters, gradients):
        flat, expected = parameter.data.view(-1), []
        for i in range(0, len(flat), 3):
            sides = []
            for step in (1e-5, -2e-5):
                flat[i] += step
                sides.append(lost().item())
            flat[i] += 1e-5
            expected.append((sides[0] - sides[1]) / 2e-5)
        torch.testing.assert_close(gradient.flatten()[::3], torch.tensor(expected), rtol=1e-5, atol=1e-8)
    assert sum(g.abs().sum() for g in gradients) > 0.1


@pytest.mark.parametrize("name", ["r1", "r2"])
def test_options_out_of_range_and_critics_that_mix_rows(name):
    with pytest.raises(ValueError, match=f"{name} is -1.0, but it must not be negative"):
        gan(**{name: -1.0})
    with pytest.raises(Refusal, match=f"{name} is a penalty of each row") as error:
        gan(**{name: 1.0}, critic_normalization="batch")
    assert "critic_normalization" in str(error.value)


def test_diagnostics_of_pairs(played):
    batch, rng, samples = played
    model = gan()
    found = model.diagnostics(batch.x, rng)
    fake = samples(model).requires_grad_()
    d = model.judge(fake).score - model.judge(batch.x).score
    (slope,) = torch.autograd.grad(nn.functional.softplus(-d).sum(), fake)
    assert found["gradient"] == pytest.approx(slope.norm(dim=1).mean().item(), rel=1e-6)
    assert found["accuracy"] == pytest.approx((d < 0).double().mean().item())
