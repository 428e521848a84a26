"""The VAE through the trainer, and given a class: p(x|c) is a distribution, and learns its class."""

from __future__ import annotations

import numpy as np
import pytest
import scipy
import torch
from oracles import Prescribed, log_evidence, normal_grid, states
from scipy.special import logsumexp

from simulacra.api import fit
from simulacra.core.random.keyed import Rng
from simulacra.core.scores.likelihood import importance_bound
from simulacra.core.spaces.classes import Categorical
from simulacra.core.spaces.plain import Binary
from simulacra.data.sources.tensors import from_tensors
from simulacra.models.variational import VAE


def bars(n: int = 600) -> torch.Tensor:
    """4 x 4 images of rows that are on or off, with 3 % of the pixels flipped."""
    g = torch.Generator().manual_seed(0)
    on = (torch.rand(n, 4, 1, generator=g) < 0.5).expand(n, 4, 4)
    flip = torch.rand(n, 4, 4, generator=g) < 0.03
    return (on ^ flip).float().unsqueeze(1)


def trained(folder, seed: int, epochs: float = 15) -> VAE:
    data = from_tensors(bars(), Binary((1, 4, 4)))
    torch.manual_seed(7)
    model = VAE(data.space, latent=4, hidden=(32,))
    fit(model, data, out=folder, epochs=epochs, batch_size=50, lr=5e-3, seed=seed, progress=False)
    return model


@pytest.mark.system("E4")
def test_training_raises_the_bound_and_repeats_by_seed(tmp_path):
    test = from_tensors(bars(), Binary((1, 4, 4))).test.x
    torch.manual_seed(7)
    start = VAE(Binary((1, 4, 4)), latent=4, hidden=(32,)).log_prob(test, k=1)
    first, again, other = (trained(tmp_path / str(i), seed) for i, seed in enumerate((1, 1, 2)))
    end = first.log_prob(test, k=1)
    gain = end.values - start.values
    assert gain.mean() > 2 and gain.mean() > 4 * gain.std() / len(gain) ** 0.5
    assert torch.equal(end.values, again.log_prob(test, k=1).values)
    for a, b in zip(first.state_dict().values(), again.state_dict().values()):
        assert torch.equal(a, b)
    assert not torch.equal(end.values, other.log_prob(test, k=1).values)
    longer = trained(tmp_path / "longer", 1, epochs=45).log_prob(test, k=1)
    assert longer.mean > end.mean


def conditional(gain: float = 2.0) -> VAE:
    model = VAE(Binary((4,)), condition=Categorical((), 3), latent=1, hidden=(6,), activation="tanh")
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(gain)
    return model


@torch.no_grad()
def log_likelihood(model: VAE, x: np.ndarray, c: int, z: np.ndarray) -> np.ndarray:
    """log p(x|z, c) from the decoder's logits, shape (grid, B)."""
    one_hot = torch.eye(3)[c].expand(len(z), 3)
    logits = model.decoder(torch.tensor(z).unsqueeze(1), one_hot).numpy()
    return scipy.stats.bernoulli.logpmf(x[None], 1 / (1 + np.exp(-logits))).sum(-1)


@pytest.mark.system("E17", "E2")
def test_each_class_has_a_distribution_of_its_own(float64):
    model, x = conditional(), states(4)
    z, w = normal_grid()
    table = np.stack([log_evidence(log_likelihood(model, x, c, z), w) for c in range(3)])
    np.testing.assert_allclose(np.exp(table).sum(1), 1, atol=1e-10)
    assert abs(np.exp(table[0]) - np.exp(table[1])).max() > 0.01
    # E w = p(x|c): the weights use the class in encoder and decoder alike; z runs over the prior too
    z, w = normal_grid(6001, 37.0)
    for c in range(3):
        for i in (0, 6, 13):
            rows = torch.tensor(x[i]).expand(len(z), 4)
            classes = torch.full((len(z),), c)
            noise = Prescribed(torch.tensor(z).view(-1, 1, 1))
            log_w = model.log_weights(rows, classes, noise, 1)[:, 0].detach().numpy()
            assert logsumexp(log_w + w) == pytest.approx(table[c, i], abs=1e-8)
            elbo = model.elbo(rows, classes, Prescribed(torch.tensor(z).unsqueeze(1))).detach().numpy()
            assert (elbo * np.exp(w)).sum() == pytest.approx((log_w * np.exp(w)).sum(), abs=1e-8)


@pytest.mark.system("E17")
def test_rows_keep_their_class_among_many_samples(float64):
    model, x, k = conditional(gain=1.0), states(4), 20_000
    z, w = normal_grid()
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            parameter.zero_()  # q is the prior: the weights are p(x|z, c), at most 1
        for layer in (m for m in model.decoder.modules() if isinstance(m, torch.nn.Linear)):
            layer.weight *= 3  # classes far apart, so that a mix-up shows
    table = np.stack([log_evidence(log_likelihood(model, x, c, z), w) for c in range(3)])
    classes, rows = [2, 0, 1, 2], [3, 5, 7, 5]
    truth = table[classes, rows]
    mixed_up = [abs(np.delete(table[:, i], c) - table[c, i]).min() for c, i in zip(classes, rows)]
    bound = importance_bound(model, torch.tensor(x[rows]), torch.tensor(classes), k, Rng(0, rows=range(4)))
    error = np.sqrt(1 / bound.effective.numpy() - 1 / k)
    assert error.max() < 0.02 and (mixed_up > 10 * error).all()
    assert (abs(bound.bound.numpy() - truth) < 4 * error).all()
    estimate = model.log_prob(torch.tensor(x[rows]), condition=torch.tensor(classes), k=k)
    assert (abs(estimate.values.numpy() - truth) < 4 * error).all()


@pytest.mark.system("E17")
def test_samples_of_a_class_follow_its_distribution(float64):
    model, x, n = conditional(), states(4), 20_000
    z, w = normal_grid()
    for c in range(3):
        p = np.exp(log_evidence(log_likelihood(model, x, c, z), w))
        draws = model.sample(n, condition=c, seed=c).numpy()
        counts = np.bincount((draws @ [8, 4, 2, 1]).astype(int), minlength=16)
        assert scipy.stats.chisquare(counts, n * p / p.sum()).pvalue > 1e-3


@pytest.mark.system("E17")
def test_generated_digits_are_of_the_class_that_was_asked_for(tmp_path):
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    digits = load_digits()
    x = torch.tensor(digits.images > 7, dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(digits.target)
    data = from_tensors(x, Binary((1, 8, 8)), c=labels, condition=Categorical((), 10))
    torch.manual_seed(0)
    model = VAE(data.space, data.condition, latent=8, hidden=(128,))
    fit(model, data, out=tmp_path, epochs=40, batch_size=64, lr=2e-3, progress=False)
    asked = torch.arange(10).repeat_interleave(40)
    made = model.sample(400, condition=asked, seed=1).flatten(1).numpy()
    held = data.test.x.flatten(1).numpy(), data.test.c.numpy()
    for judge in (LogisticRegression(max_iter=500), KNeighborsClassifier(5)):
        judge.fit(data.train.x.flatten(1).numpy(), data.train.c.numpy())
        assert judge.score(*held) > 0.85
        assert judge.score(made, asked.numpy()) > 0.8
