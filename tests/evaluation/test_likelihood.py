"""The estimate of log p(x): exact where it can be, the same as the model's own word."""

import math

import pytest
import torch

import simulacra
from simulacra.core.preprocessing.chain import Preprocessing
from simulacra.core.preprocessing.transforms import Affine
from simulacra.evaluation.likelihood.held_out import likelihood, likelihoods
from simulacra.evaluation.rows import subset


def test_an_exact_posterior_makes_every_bound_exact(linear_vae):
    model, truth = linear_vae()
    data = simulacra.from_tensors(truth.sample((300,)), model.space)
    expected = truth.log_prob(data.test.x)
    for k in (1, 7, 300):
        found = likelihoods(model, data, k=k)
        torch.testing.assert_close(found.estimate.values, expected, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(found.elbo.values, expected, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(found.effective, torch.full((30,), float(k), dtype=torch.float64))
        assert found.estimate.kind == "lower"


def test_a_wrong_posterior_gives_a_bound_that_rises_to_the_truth(linear_vae):
    model, truth = linear_vae(mistake=0.8)
    data = simulacra.from_tensors(truth.sample((400,)), model.space)
    expected = float(truth.log_prob(data.test.x).mean())
    # at one seed the last of them has a standard deviation of 0.017: few of the weights count
    mean = lambda k: sum(likelihood(model, data, k=k, seed=seed).mean for seed in range(30)) / 30
    means = [mean(k) for k in (1, 10, 100, 5000)]
    assert means == sorted(means) and means[-1] < expected + 0.01
    assert expected - means[-1] < 0.02 < expected - means[0]
    few = likelihoods(model, data, k=100).effective
    assert float(few.min()) >= 1 and float(few.median()) < 60


def test_values_are_those_of_log_prob_and_do_not_depend_on_the_budget():
    data = simulacra.load_data("digits", binarize="dynamic", condition="label")
    torch.manual_seed(0)
    model = simulacra.VAE(data.space, data.condition, latent=3, hidden=(16,)).double()
    model.preprocessing = data.preprocessing
    whole = likelihood(model, data, k=50, seed=3)
    word = model.log_prob(data.test.x, data.test.c, k=50, seed=3)
    torch.testing.assert_close(whole.values, word.values, rtol=1e-12, atol=1e-12)
    tight = likelihoods(model, data, k=50, seed=3, entries=2**13).estimate
    torch.testing.assert_close(whole.values, tight.values, rtol=1e-9, atol=1e-9)
    part = likelihood(model, data, k=50, seed=3, limit=20)
    rows = subset(data.test, 20, seed=3)
    word = model.log_prob(rows.x, rows.c, k=50, seed=3)
    torch.testing.assert_close(part.values, word.values, rtol=1e-9, atol=1e-9)
    assert part.protocol.split == "test[20 of 180, seed 3]" and part.protocol != whole.protocol
    assert "dynamic binarization" in str(whole) and "k=50" in str(whole)


@pytest.mark.system("I5")
def test_scaling_the_data_changes_a_density_by_its_jacobian_and_the_report_undoes_it():
    x = torch.randn(200, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    plain = simulacra.from_tensors(x, simulacra.Real((5,)))
    model = simulacra.PPCA(plain.space, latent=2).double()
    model.W.copy_(torch.eye(5, 2, dtype=torch.float64))
    raw = likelihood(model, plain)
    # y = 10 x: the same model of x, as a density on y, is 10 W and 100 s^2
    chain = Preprocessing(plain.space, (Affine((0.0,), (0.1,)),))
    scaled_data = simulacra.from_tensors(x, plain.space)
    scaled_data.preprocessing = chain
    for split in scaled_data.splits.values():
        split.preprocessing = chain
    scaled = simulacra.PPCA(plain.space, latent=2).double()
    scaled.W.copy_(10 * model.W)
    scaled.variance.copy_(100 * model.variance)
    scaled.preprocessing = chain
    on_y = scaled.log_density(10 * plain.test.x)
    torch.testing.assert_close(raw.values, on_y + 5 * math.log(10), rtol=1e-10, atol=1e-10)
    reported = likelihood(scaled, scaled_data)
    torch.testing.assert_close(reported.values, raw.values, rtol=1e-10, atol=1e-10)
    assert reported.protocol == raw.protocol
    with pytest.raises(ValueError, match="load the data as they were for training"):
        likelihood(scaled, plain)


def test_dequantized_densities_are_bounds():
    data = simulacra.load_data("digits", dequantize="uniform")
    model = simulacra.PPCA(data.space, latent=2)
    model.preprocessing = data.preprocessing
    found = likelihood(model, data)
    assert found.kind == "lower" and "dequantized" in found.method
    torch.testing.assert_close(found.values, model.log_prob(data.test.x).values)


def test_bad_input():
    ring = simulacra.load_data("ring")
    with pytest.raises(ValueError, match="implicit"):
        likelihood(simulacra.GAN(ring.space), ring)
    vae = simulacra.VAE(ring.space, latent=1, scale=1.0)
    with pytest.raises(ValueError, match="at least one importance sample"):
        likelihood(vae, ring, k=0)
    with pytest.raises(ValueError, match="nothing to score"):
        likelihood(vae, ring, limit=0)
    with pytest.raises(ValueError, match="was built for"):
        likelihood(simulacra.VAE(simulacra.Real((3,)), latent=1, scale=1.0), ring)
