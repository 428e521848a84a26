"""The importance-weighted bound: k = 1 is the ELBO, it rises with k, and its limit is log p(x)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from latents import kl_to_posterior, log_p, observations, small_model
from oracles import Prescribed, normal_grid
from scipy.special import logsumexp

from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.likelihood import importance_bound
from simulacra.core.spaces.plain import Binary
from simulacra.models.variational import IWAE, VAE


def repeated_bounds(model, x: torch.Tensor, k: int, n: int) -> torch.Tensor:
    """n independent values of the training bound for each row of x, shape (B, n)."""
    model.k = k
    rows = x.repeat_interleave(n, 0)
    rng = Rng(k, "repeat", rows=range(len(rows)))
    with torch.no_grad():
        loss = model.updates()[0].loss(model, Batch.of(rows), rng).loss
    return -sum(loss.values()).view(len(x), n)


@pytest.mark.system("E9")
@pytest.mark.parametrize(("name", "gain"), [("bernoulli", 2.0), ("logistic", 1.0)])
def test_bounds_rise_with_k_to_the_evidence(float64, name, gain):
    model, x, n = small_model(name, IWAE, gain), observations(name), 3000
    evidence = log_p(model, name, x)
    elbo = evidence - kl_to_posterior(model, name, x)
    values = {k: repeated_bounds(model, x, k, n) for k in (1, 5, 50)}
    mean = {k: v.mean(1).numpy() for k, v in values.items()}
    error = {k: v.std(1).numpy() / math.sqrt(n) for k, v in values.items()}
    assert (abs(mean[1] - elbo) < 4 * error[1]).all()
    assert (mean[5] - mean[1] > 4 * np.hypot(error[5], error[1])).all()
    assert (mean[50] - mean[5] > 4 * np.hypot(error[50], error[5])).all()
    assert (mean[50] <= evidence + 4 * error[50]).all()
    assert (evidence - mean[50] < 0.2 * (evidence - elbo)).all()
    # E exp L_k = p(x) for every k
    for k in (5, 50):
        ratio = np.exp(values[k].numpy() - evidence[:, None])
        assert (abs(ratio.mean(1) - 1) < 4 * ratio.std(1) / math.sqrt(n)).all()


@pytest.mark.system("E9")
def test_expectation_of_the_bound_with_two_samples_by_quadrature(float64):
    name = "bernoulli"
    model, x = small_model(name, IWAE, k=2), observations(name)[:1]
    evidence = log_p(model, name, x)
    elbo = evidence - kl_to_posterior(model, name, x)
    eps, log_w = normal_grid(241)
    pairs = torch.tensor(np.stack(np.meshgrid(eps, eps, indexing="ij"), -1).reshape(-1, 2, 1))
    rows = x.expand(len(pairs), 5)
    with torch.no_grad():
        values = -model.updates()[0].loss(model, Batch.of(rows), Prescribed(pairs)).loss["bound"].numpy()
    l2 = (values * np.exp(np.add.outer(log_w, log_w).ravel())).sum()
    assert elbo[0] + 1e-3 < l2 < evidence[0] - 1e-3
    # against the definition, from the weights of the grid
    single = model.log_weights(x.expand(241, 5), None, Prescribed(torch.tensor(eps).view(-1, 1, 1)), 1)
    w = single.detach()[:, 0].numpy()
    both = np.logaddexp.outer(w, w) - math.log(2)
    assert l2 == pytest.approx((both * np.exp(np.add.outer(log_w, log_w))).sum(), abs=1e-10)
    # and each number of the loss is the log-mean of its two weights
    np.testing.assert_allclose(values.reshape(241, 241), both, atol=1e-10)


@pytest.mark.system("E9")
def test_one_sample_is_the_vae(float64):
    x = observations("bernoulli")
    iwae, vae = small_model("bernoulli", IWAE, k=1), small_model("bernoulli", VAE, kl="monte-carlo")
    vae.load_state_dict(iwae.state_dict(), strict=False)
    eps = Rng(5, rows=range(3)).normal("z", 1, 1)
    known = torch.rand(3, 5) < 0.6
    for batch in (Batch.of(x), Batch.of(x, known=known)):
        a = iwae.updates()[0].loss(iwae, batch, Prescribed(eps)).loss
        b = vae.updates()[0].loss(vae, batch, Prescribed(eps[:, 0])).loss
        torch.testing.assert_close(sum(a.values()), sum(b.values()), atol=1e-12, rtol=0)


@pytest.mark.system("E9")
def test_missing_entries_are_integrated_out(float64):
    """With known entries only, E w is the sum of p(x) over what the others may be."""
    model, x = small_model("bernoulli", IWAE, k=1), observations("bernoulli")[:1].double()
    known = torch.tensor([[True, False, True, True, False]])
    both = torch.tensor([[a, b] for a in (0.0, 1.0) for b in (0.0, 1.0)])
    filled = x.expand(4, 5).masked_scatter(~known.expand(4, 5), both)
    marginal = logsumexp(log_p(model, "bernoulli", filled))
    eps, log_w = normal_grid(6001, 37.0)
    rows, noise = x.expand(6001, 5), Prescribed(torch.tensor(eps).view(-1, 1, 1))
    batch = Batch.of(rows, known=known.expand(6001, 5))
    bound = -model.updates()[0].loss(model, batch, noise).loss["bound"].detach().numpy()
    assert logsumexp(bound + log_w) == pytest.approx(marginal, abs=1e-8)


class Spy:
    """A model's weights, with the largest number of entries that one call decoded."""

    def __init__(self, model):
        self.model, self.largest, self.calls = model, 0, []

    def log_weights(self, x, c, rng, k):
        self.largest = max(self.largest, len(x) * k * x[0].numel())
        value = self.model.log_weights(x, c, rng, k)
        self.calls.append(value)
        return value


@pytest.mark.system("E9")
@pytest.mark.parametrize("k", [1, 50, 256, 700])
def test_chunked_bound_is_the_naive_one_at_any_budget(float64, k):
    model = VAE(Binary((6,)), latent=3, hidden=(8,), activation="tanh")
    x = torch.randint(0, 2, (9, 6))
    rng = Rng(2, "score", rows=range(9))
    spy = Spy(model)
    whole = importance_bound(spy, x, None, k, rng)
    log_w = torch.cat(spy.calls, 1)
    assert log_w.shape == (9, k)
    naive = log_w.exp().mean(1).log()
    torch.testing.assert_close(whole.bound, naive, atol=1e-11, rtol=0)
    torch.testing.assert_close(whole.elbo, log_w.mean(1), atol=1e-11, rtol=0)
    effective = log_w.exp().sum(1).square() / log_w.exp().square().sum(1)
    torch.testing.assert_close(whole.effective, effective, rtol=1e-10, atol=0)
    for entries in (1, 6 * 256, 4000, 20_000):
        spy = Spy(model)
        part = importance_bound(spy, x, None, k, rng, entries=entries)
        torch.testing.assert_close(part.bound, whole.bound, atol=1e-11, rtol=0)
        torch.testing.assert_close(part.effective, whole.effective, rtol=1e-10, atol=0)
        # one row of one block of samples is the least that can be decoded
        assert spy.largest <= max(entries, 6 * 256)
    alone = importance_bound(model, x[4:5], None, k, rng.on(range(4, 5)))
    torch.testing.assert_close(alone.bound, whole.bound[4:5], atol=1e-11, rtol=0)


@pytest.mark.system("E9")
def test_many_samples_reach_the_evidence_and_the_word_uses_them(float64):
    name, k = "bernoulli", 40_000
    model, x = small_model(name, IWAE), observations(name)
    evidence = log_p(model, name, x)
    result = importance_bound(model, x, None, k, Rng(0, rows=range(3)))
    # delta method: var log mean w = (1/effective - 1/k)
    error = np.sqrt(1 / result.effective.numpy() - 1 / k)
    assert error.max() < 0.02
    assert (abs(result.bound.numpy() - evidence) < 4 * error).all()
    estimate = model.log_prob(x, k=k)
    assert estimate.kind == "lower" and estimate.details["k"] == k
    assert (abs(estimate.values.numpy() - evidence) < 4 * error).all()
    one = model.log_prob(x, k=1)
    assert one.kind == "lower" and "ELBO" in one.method


@pytest.mark.system("E9")
@pytest.mark.parametrize("k", [1, 6])
def test_gradient_is_the_finite_difference_at_fixed_noise(float64, k):
    model, x = small_model("logistic", IWAE, hidden=(4,), k=k), observations("logistic")
    loss = lambda: model.updates()[0].loss(model, Batch.of(x), Rng(1, rows=range(3))).loss["bound"].sum()
    loss().backward()
    h = 1e-6
    for p in model.parameters():
        flat = p.data.view(-1)
        for i in range(0, len(flat), 3):
            kept = flat[i].item()
            flat[i] = kept + h
            up = loss().item()
            flat[i] = kept - h
            down = loss().item()
            flat[i] = kept
            assert p.grad.view(-1)[i].item() == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-6)
