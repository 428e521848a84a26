"""What codes carry, against quadrature and closed forms."""

import math

import pytest
import torch

from simulacra.core.distributions.divergences import kl_to_standard_normal
from simulacra.core.distributions.elementary import Gaussian, Mixture
from simulacra.evaluation.latents.codes import active_in, active_units, aggregate_kl, decompose, log_mixture


def grid(d, half=9.0, n=1201):
    axis = torch.linspace(-half, half, n, dtype=torch.float64)
    z = torch.cartesian_prod(*[axis] * d).reshape(-1, d)
    return z, (2 * half / (n - 1)) ** d


def by_quadrature(q):
    """The three terms of the decomposition, each by its own integral over a grid of z."""
    d = q.loc.shape[1]
    z, cell = grid(d, n=1201 if d == 1 else 321)
    each = torch.stack([Gaussian(m, s, 1).log_prob(z) for m, s in zip(q.loc, q.log_scale)])
    log_q = each.logsumexp(0) - math.log(len(q.loc))
    log_p = -0.5 * (z.square().sum(1) + d * math.log(2 * math.pi))
    total = (each.exp() * (each - log_p)).sum(1).mean() * cell
    information = (each.exp() * (each - log_q)).sum(1).mean() * cell
    marginal = (log_q.exp() * (log_q - log_p)).sum() * cell
    return float(total), float(information), float(marginal), z, log_q


def posteriors(n, d, seed):
    generator = torch.Generator().manual_seed(seed)
    loc = 1.3 * torch.randn(n, d, generator=generator, dtype=torch.float64)
    log_scale = -0.9 + 0.4 * torch.rand(n, d, generator=generator, dtype=torch.float64)
    return Gaussian(loc, log_scale, 1)


@pytest.mark.system("E6")
@pytest.mark.parametrize(("n", "d"), [(2, 1), (9, 1), (5, 2), (13, 2)])
def test_the_mean_kl_is_information_plus_the_marginal_kl(n, d):
    q = posteriors(n, d, seed=n)
    total, information, marginal, z, log_q = by_quadrature(q)
    assert abs(total - (information + marginal)) < 1e-6
    assert abs(total - float(kl_to_standard_normal(q).mean())) < 1e-6
    assert 0 <= information <= math.log(n)
    # the library's mixture is the grid's, and its Monte Carlo terms are these integrals
    torch.testing.assert_close(log_mixture(z[:500], q), log_q[:500], rtol=1e-10, atol=1e-10)
    found = decompose(q, samples=4000, seed=1)
    assert abs(found.total - total) < 1e-6
    # rows are given here, not sampled: only the draws of z vary
    assert abs(found.information - information) < 0.03
    assert abs(found.marginal - marginal) < 0.03


@pytest.mark.system("E6")
def test_codes_that_fill_the_prior_have_no_marginal_kl(linear_vae):
    import simulacra

    model, truth = linear_vae(d=4, latent=1)
    x = truth.sample((20_000,))
    data = simulacra.from_tensors(x, model.space, valid=0.0, test=0.1)
    kl = aggregate_kl(model, data.test, samples=8)
    # q(z|x) is the true posterior, so the average over data is the prior, up to the N rows
    variance = 1 / (1 + 1.5**2 / 0.7**2)
    assert abs(kl.information + 0.5 * math.log(variance)) < 0.05
    assert abs(kl.marginal) < 0.02 and not kl.saturated
    assert decompose(posteriors(3, 30, 0)).saturated


@pytest.mark.system("E7")
def test_active_units_are_those_whose_mean_follows_x(linear_vae):
    import simulacra

    model, truth = linear_vae(d=6, latent=3)
    encoder = model.encoder.net
    with torch.no_grad():
        encoder.weight[1] = 0.0
        encoder.weight[2] *= 0.05 / encoder.weight[2].norm()
    data = simulacra.from_tensors(truth.sample((3000,)), model.space)
    found = active_units(model, data.train)
    means = data.train.x @ encoder.weight[:3].T + encoder.bias[:3]
    torch.testing.assert_close(found.variances, means.var(0), rtol=1e-10, atol=1e-12)
    assert found.size == 3 and found.count == 1 and float(found.variances[1]) == 0.0
    assert active_units(model, data.train, threshold=1e-4).count == 2
    with pytest.raises(ValueError, match="at least two rows"):
        active_in(Gaussian(torch.zeros(1, 2), torch.zeros(1, 2), 1))


@pytest.mark.system("E7")
def test_one_gaussian_on_two_modes_by_either_direction_of_the_kl():
    x = torch.linspace(-14, 14, 4001, dtype=torch.float64)
    cell = float(x[1] - x[0])
    modes = torch.tensor([[-3.0, 3.0]], dtype=torch.float64)
    mixture = Mixture(torch.zeros(1, 2).double(), Gaussian(modes, torch.zeros(1, 2).double(), 0), 0)
    p = mixture.entries(x)
    forward, reverse = {}, {}
    for m in torch.linspace(-4, 4, 33).tolist():
        for s in torch.linspace(0.6, 4, 35).tolist():
            q = Gaussian(torch.tensor(m).double(), torch.tensor(math.log(s)).double(), 0).log_prob(x)
            forward[m, s] = float((p.exp() * (p - q)).sum() * cell)
            reverse[m, s] = float((q.exp() * (q - p)).sum() * cell)
    between, spread = min(forward, key=forward.get)
    # min KL(p||q) matches moments: mean 0, variance 1 + 9
    assert between == 0.0 and abs(spread - math.sqrt(10)) < 0.1
    picked, width = min(reverse, key=reverse.get)
    assert abs(abs(picked) - 3) < 0.3 and abs(width - 1) < 0.1


def test_models_without_a_posterior_are_refused():
    import simulacra

    data = simulacra.load_data("ring")
    with pytest.raises(ValueError, match="no Gaussian posterior"):
        aggregate_kl(simulacra.PCA(data.space, latent=1), data.test)
