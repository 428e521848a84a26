"""BEGAN: an autoencoder's error is the critic, and k keeps the balance of the two errors."""

from __future__ import annotations

import pytest
import torch

import simulacra
from simulacra.api import fit
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.data.sources.tensors import from_tensors


def began(**options) -> simulacra.BEGAN:
    """A small one on the plane."""
    torch.manual_seed(2)
    return simulacra.BEGAN(Real((2,)), **{"latent": 3, "hidden": (9,), **options})


def errors(model, x, rng) -> tuple[torch.Tensor, torch.Tensor]:
    """L(x) and L(G(z)): mean absolute errors of the autoencoder, row by row."""
    rebuilt = lambda v: model.D.decoder(model.D.code(model.D.encoder(v, None)), None)
    mean = lambda v: (v - rebuilt(v)).abs().flatten(1).mean(1)
    return mean(x), mean(model.generate(model.prior(rng)))


@pytest.mark.system("G12")
@pytest.mark.parametrize("k", [0.0, 0.35])
def test_losses_are_those_of_the_paper(float64, k):
    model, x, rng = began(gamma=0.4), torch.randn(9, 2) + 1, Rng(3, rows=range(9))
    model.k.fill_(k)
    D, G = (update.loss(model, Batch.of(x), rng) for update in model.updates())
    real, fake = errors(model, x, rng)
    torch.testing.assert_close(sum(D.loss.values()), real - k * fake)
    torch.testing.assert_close(sum(G.loss.values()), fake)
    torch.testing.assert_close(model.judge(x).score, -real)
    # M_global = L(x) + |gamma L(x) - L(G)| of the batch's means
    expected = real.mean() + (0.4 * real.mean() - fake.mean()).abs()
    assert D.log["convergence"].mean().item() == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close([D.log["rebuilt"], D.log["rebuilt_fake"]], [real, fake])


def balance(model, real: float, fake: float) -> float:
    """k after a move of D that found these mean errors."""
    found = {"rebuilt": torch.tensor(real), "rebuilt_fake": torch.tensor(fake)}
    model.updates()[0].after(model, found, 0.5)
    return model.k.item()


@pytest.mark.system("G12")
def test_k_follows_the_error_of_the_balance_and_stays_in_the_unit_interval(float64):
    model = began(gamma=0.5, balance_rate=0.1)
    k = 0.0
    for real, fake in ((2.0, 0.4), (1.5, 0.1), (1.0, 0.9), (3.0, 1.5)):
        expected = min(max(k + 0.1 * (0.5 * real - fake), 0.0), 1.0)
        k = balance(model, real, fake)
        assert k == pytest.approx(expected, abs=1e-9)
    assert 0 < k < 1
    assert balance(model, 100.0, 0.0) == 1.0 and balance(model, 0.1, 100.0) == 0.0


@pytest.mark.system("G12")
@pytest.mark.parametrize("gamma", [0.3, 0.7])
def test_the_balance_rests_where_the_errors_have_the_ratio_gamma(float64, gamma):
    model = began(gamma=gamma, balance_rate=0.05)
    model.k.fill_(0.4)
    assert balance(model, 2.0, 2.0 * gamma) == pytest.approx(0.4, abs=1e-12)  # the fixed point of (3)
    assert balance(model, 2.0, 2.0 * gamma - 0.1) > 0.4 + 1e-3  # too little error of samples: k grows
    # a world in which more k lets the error of samples grow: the rule finds the ratio
    real, k = 1.0, model.k.item()
    for _ in range(2000):
        k = balance(model, real, 0.1 + k)
    assert 0 < k < 1 and (0.1 + k) / real == pytest.approx(gamma, abs=1e-6)


@pytest.mark.system("G12")
def test_a_training_keeps_k_in_bounds_and_moves_the_ratio_to_gamma(tmp_path):
    torch.manual_seed(5)
    data = from_tensors(torch.randn(400, 2) * torch.tensor([1.0, 0.3]), Real((2,)), valid=0.0, test=0.0)
    model, seen = began(gamma=0.5, balance_rate=0.05, lr=2e-3, latent=1), []
    made = model.updates

    def updates():
        D, G = made()
        own = D.after

        def watched(model, terms, progress):
            own(model, terms, progress)
            seen.append(model.k.item())

        D.after = watched
        return [D, G]

    model.updates = updates
    fit(model, data, out=tmp_path, epochs=40, batch_size=50, progress=False)
    assert len(seen) == 320 and all(0 <= k <= 1 for k in seen) and max(seen) > 0.01
    x, rng = data.train.batch(torch.arange(400), Rng(0, rows=range(400))).x, Rng(9, rows=range(400))
    real, fake = (error.mean().item() for error in errors(model.eval(), x, rng))
    assert fake / real == pytest.approx(0.5, abs=0.25)


@pytest.mark.system("G12")
@pytest.mark.parametrize("gamma", [0.0, 1.5])
def test_an_impossible_gamma_is_refused(gamma):
    with pytest.raises(ValueError, match=rf"gamma is {gamma}.*\.$"):
        began(gamma=gamma)
