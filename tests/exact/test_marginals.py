"""Parameters at which a column's distribution is its marginal, and models that begin there."""

from __future__ import annotations

import numpy as np
import pytest
import scipy
import torch
from mixed_rows import Rows
from orders import loud

from simulacra.core.distributions.heads import likelihood_head
from simulacra.core.distributions.marginals import marginal, spread
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.classes import Categorical, Ordinal
from simulacra.core.spaces.composite import Table
from simulacra.core.spaces.numeric import Scores
from simulacra.core.spaces.plain import Binary, Count, Positive, Real
from simulacra.models.autoregressive.tables.tabular import Tabular
from simulacra.models.autoregressive.tables.training import begin_at_marginals
from simulacra.models.variational.output_bias import bias_from_data
from simulacra.models.variational.vae import VAE

RNG = np.random.default_rng(6)


def law(space, x, name="auto", **options):
    """The distribution of one entry at its marginal."""
    x = torch.tensor(np.asarray(x, dtype=float))
    head = likelihood_head(space, name)
    p = marginal(space, head.name, x)
    assert p.dtype == torch.float64 and p.shape == head.output
    return head.build(p.unsqueeze(0))


def test_a_coin_has_the_share_of_ones(float64):
    for ones in (3, 17, 50):
        x = np.repeat([1, 0], [ones, 53 - ones])
        assert law(Binary(), x).mean.item() == pytest.approx(min(ones / 53, 0.999))
    # of what never happens no logarithm is infinite
    assert law(Binary(), np.zeros(50)).log_prob(torch.ones(1)).isfinite()


@pytest.mark.parametrize(
    "space", [Categorical((), 3), Ordinal((), 3), Ordinal((), 5), Ordinal((), 2)], ids=str
)
def test_classes_have_their_shares_with_half_a_row_more(float64, space):
    k = space.classes
    counts = np.array([7, 0, 40, 2, 1])[:k]
    p = law(space, np.repeat(np.arange(k), counts))
    found = [p.log_prob(torch.tensor([v])).exp().item() for v in range(k)]
    np.testing.assert_allclose(found, (counts + 0.5) / (counts + 0.5).sum(), rtol=1e-9)


def test_a_class_of_one_is_certain(float64):
    assert law(Ordinal((), 1), np.zeros(9)).log_prob(torch.zeros(1)).item() == 0


def test_a_gaussian_has_mean_and_deviation(float64):
    x = RNG.normal(30, 7, 50)
    p = law(Real(), x)
    assert p.mean.item() == pytest.approx(x.mean())
    assert p.log_scale.exp().item() == pytest.approx(x.std())
    # a column that never changes keeps a density
    assert law(Real(), np.full(9, 4.0)).log_scale.exp().item() == pytest.approx(1e-3)


@pytest.mark.parametrize("space", [Positive(), Positive(centre=2.0, spread=0.7)], ids=["bare", "ranged"])
def test_a_log_normal_has_the_moments_of_the_logarithm(float64, space):
    x = np.exp(RNG.normal(2, 0.4, 50))
    p = law(space, x)
    due = scipy.stats.lognorm(np.log(x).std(), scale=np.exp(np.log(x).mean()))
    v = np.array([1.0, 5.0, 9.0])
    found = [p.log_prob(torch.tensor([t])).item() for t in v]
    np.testing.assert_allclose(found, due.logpdf(v), rtol=1e-9)


@pytest.mark.parametrize("space", [Count(), Count(centre=1.5, spread=0.6)], ids=["bare", "ranged"])
def test_counts_have_mean_and_variance(float64, space):
    x = RNG.negative_binomial(2, 0.2, 300)
    p, v = law(space, x), torch.arange(400.0)
    masses = torch.stack([p.log_prob(v[i : i + 1]) for i in range(400)])[:, 0].exp()
    mean = (masses * v).sum()
    assert masses.sum().item() == pytest.approx(1, abs=1e-9)
    assert mean.item() == pytest.approx(x.mean(), rel=1e-9)
    assert ((v - mean).square() * masses).sum().item() == pytest.approx(x.var(), rel=1e-7)
    # no more spread than a Poisson: the Poisson
    flat = law(space, np.array([4, 5, 6, 5]))
    at = torch.tensor([3.0])
    assert flat.log_prob(at).item() == pytest.approx(scipy.stats.poisson(5).logpmf(3), abs=1e-5)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_a_mixture_is_spread_over_the_column(float64, k):
    x = RNG.normal(30, 7, 200)
    means, log_scales, logits = marginal(Real(), "gaussian-mixture", torch.tensor(x), k).chunk(3)
    weights = logits.softmax(0)
    mean = (weights * means).sum()
    variance = (weights * (log_scales.exp().square() + (means - mean).square())).sum()
    assert mean.item() == pytest.approx(x.mean(), abs=1e-9)
    assert variance.sqrt().item() == pytest.approx(x.std(), rel=0.17)
    own = spread(k).chunk(3)
    np.testing.assert_allclose(means, x.mean() + x.std() * own[0])


def test_a_column_of_which_nothing_is_known_begins_at_zeros(float64):
    empty = torch.zeros(0)
    for space in (Binary(), Real(), Positive(), Count(), Categorical((), 3), Ordinal((), 3)):
        head = likelihood_head(space)
        assert not marginal(space, head.name, empty).any()
    assert marginal(Scores(edges=(0.1,)), "interval-gaussian", empty).tolist() == [0, 0]


SPACE = Table(
    a=Scores(edges=(-0.4, 0.6)), b=Categorical((), 3), c=Binary(), d=Ordinal((), 4), e=Count(), f=Positive()
)


def table(n: int = 200) -> torch.Tensor:
    rng = np.random.default_rng(2)
    columns = [rng.normal(size=n), rng.choice(3, n, p=[0.7, 0.2, 0.1]), rng.random(n) < 0.2]
    columns += [rng.choice(4, n, p=[0.1, 0.6, 0.1, 0.2]), rng.poisson(rng.gamma(2, 3, n))]
    return torch.tensor(np.stack([*columns, np.exp(rng.normal(1, 2, n))], 1).astype(float))


def entry_masses(x: torch.Tensor) -> torch.Tensor:
    """log p of each entry at the marginals, by scipy and shares."""
    x = x.numpy()
    norm = scipy.stats.norm
    a = np.log(np.diff(norm.cdf([-np.inf, -0.4, 0.6, np.inf])))[np.searchsorted([-0.4, 0.6], x[:, 0])]
    found = [a]
    for j, k in ((1, 3), (2, 2), (3, 4)):
        counts = np.bincount(x[:, j].astype(int), minlength=k) + (0.5 if j != 2 else 0)
        found.append(np.log(counts / counts.sum())[x[:, j].astype(int)])
    m, v = x[:, 4].mean(), x[:, 4].var()
    size = m**2 / (v - m)
    found.append(scipy.stats.nbinom(size, size / (size + m)).logpmf(x[:, 4]))
    logs = np.log(x[:, 5])
    found.append(scipy.stats.lognorm(logs.std(), scale=np.exp(logs.mean())).logpdf(x[:, 5]))
    return torch.tensor(np.stack(found, 1))


def test_a_vae_scores_columns_at_their_marginals_before_the_first_step(float64):
    model, x = VAE(SPACE, latent=2, hidden=(5,)), table()
    with torch.no_grad():
        bias_from_data(model, Rows(x), Rng(0))
        model.decoder.body[-1].weight.zero_()
    entries = model.likelihood(torch.randn(200, 2)).entries(x)
    torch.testing.assert_close(entries.detach(), entry_masses(x), atol=1e-6, rtol=1e-6)


@pytest.mark.system("H6")
def test_tabular_scores_columns_at_their_marginals_before_the_first_step(float64):
    model, x = Tabular(SPACE, hidden=(5,), dropout=0.0, mixtures=1, orders=2), table()
    with torch.no_grad():
        begin_at_marginals(model, Rows(x), Rng(0))
        for net in model.nets:
            net.weights[-1].zero_()
    due = entry_masses(x)
    # a coin is a class of two here, with half a row more for each
    ones = (x[:, 2].sum() + 0.5) / 201
    due[:, 2] = torch.where(x[:, 2] > 0, ones, 1 - ones).log()
    torch.testing.assert_close(model.log_density(x).detach(), due.sum(1), atol=1e-6, rtol=1e-6)


@torch.no_grad()
def test_marginals_leave_out_what_is_missing(float64):
    x, known = table(), torch.rand(200, 6) < 0.6
    holes = torch.where(known, x, torch.tensor([0.0, 0, 0, 0, 0, 1]))
    models = [loud(Tabular(SPACE, hidden=(5,), orders=1)), loud(Tabular(SPACE, hidden=(5,), orders=1))]
    begin_at_marginals(models[0], Rows(holes, known), Rng(0))
    for j in range(6):
        seen = x.clone()
        seen[:, j] = x[known[:, j], j].repeat(9)[:200]
        rows = Rows(x[known[:, j]])
        begin_at_marginals(models[1], rows, Rng(0))
        first, second = (m.nets[0].biases[-1][j] for m in models)
        torch.testing.assert_close(first[: models[0].heads.outputs[j]], second[: models[0].heads.outputs[j]])
