"""Games given a condition: every way of giving it reaches both players, and the classes are learnt."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Real
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.adversarial.game.objectives import OBJECTIVES, optimal_discriminator, value

WAYS = ("concatenation", "embedding", "auxiliary", "projection")
CENTRES = torch.tensor([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])


def gan(conditioning: str, **options) -> simulacra.GAN:
    """A small game on the plane with three classes."""
    made = {
        "latent": 3,
        "hidden": (9, 7),
        "seed": 3,
        "normalization": "none",
        "conditioning": conditioning,
        **options,
    }
    return simulacra.GAN(Real((2,)), Categorical((), 3), **made)


@pytest.mark.system("G1", "G2")
@pytest.mark.parametrize("way", WAYS)
def test_the_condition_reaches_both_players(float64, way):
    model, z = gan(way), torch.randn(5, 3)
    c, turned = torch.tensor([0, 1, 2, 0, 1]), torch.tensor([1, 2, 0, 0, 2])
    seen, other = model.given(c), model.given(turned)
    fake, fake_other = model.generate(z, seen), model.generate(z, other)
    assert fake.shape == (5, 2)
    moved = (fake - fake_other).abs().sum(1) > 1e-6
    assert moved.tolist() == [True, True, True, False, True]  # row 3 kept its class
    x = torch.randn(5, 2)
    verdict, verdict_other = model.judge(x, seen), model.judge(x, other)
    assert verdict.score.shape == (5,) and verdict.features.shape == (5, 9)
    if way == "auxiliary":  # the discriminator is not told the class: it tells it
        torch.testing.assert_close(verdict.score, verdict_other.score)
        assert verdict.labels.shape == (5, 3)
    else:
        assert verdict.labels is None
        assert ((verdict.score - verdict_other.score).abs() > 1e-9).tolist() == moved.tolist()
    torch.testing.assert_close(model.emit(z, c), fake)
    order = torch.tensor([4, 2, 0, 1, 3])  # rows stay with their condition
    torch.testing.assert_close(model.generate(z[order], seen[order]), fake[order])


@pytest.mark.system("G2")
def test_the_projection_is_an_inner_product_with_the_features(float64):
    model, x = gan("projection"), torch.randn(6, 2)
    scores = []
    for k in range(3):
        verdict = model.judge(x, F.one_hot(torch.full((6,), k), 3).double())
        scores.append(verdict.score)
        f, D = verdict.features, model.D
        expected = f @ D.score.weight[0] + D.score.bias + f @ D.V.weight[:, k]
        torch.testing.assert_close(verdict.score, expected)
    assert (scores[0] - scores[1]).abs().max() > 1e-3


@pytest.mark.system("G2")
def test_the_auxiliary_classifier_is_a_cross_entropy_of_both_players(float64):
    model, x, c = gan("auxiliary"), torch.randn(8, 2), torch.tensor([0, 1, 2, 2, 1, 0, 0, 1])
    rng = Rng(4, rows=range(8))
    D, G = (update.loss(model, Batch.of(x, c), rng).loss for update in model.updates())
    fake = model.generate(model.prior(rng), model.given(c))
    for found, h in ((D, x), (G, fake)):
        logits = model.judge(h, model.given(c)).labels
        by_hand = [-logits[i].log_softmax(0)[c[i]].item() for i in range(8)]
        assert found["labels"].tolist() == pytest.approx(by_hand, rel=1e-9)
    gradient = torch.autograd.grad(G["labels"].sum(), list(model.G.parameters()))
    assert sum(g.abs().sum() for g in gradient) > 1e-6


@pytest.mark.system("G1")
@pytest.mark.parametrize("way", ["concatenation", "embedding", "projection"])
def test_losses_are_those_of_the_conditional_value(float64, way):
    model, x, c = gan(way), torch.randn(8, 2), torch.arange(8) % 3
    rng, seen = Rng(4, rows=range(8)), model.given(torch.arange(8) % 3)
    D, G = (update.loss(model, Batch.of(x, c), rng).loss for update in model.updates())
    fake = model.generate(model.prior(rng), seen)
    real, false = (model.judge(h, seen).score.sigmoid() for h in (x, fake))
    expected = [-real.log(), -(1 - false).log(), -false.log()]
    torch.testing.assert_close([D["real"], D["fake"], G["loss"]], expected)


@pytest.mark.system("G1")
def test_the_best_conditional_discriminator_compares_within_a_condition(float64):
    given = torch.randn(3, 6).softmax(1), torch.randn(3, 6).softmax(1)
    prior = torch.tensor([0.2, 0.5, 0.3]).unsqueeze(1)
    p, q = (prior * law for law in given)  # both players meet c with its own frequency
    D = optimal_discriminator(p, q)
    torch.testing.assert_close(D, given[0] / (given[0] + given[1]))
    s, game = torch.zeros(3, 6, requires_grad=True), OBJECTIVES["minimax"]
    for _ in range(3000):
        (gradient,) = torch.autograd.grad((p * game.real(s) + q * game.fake(s)).sum(), s)
        s.data -= 4 * gradient
    torch.testing.assert_close(s.detach().sigmoid(), D, atol=1e-3, rtol=0)
    # the value is an average of those of each condition
    each = torch.stack([value(a, b, d) for a, b, d in zip(*given, D)])
    assert value(p, q, D).item() == pytest.approx((prior[:, 0] * each).sum().item(), rel=1e-12)
    # equal marginals do not fool it: x alone tells nothing, x with c does
    swapped = given[0][[1, 0, 2]]
    even = torch.full((3, 1), 1 / 3)
    told = value(even * given[0], even * swapped, optimal_discriminator(given[0], swapped)).item()
    blind = (even * given[0]).sum(0)
    assert value(blind, blind, optimal_discriminator(blind, blind)).item() == pytest.approx(-math.log(4))
    assert told > -math.log(4) + 1e-3


@pytest.mark.system("G1", "G2")
@pytest.mark.parametrize("way", WAYS)
def test_each_class_is_learnt_at_its_own_place(tmp_path, way):
    generator = torch.Generator().manual_seed(11)
    c = torch.randint(0, 3, (600,), generator=generator)
    x = CENTRES[c] + 0.3 * torch.randn(600, 2, generator=generator)
    data = from_tensors(x, Real((2,)), c=c, condition=Categorical((), 3), valid=0.0, test=0.0)
    model = gan(way, hidden=(24, 24), lr=3e-3)
    # the players circle around the centres: the average of the weights lies within
    run = fit(model, data, out=tmp_path, epochs=60, batch_size=60, ema=0.98, progress=False)
    labels = torch.arange(3).repeat_interleave(100)
    drawn = run.model.sample(300, condition=labels, seed=5)
    means = drawn.view(3, 100, 2).mean(1)
    assert (means - CENTRES).norm(dim=1).max() < 0.6  # the centres lie 3.4 apart
    nearest = torch.cdist(drawn, CENTRES).argmin(1)
    assert (nearest == labels).double().mean() > 0.9


@pytest.mark.system("G2")
def test_a_way_that_does_not_fit_the_condition_is_named():
    with pytest.raises(ValueError, match=r"conditioning='auxiliary' predicts a class.*\.$"):
        simulacra.GAN(Real((2,)), Real((4,)), conditioning="auxiliary")
    with pytest.raises(ValueError, match=r"conditioning is 'telepathy', but .*'auxiliary'.*\.$"):
        gan("telepathy")


@pytest.mark.system("G1", "G2")
@pytest.mark.parametrize("way", WAYS)
def test_data_without_labels_are_refused_in_a_sentence(tmp_path, way):
    data = from_tensors(torch.randn(20, 2), Real((2,)), valid=0.0, test=0.0)
    with pytest.raises(ValueError, match=r"condition") as error:
        fit(gan(way), data, out=tmp_path, epochs=1, batch_size=10, progress=False)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
