"""MMD of samples: small for the truth, large for others, with a calibrated chance."""

import pytest
import torch

import simulacra
from simulacra.core.distributions.divergences import mmd2
from simulacra.evaluation.latents.reconstruction import reconstruction
from simulacra.evaluation.samples.mmd import median_bandwidths, mmd, permutation_chance


def test_the_median_distance_is_the_bandwidth():
    x = torch.randn(60, 3, dtype=torch.float64)
    distances = sorted(float((a - b).norm()) for i, a in enumerate(x) for b in x[:i])
    low, middle, high = median_bandwidths(x)
    assert abs(middle - distances[(len(distances) - 1) // 2]) < 1e-12
    assert (low, high) == (0.5 * middle, 2 * middle)
    with pytest.raises(ValueError, match="no bandwidth"):
        median_bandwidths(torch.ones(5, 2))


def test_the_chance_of_equal_laws_is_uniform_and_of_others_small():
    chances, wider = [], []
    for seed in range(60):
        generator = torch.Generator().manual_seed(seed)
        x, y = torch.randn(2, 40, 2, generator=generator, dtype=torch.float64)
        chances.append(permutation_chance(x, y, (1.0,), 100, seed))
        wider.append(permutation_chance(3 * x, y, (1.0,), 100, seed))
    assert 0.35 < sum(chances) / 60 < 0.65 and sum(c < 0.1 for c in chances) < 15
    assert sum(c < 0.05 for c in wider) > 50
    with pytest.raises(ValueError, match="equal numbers"):
        permutation_chance(x, y[:3], (1.0,))


def test_a_model_of_the_truth_scores_as_training_rows_do(linear_vae):
    model, truth = linear_vae()
    data = simulacra.from_tensors(truth.sample((2000,)), model.space, test=0.2)
    score = mmd(model, data, n=400)
    assert score.chance > 0.01 and abs(score.mmd2) < 0.01 and score.samples == 400
    with torch.no_grad():
        model.decoder.net[0].bias += 1.0
    off = mmd(model, data, n=400)
    assert off.chance < 0.01 and off.mmd2 > 10 * abs(off.reference)
    x = data.test.x[:200]
    assert float(mmd2(x, x + 1.0, off.bandwidths)) > 0.01


def test_reconstruction_against_the_eigenvalues(tmp_path):
    x = torch.randn(500, 4, dtype=torch.float64) * torch.tensor([3.0, 2.0, 1.0, 0.5], dtype=torch.float64)
    data = simulacra.from_tensors(x, simulacra.Real((4,)))
    model = simulacra.fit(simulacra.PCA(data.space, latent=2).double(), data, out=tmp_path / "run").model
    values = torch.linalg.eigvalsh(torch.cov(data.train.x.T, correction=0)).flip(0)
    found = reconstruction(model, data, "train")
    assert found.explained == pytest.approx(float(values[:2].sum() / values.sum()), abs=1e-6)
    assert found.mse == pytest.approx(float(values[2:].sum() / 4), rel=1e-5)
    with pytest.raises(ValueError, match="does not encode and decode"):
        reconstruction(simulacra.GAN(data.space), data)
