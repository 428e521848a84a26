"""Temperature: each entry is drawn from p^(1/T), normalized; checked by sums over all values."""

from __future__ import annotations

import itertools
import math

import pytest
import scipy.stats
import torch

import simulacra
from simulacra.core.distributions.elementary import (
    Bernoulli,
    Categorical,
    DiscretizedLogistic,
    Gaussian,
    Mixture,
)
from simulacra.core.distributions.intervals import IntervalGaussian
from simulacra.core.distributions.tabular import CumulativeLogit, Poisson
from simulacra.core.distributions.tempered import likeliest, tempered
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.numeric import Scores

pytestmark = pytest.mark.fault("wider.b")
CELLS = Scores(edges=(-0.7, 0.1, 0.9))


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def distributions():
    """Entries (B = 2, d = 3) of each kind with finitely many values, and these values."""
    levels, cells = torch.arange(5.0), CELLS.centres
    logistic = DiscretizedLogistic(0.5 + 0.3 * noise(2, 3), noise(2, 3) - 1, 5, 1)
    wide = DiscretizedLogistic(0.5 + 0.3 * noise(2, 2, 3), noise(2, 2, 3) - 1, 5, 1)
    return {
        "bernoulli": (Bernoulli(noise(2, 3), 1), torch.arange(2.0)),
        "categorical": (Categorical(noise(2, 5, 3), 1), levels),
        "ordinal": (CumulativeLogit(noise(2, 4, 3), 1), levels),
        "logistic": (logistic, levels),
        "logistic-mixture": (Mixture(noise(2, 2, 3), wide, 1), levels),
        "interval": (IntervalGaussian(noise(2, 3), noise(2, 3) - 1, 1, CELLS), cells),
        "interval-mixture": (
            Mixture(noise(2, 2, 3), IntervalGaussian(noise(2, 2, 3), noise(2, 2, 3) - 1, 1, CELLS), 1),
            cells,
        ),
    }


@pytest.mark.parametrize("T", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("kind", list(distributions()))
def test_the_law_is_p_to_the_one_over_T_over_its_sum(float64, kind, T):
    p, values = distributions()[kind]
    at = lambda law: torch.stack([law.entries(torch.full((2, 3), float(v))) for v in values])
    powers = at(p) / T
    torch.testing.assert_close(at(tempered(p, T)), powers - powers.logsumexp(0), atol=1e-12, rtol=0)
    assert (tempered(p, T) is p) == (T == 1)


@pytest.mark.parametrize("k", [1, 2, 3, 9])
@pytest.mark.parametrize("kind", [kind for kind in distributions() if not kind.startswith("interval")])
def test_the_k_likeliest_values_keep_their_ratios_and_the_others_have_no_mass(float64, kind, k):
    p, values = distributions()[kind]
    at = lambda law: torch.stack([law.entries(torch.full((2, 3), float(v))) for v in values])
    whole = at(p)
    kept = torch.where((-whole).argsort(0).argsort(0) < k, whole, -torch.inf)
    expected = (kept - kept.logsumexp(0)).exp()
    torch.testing.assert_close(at(likeliest(p, k)).exp(), expected, atol=1e-12, rtol=0)
    assert likeliest(p, 0) is p


def test_a_gaussian_by_quadrature(float64):
    p, T = Gaussian(noise(2, 3), 0.3 * noise(2, 3), 1), 1.7
    u = torch.linspace(-30, 30, 20001)
    grid = u.view(-1, 1, 1).expand(-1, 2, 3)
    powers = p.entries(grid) / T
    log_Z = torch.logsumexp(powers, 0) + math.log(float(u[1] - u[0]))
    torch.testing.assert_close(
        tempered(p, T).entries(grid[::500]), (powers - log_Z)[::500], atol=1e-9, rtol=0
    )


def test_what_has_no_closed_form_is_refused():
    mixture = Mixture(noise(2, 2, 3), Gaussian(noise(2, 2, 3), noise(2, 2, 3), 1), 1)
    with pytest.raises(ValueError, match=r"temperature is 0\.5.* mixture of Gaussian densities .*at 1"):
        tempered(mixture, 0.5)
    with pytest.raises(ValueError, match=r"temperature is 2.*distribution Poisson .*at 1"):
        tempered(Poisson(noise(2, 3), 1), 2.0)
    with pytest.raises(ValueError, match=r"temperature is 0\.5"):
        simulacra.RNADE(simulacra.Real((3,)), hidden=2, mixtures=2).sample(2, temperature=0.5)


def law_by_enumeration(model, T):
    """The probability of each x of {0, 1}^d: the product of its conditionals at T, each normalized."""
    x = torch.tensor(list(itertools.product((0.0, 1.0), repeat=model.space.dims)))
    entries = model.head.build(model.parameters_of(x)).entries
    one, zero = entries(torch.ones_like(x)) / T, entries(torch.zeros_like(x)) / T
    chosen = torch.where(x.bool(), one, zero) - torch.logaddexp(one, zero)
    return chosen.sum(1).exp()


@pytest.mark.parametrize("T", [0.5, 1.0, 3.0])
@torch.no_grad()
def test_draws_have_the_law_of_the_conditionals_at_T(float64, T):
    torch.manual_seed(3)
    model = simulacra.NADE(simulacra.Binary((4,)), hidden=3)
    for p in model.parameters():
        p.normal_(0, 1)
    expected = law_by_enumeration(model, T)
    n = 6000
    drawn = model.sample(n, seed=1, temperature=T).double() @ torch.tensor([8.0, 4.0, 2.0, 1.0])
    seen = torch.bincount(drawn.long(), minlength=16)
    found = scipy.stats.chisquare(seen.numpy(), (n * expected / expected.sum()).numpy())
    assert abs(float(expected.sum()) - 1) < 1e-12 and found.pvalue > 1e-3
    # the test can tell T apart from the neighbouring one
    other = law_by_enumeration(model, 1.5 * T)
    assert scipy.stats.chisquare(seen.numpy(), (n * other / other.sum()).numpy()).pvalue < 1e-6


MODELS = {
    "nade": lambda: simulacra.NADE(simulacra.Binary((5,)), hidden=3),
    "eonade": lambda: simulacra.EoNADE(simulacra.Binary((5,)), hidden=(4,), ensemble=2),
    "pixelcnn": lambda: simulacra.PixelCNN(simulacra.Levels((1, 2, 3), 4), layers=1, channels=3),
    "tabular": lambda: simulacra.Tabular(
        simulacra.Table(a=simulacra.Categorical((), 3), b=simulacra.Binary(())), hidden=(3,), orders=2
    ),
}


@pytest.mark.parametrize("name", list(MODELS))
@torch.no_grad()
def test_at_one_nothing_changes_and_near_zero_draws_are_alike(name):
    torch.manual_seed(2)
    model = MODELS[name]()
    for p in model.parameters():
        p.add_(0.3 * torch.randn_like(p))
    plain = model.sample(50, seed=4)
    assert torch.equal(plain, model.sample(50, seed=4, temperature=1.0))
    cold = model.sample(50, seed=4, temperature=0.3)
    for n in (2, 3):
        assert torch.equal(model.sample(n, seed=4, temperature=0.3), cold[:n])
    # rows in one order have one likeliest value, rows in k orders at most k
    assert len(model.sample(50, seed=4, temperature=1e-4).unique(dim=0)) <= 2 < len(plain.unique(dim=0))


@pytest.mark.parametrize("T", [0.0, -1.0, math.inf])
def test_a_temperature_is_above_zero(T):
    with pytest.raises(ValueError, match=r"temperature is .*must be a number above 0"):
        MODELS["nade"]().sample(2, temperature=T)


def test_tempered_noise_is_that_of_the_entry():
    """Colder draws with the same seed take the same uniform numbers: they agree where p is sharp."""
    p = Bernoulli(torch.tensor([[8.0, -8.0, 0.1]]).expand(50, 3), 1)
    rng = Rng(0, rows=range(50))
    a, b = p.sample(rng), tempered(p, 0.9).sample(rng)
    assert torch.equal(a[:, :2], b[:, :2])
