"""The decoded lattice: uniform ranks, orientation, planes through larger codes."""

import pytest
import scipy
import torch
from torch import nn

from simulacra.core.model import Model
from simulacra.core.spaces.plain import Binary, Real
from simulacra.exploration.drawing.sheet import images_of
from simulacra.exploration.latent.manifold import latent_grid, manifold, plane_of, principal_plane
from simulacra.exploration.rendering.tiles import mosaic, pixels
from simulacra.models.autoencoders.pca import PCA
from simulacra.models.variational.vae import VAE


@pytest.mark.system("E19")
@pytest.mark.parametrize("n", [1, 4, 25])
def test_grid_points_have_uniform_ranks(n):
    ranks = scipy.stats.norm.cdf(latent_grid(n).numpy()).reshape(n, n, 2)
    middles = (torch.arange(n, dtype=torch.float64) + 0.5).numpy() / n
    # to the right z1 rises, downwards z2 falls
    assert abs(ranks[:, :, 0] - middles[None, :]).max() < 1e-14
    assert abs(ranks[:, :, 1] - middles[::-1, None]).max() < 1e-14
    line = scipy.stats.norm.cdf(latent_grid(n, 1).numpy()[:, 0])
    assert abs(line - (torch.arange(n * n).numpy() + 0.5) / n**2).max() < 1e-14


@pytest.mark.system("E19")
def test_mosaic_holds_each_decoded_image_at_its_place():
    torch.manual_seed(0)
    model = VAE(Binary((1, 4, 6)), latent=2, hidden=(8,)).double()
    n = 5
    images = manifold(model, n)
    assert images.shape == (n * n, 1, 4, 6)
    torch.testing.assert_close(images[7], model.decode(latent_grid(n)[7:8])[0])
    picture = mosaic(pixels(images_of(model.space, images)), n)
    assert picture.shape == (n * 4, n * 6, 3)
    expected = (images[7, 0] * 255).round().to(torch.uint8).numpy()
    assert (picture[4:8, 12:18, 0] == expected).all()


@pytest.mark.system("E19")
def test_larger_codes_are_cut_along_their_principal_plane():
    generator = torch.Generator().manual_seed(0)
    basis, _ = torch.linalg.qr(torch.randn(5, 5, generator=generator, dtype=torch.float64))
    spread = torch.tensor([3.0, 2.0, 0.5, 0.2, 0.1], dtype=torch.float64)
    codes = torch.randn(4000, 5, generator=generator, dtype=torch.float64) * spread @ basis.T + 1.0
    plane = principal_plane(codes)
    assert abs(float(plane.directions[0] @ basis[:, 0])) > 0.998
    assert abs(float(plane.directions[1] @ basis[:, 1])) > 0.998
    torch.testing.assert_close(plane.scale, spread[:2], rtol=0.05, atol=0)
    grid = latent_grid(6)
    torch.testing.assert_close(plane.coordinates(plane.codes(grid)), grid, rtol=1e-10, atol=1e-10)
    # principal coordinates of Gaussian codes have uniform ranks
    ranks = scipy.stats.norm.cdf(plane.coordinates(codes)[:, 0].numpy())
    assert scipy.stats.kstest(ranks, "uniform").pvalue > 0.01


def test_planes_by_capability():
    assert plane_of(VAE(Real((3,)), latent=2, scale=1.0)).standard
    with pytest.raises(ValueError, match="give codes of data"):
        plane_of(PCA(Real((4,)), latent=2))
    with pytest.raises(ValueError, match="give codes of data"):
        manifold(VAE(Real((3,)), latent=3, scale=1.0))
    plane = plane_of(PCA(Real((4,)), latent=2), torch.randn(50, 2) * torch.tensor([1.0, 9.0]))
    assert torch.equal(plane.directions, torch.eye(2, dtype=torch.float64)) and not plane.standard
    with pytest.raises(ValueError, match="does not decode"):
        plane_of(Mute(Real((2,))))
    with pytest.raises(ValueError, match="at least one cell"):
        latent_grid(0)
    with pytest.raises(ValueError, match="a line"):
        latent_grid(3, dims=3)


class Mute(Model):
    """Declares nothing."""

    def __init__(self, space):
        super().__init__(space)
        self.net = nn.Linear(1, 1)
