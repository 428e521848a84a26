"""Features of a discriminator, and what a line makes of them."""

import pytest
import torch
from torch import nn

import simulacra
from simulacra.core.capabilities.representation import features_of
from simulacra.core.spaces.plain import Levels, Real
from simulacra.exploration.latent.linear_probe import linear_probe
from simulacra.nets.adversarial.pooled import pooled_layers
from simulacra.nets.adversarial.virtual import Virtual, VirtualNorm

SIDE = 16


def strokes(n, seed):
    """Strokes of four directions anywhere, brighter or darker than the ground: (n, 1, 16, 16), (n,)."""
    generator = torch.Generator().manual_seed(seed)
    rand = lambda *shape: torch.rand(*shape, 1, 1, generator=generator)
    direction = torch.randint(0, 4, (n,), generator=generator)
    down, right = 3 + (SIDE - 7) * rand(2, n)
    angle = (direction * torch.pi / 4).view(n, 1, 1)
    y, x = torch.meshgrid(*[torch.arange(SIDE, dtype=torch.float32)] * 2, indexing="ij")
    along = (x - right) * angle.cos() + (y - down) * angle.sin()
    across = (y - down) * angle.cos() - (x - right) * angle.sin()
    stroke = torch.exp(-(across**2) / 0.7) * torch.sigmoid(4 * (3 - along.abs()))
    sign = 1 - 2 * (rand(n) < 0.5).float()
    image = 0.5 + 0.5 * sign * stroke * (0.6 + 0.4 * rand(n))
    return (255 * image).round().to(torch.uint8).unsqueeze(1), direction


@pytest.mark.slow
@pytest.mark.system("G8")
def test_features_of_a_dcgan_beat_pixels_with_few_labels(tmp_path):
    x, _ = strokes(1500, 0)
    few, labels = strokes(300, 1)
    test, truth = strokes(700, 2)
    data = simulacra.from_tensors(x, Levels((1, SIDE, SIDE), 256))
    torch.manual_seed(0)
    model = simulacra.DCGAN(data.space, latent=10, channels=8)
    model = simulacra.fit(model, data, out=tmp_path / "run", epochs=5, seed=1, batch_size=50).model
    # each pixel has the same mean in every class, so that a line through pixels has little to go by, while
    # maxima of maps hardly mind where a stroke lies
    pixels = linear_probe(few.flatten(1), labels, test.flatten(1), truth)
    found = linear_probe(features_of(model, few), labels, features_of(model, test), truth)
    assert pixels.accuracy < 0.55
    error = (pixels.standard_error**2 + found.standard_error**2) ** 0.5
    assert found.accuracy > pixels.accuracy + 2 * error


@pytest.mark.system("G8")
def test_maps_are_pooled_to_their_maxima_in_a_grid():
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(72, 5), nn.Tanh())
    x = torch.randn(3, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    maps = net[:2](x)
    # six places onto four: windows of two that overlap
    where = [slice(0, 2), slice(1, 3), slice(3, 5), slice(4, 6)]
    expected = torch.stack([maps[..., i, j].amax((2, 3)) for i in where for j in where], 2).flatten(1)
    torch.testing.assert_close(pooled_layers(net, x), torch.cat([expected, net(x)], 1))
    assert not net[1]._forward_hooks


def test_reference_rows_are_left_out():
    inner = nn.Sequential(nn.Linear(4, 3), VirtualNorm(3, reference=7), nn.ReLU())
    net = Virtual(inner, 7, (4,))
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(pooled_layers(net, x), net(x))


def test_a_row_has_the_same_features_in_any_batch():
    torch.manual_seed(1)
    model = simulacra.DCGAN(Levels((1, SIDE, SIDE), 256), latent=3, channels=4)
    x, _ = strokes(11, 3)
    features = features_of(model, x)
    assert features.shape == (11, (4 + 8) * 16)
    torch.testing.assert_close(features_of(model, x[4:6]), features[4:6], rtol=1e-5, atol=1e-5)


@pytest.mark.system("G8")
def test_the_accuracy_and_its_error_are_shares():
    generator = torch.Generator().manual_seed(2)
    labels = torch.arange(200) % 2
    x = labels.view(-1, 1) + 0.01 * torch.randn(200, 3, generator=generator)
    turned = labels.clone()
    turned[:20] = 1 - turned[:20]
    found = linear_probe(x, labels, x[:80], turned[:80])
    assert found.accuracy == pytest.approx(0.75) and found.n == 80
    assert found.standard_error == pytest.approx((0.75 * 0.25 / 80) ** 0.5)
    assert str(found) == "75.0% +- 4.8% of 80 rows"


def test_bad_input():
    x, labels = torch.randn(6, 2), torch.arange(6) % 2
    with pytest.raises(ValueError, match="the probe has 6 test rows, but 5 labels"):
        linear_probe(x, labels, x, labels[:5])
    with pytest.raises(ValueError, match="training rows of at least two"):
        linear_probe(x, labels * 0, x, labels)
    with pytest.raises(ValueError, match="PCA has no features of its own"):
        features_of(simulacra.PCA(Real((3,)), latent=2), torch.zeros(2, 3))
