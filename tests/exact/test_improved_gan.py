"""Improved GAN at 128 x 128: all tricks of the paper are options of one game, and each has its effect."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

import simulacra
from simulacra.core.batch import Batch
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Levels
from simulacra.nets.adversarial.virtual import Virtual

SIDE, B = 128, 3
TRICKS = {
    "feature_matching": True,
    "minibatch_kernels": 3,
    "normalization": "virtual",
    "critic_normalization": "virtual",
    "smoothing": 0.9,
    "historical_averaging": 0.5,
}


@pytest.fixture
def batch():
    """Photographs of noise."""
    rng = Rng(4, rows=range(B))
    return Batch.of((256 * rng.uniform("x", 3, SIDE, SIDE)).to(torch.uint8))


def improved(network: str) -> simulacra.GAN:
    """A game with every trick, of few channels and a small reference batch."""
    torch.manual_seed(6)
    model = simulacra.GAN(Levels((3, SIDE, SIDE), 256), latent=3, network=network, channels=2, **TRICKS)
    for module in model.modules():
        if isinstance(module, Virtual):
            module.reference = module.reference[:5]
        if hasattr(module, "n") and not isinstance(module, Virtual):
            module.n = 5
    return model


@pytest.mark.system("G14")
@pytest.mark.parametrize("network", ["dcgan", "residual"])
def test_every_trick_at_128(batch, network):
    model, rng = improved(network), Rng(2, rows=range(B))
    D, G = (update.loss(model, batch, rng).loss for update in model.updates())
    fake = model.generate(model.prior(rng))
    assert fake.shape == (B, 3, SIDE, SIDE) and fake.abs().max() < 1
    real, made = model.judge(model.seen(batch.x)), model.judge(fake)
    # one-sided smoothing, of the scores that see the other rows of the batch
    torch.testing.assert_close(D["real"], 0.9 * F.softplus(-real.score) + 0.1 * F.softplus(real.score))
    torch.testing.assert_close(D["fake"], F.softplus(made.score))
    alone = torch.cat([model.judge(fake[i : i + 1]).score for i in range(B)])
    assert not torch.allclose(alone, made.score, atol=1e-5)
    # virtual normalization: the features of a row are those of the row alone
    torch.testing.assert_close(model.judge(fake[:1]).features[0], made.features[0], rtol=1e-4, atol=1e-6)
    matched = (real.features.mean(0) - made.features.mean(0)).square().sum()
    torch.testing.assert_close(G["features"], matched)
    history = model.history["D"]
    history.add(model.D)
    with torch.no_grad():
        model.D.score.weight += 0.2
    moved = model.updates()[0].loss(model, batch, rng).loss["history"]
    torch.testing.assert_close(moved, torch.full((B,), 0.5 * 0.04 * model.D.score.weight.numel()))
