"""Training of the sentence VAE: dropped words, the weighed KL, and the collapse that they prevent."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.distributions.divergences import kl_by_entry
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary
from simulacra.core.spaces.tokens import Tokens
from simulacra.models.variational import vae
from simulacra.models.variational.parts.weighed_kl import anneal, bound_terms
from simulacra.models.variational.texts.sentence_vae import SentenceVAE, dropped_words, negative_elbo

pytestmark = pytest.mark.system("E23")
STEPS = 150
SMALL = {"latent": 2, "hidden": 7, "width": 5}


def repeats(n: int = 150, T: int = 5, classes: int = 4) -> Tensor:
    """Texts of one letter, repeated T times: a decoder that sees a letter knows all that follow."""
    letter = 1 + torch.arange(n) % classes
    return letter.unsqueeze(1).repeat(1, T)


def kl_after_training(**options) -> float:
    """Mean KL of the training rows, in nats, of a small model."""
    x = repeats()
    torch.manual_seed(0)
    model = SentenceVAE(Tokens((5,), 5), latent=2, hidden=15, width=7, seed=1, **options)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for step in range(STEPS):
        anneal(model, {}, step / STEPS)
        optimizer.zero_grad()
        terms = negative_elbo(model, Batch.of(x), Rng(0, step, rows=range(len(x))))
        torch.stack([term.mean() for term in terms.loss.values()]).sum().backward()
        optimizer.step()
    with torch.no_grad():
        return model.rates(x, None, Rng(0)).sum(1).mean().item()


def test_annealing_and_word_dropout_keep_the_code_that_is_lost_without(seeded):
    assert kl_after_training(word_dropout=0.0, kl_warmup=0.0) < 0.1
    assert kl_after_training(word_dropout=0.7, kl_warmup=0.5) > 0.5


def test_free_bits_keep_the_code_too(seeded):
    assert kl_after_training(word_dropout=0.0, kl_warmup=0.0, free_bits=0.5) > 0.5


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_each_word_is_dropped_with_the_given_probability(rate):
    x, n = torch.ones(4000, 7), 4000 * 7
    dropped = dropped_words(x, rate, Rng(0, rows=range(4000)))
    if dropped is None:
        assert rate == 0
        return
    assert abs(dropped.double().mean().item() - rate) <= 4 * (rate * (1 - rate) / n) ** 0.5
    assert ((dropped.double().mean(0) - rate).abs() <= 4 * (rate * (1 - rate) / 4000) ** 0.5).all()
    # a row has the same words dropped in any batch
    assert dropped[5:9].equal(dropped_words(x[5:9], rate, Rng(0, rows=range(5, 9))))


@torch.no_grad()
def test_a_dropped_word_is_not_seen_and_all_others_are(float64):
    model = SentenceVAE(Tokens((5,), 6), **SMALL)
    x, z = torch.tensor([[1, 2, 3, 4, 5]]), torch.randn(1, 2)
    p = model.likelihood(z)
    p.dropped = torch.tensor([[False, True, False, False, False]])
    other = x.clone()
    other[0, 1] = 5
    assert p.parameters_of(x).equal(p.parameters_of(other))
    other[0, 2] = 1
    assert (p.parameters_of(x) != p.parameters_of(other)).any(1).tolist() == [[False] * 3 + [True] * 2]
    p.dropped = torch.ones_like(p.dropped)
    assert p.parameters_of(x).equal(p.parameters_of(x.flip(1)))


@torch.no_grad()
def test_scores_and_draws_drop_no_words(float64):
    model = SentenceVAE(Tokens((5,), 5), **SMALL, word_dropout=0.9)
    other = SentenceVAE(Tokens((5,), 5), **SMALL, word_dropout=0.0)
    x = repeats(7)
    assert (
        model.train().elbo(x, None, Rng(0, rows=range(7))).equal(other.elbo(x, None, Rng(0, rows=range(7))))
    )
    assert model.log_prob(x, k=3, seed=1).values.equal(other.log_prob(x, k=3, seed=1).values)
    assert model.sample(5, seed=2).equal(other.sample(5, seed=2))


def test_the_loss_is_the_negative_bound_with_the_words_dropped(float64):
    model = SentenceVAE(Tokens((5,), 5), **SMALL, word_dropout=0.4, kl_warmup=0.0)
    x, rng = repeats(9), Rng(3, rows=range(9))
    terms = negative_elbo(model, Batch.of(x), rng)
    q = model.posterior(x)
    p = model.likelihood(q.loc + q.log_scale.exp() * rng.normal("z", 2))
    p.dropped = rng.uniform("words", 5) < 0.4
    torch.testing.assert_close(terms.loss["reconstruction"], -p.log_prob(x))
    torch.testing.assert_close(terms.loss["kl"], kl_by_entry(q).sum(1))
    torch.testing.assert_close(terms.log["elbo"], -sum(terms.loss.values()))


def test_its_gradient_is_that_of_finite_differences(float64):
    model = SentenceVAE(Tokens((5,), 5), Categorical((), 3), **SMALL, word_dropout=0.4, kl_warmup=0.0)
    batch, rng = Batch.of(repeats(7), torch.arange(7) % 3), Rng(3, rows=range(7))
    loss = lambda m: torch.stack([t.mean() for t in negative_elbo(m, batch, rng).loss.values()]).sum()
    loss(model).backward()
    for name, p in model.named_parameters():
        assert p.grad is not None and torch.isfinite(p.grad).all(), name
        direction, h = torch.randn_like(p), 1e-5
        found = []
        for sign in (1, -1):
            moved = copy.deepcopy(model)
            dict(moved.named_parameters())[name].data.add_(sign * h * direction)
            found.append(loss(moved).item())
        slope = (p.grad * direction).sum().item()
        assert (found[0] - found[1]) / (2 * h) == pytest.approx(slope, abs=1e-8), name


def test_the_weighed_kl_is_that_of_the_equation(float64):
    model = simulacra.VAE(Binary((6,)), latent=2, hidden=(3,), free_bits=0.25, kl_warmup=0.5)
    assert model.kl_weight.item() == 0
    kl, fit = torch.tensor([[0.1, 0.7], [0.25, 0.0]]), torch.tensor([3.0, 4.0])
    for progress, weight in ((0.2, 0.4), (0.5, 1.0), (0.9, 1.0)):
        anneal(model, {}, progress)
        terms = bound_terms(model, fit, kl)
        expected = weight * torch.tensor([0.25 + 0.7, 0.25 + 0.25])
        torch.testing.assert_close(terms.loss["kl"], expected, rtol=1e-6, atol=0)
        torch.testing.assert_close(terms.log["elbo"], -fit - torch.tensor([0.8, 0.25]))


def test_units_below_their_free_bits_have_no_gradient(float64):
    x = (torch.rand(5, 6) < 0.5).double()
    model = simulacra.VAE(Binary((6,)), latent=2, hidden=(3,), free_bits=1e6)
    kl = vae.negative_elbo(model, Batch.of(x), Rng(0, rows=range(5))).loss["kl"]
    assert kl.tolist() == [2e6] * 5
    assert all(g.abs().sum() == 0 for g in torch.autograd.grad(kl.sum(), list(model.encoder.parameters())))


def test_free_bits_of_an_estimated_kl_are_those_of_the_kl_itself(float64):
    x = (torch.rand(5, 6) < 0.5).double()
    model = simulacra.VAE(Binary((6,)), latent=3, hidden=(3,), kl="monte-carlo", free_bits=0.1)
    q = model.posterior(x)
    closed = kl_by_entry(q)
    assert 0 < (closed > 0.1).double().mean() < 1
    draws = [vae.negative_elbo(model, Batch.of(x), Rng(s, rows=range(5))).loss["kl"] for s in range(400)]
    found = torch.stack(draws)
    error = found.std(0) / 20
    assert ((found.mean(0) - closed.clamp_min(0.1).sum(1)).abs() < 5 * error + 1e-9).all()
