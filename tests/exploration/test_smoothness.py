"""How fast decoded paths go: exact for linear maps, bounded for networks, and jumps are seen."""

import pytest
import torch
from torch import nn

import simulacra
from simulacra.core.random.keyed import Rng
from simulacra.core.spaces.plain import Real
from simulacra.exploration.latent.interpolation import decoded, path
from simulacra.exploration.latent.smoothness import smoothness
from simulacra.models.adversarial.gan import GAN

F64 = torch.float64


def ends(model, n=13):
    return (model.prior(Rng(seed, rows=range(n))) for seed in (1, 2))


@pytest.mark.system("G7")
def test_a_linear_decoder_walks_straight_at_the_speed_of_its_map():
    torch.manual_seed(0)
    model = GAN(Real((9,)), latent=3, hidden=()).double()
    G = model.G.body[-1].weight.detach()
    a, b = ends(model)
    found = smoothness(model, path(a, b, 7, "lerp"))
    distance = ((b - a) @ G.T).norm(dim=1)
    torch.testing.assert_close(found.length, distance, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.direct, distance, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.slope, distance / (b - a).norm(dim=1), rtol=1e-10, atol=1e-12)
    assert float(found.slope.max()) <= float(torch.linalg.matrix_norm(G, 2)) + 1e-12


@pytest.mark.system("G7")
@pytest.mark.parametrize("how", ["lerp", "slerp"])
def test_the_slope_is_below_the_product_of_the_layers_norms(how):
    torch.manual_seed(1)
    model = GAN(Real((3, 3)), latent=5, hidden=(30, 20)).double()
    bound = 1.0
    for layer in model.G.modules():
        if isinstance(layer, nn.Linear):
            bound *= float(torch.linalg.matrix_norm(layer.weight.detach(), 2))
    a, b = ends(model)
    codes = path(a, b, 21, how)
    found = smoothness(model, codes)
    assert float(found.slope.max()) <= bound
    assert bool((found.direct <= found.length + 1e-12).all())
    # no picture differs from the next by more than the slope allows
    x = decoded(model, codes).flatten(2)
    moved, walked = (t.diff(dim=1).norm(dim=2) for t in (x, codes))
    assert bool((moved <= found.slope.unsqueeze(1) * walked + 1e-12).all())
    # the ends are the ends
    assert torch.equal(codes[:, 0], a) and torch.equal(codes[:, -1], b)
    torch.testing.assert_close(x[:, 0], model.decode(a).flatten(1), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(x[:, -1], model.decode(b).flatten(1), rtol=1e-12, atol=1e-12)


@pytest.mark.system("G7")
def test_finer_steps_find_no_smaller_slope_and_no_shorter_path():
    torch.manual_seed(2)
    model = GAN(Real((9,)), latent=5, hidden=(30,)).double()
    a, b = ends(model)
    coarse, fine = (smoothness(model, path(a, b, n, "lerp")) for n in (5, 33))
    assert bool((fine.slope >= coarse.slope - 1e-12).all())
    assert bool((fine.length >= coarse.length - 1e-12).all())
    torch.testing.assert_close(fine.direct, coarse.direct, rtol=1e-12, atol=1e-12)


class Jump(nn.Module):
    """Two pictures that were learned by heart."""

    def forward(self, z, c=None):
        return (z[:, :1] > 0).to(z.dtype).expand(-1, 4)


@pytest.mark.system("G7")
def test_a_jump_has_a_slope_that_grows_with_the_number_of_steps():
    model = GAN(Real((4,)), latent=2, hidden=()).double()
    model.G = Jump()
    codes = torch.tensor([[[-1.0, 0.0], [1.0, 0.0]]], dtype=F64)
    for n in (2, 10, 100):
        found = smoothness(model, path(codes[:, 0], codes[:, 1], n, "lerp"))
        assert found.length.item() == found.direct.item() == 2.0
        assert found.slope.item() == pytest.approx(2 * (n - 1) / 2)


def test_levels_count_in_the_unit_interval_and_a_path_that_stands_still_has_no_slope():
    model = simulacra.VAE(simulacra.Levels((1, 3, 3), 256), latent=2, hidden=(8,))
    z = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    found = smoothness(model, torch.stack([z, z], 1))
    assert float(found.slope.abs().max()) == 0.0 and float(found.length.max()) < 1e-6
    # nine pixels: no two pictures are further apart than 3
    far = smoothness(model, path(-9 * z, 9 * z, 4, "lerp"))
    assert 0.0 < float(far.direct.max()) <= 3.0


def test_a_single_code_is_no_path():
    with pytest.raises(ValueError, match=r"codes have shape \(2, 1, 3\), but need \(B, T, latent\)"):
        smoothness(GAN(Real((4,)), latent=3), torch.zeros(2, 1, 3))
