"""PSNR and SSIM against their formulas."""

import json
import math

import numpy as np
import pytest
import torch

import simulacra
from simulacra.core.capabilities import general as can
from simulacra.core.spaces.plain import Binary, Levels, Real
from simulacra.core.storage.records import read_as
from simulacra.data.sources.tensors import from_tensors
from simulacra.evaluation.latents.fidelity import Fidelity, fidelity, fidelity_rows, psnr, ssim
from simulacra.evaluation.samples.implicit import NotScored

pytestmark = pytest.mark.system("G21")


class Changed(simulacra.Model, can.Encodes, can.Decodes):
    """Codes that are the image, decoded with an error: `change` of the image in features."""

    def __init__(self, space, change):
        super().__init__(space)
        self.change, self.code_size = change, space.dims

    def infer(self, x, c=None):
        """x as a row."""
        return self.features(x).flatten(1)

    def emit(self, z, c=None):
        """The image, changed."""
        return self.space.from_features(self.change(z.view(-1, *self.space.shape)))


def by_hand(x, y, window, deviation, L):
    """SSIM of two images (H, W), window by window, as Wang et al. write it."""
    at = np.arange(window) - window // 2
    line = np.exp(-(at**2) / (2 * deviation**2))
    w = np.outer(line, line) / line.sum() ** 2
    C1, C2 = (0.01 * L) ** 2, (0.03 * L) ** 2
    values = []
    for i in range(x.shape[0] - window + 1):
        for j in range(x.shape[1] - window + 1):
            a, b = (image[i : i + window, j : j + window] for image in (x, y))
            m, k = (w * a).sum(), (w * b).sum()
            va, vb, cov = (w * (a - m) ** 2).sum(), (w * (b - k) ** 2).sum(), (w * (a - m) * (b - k)).sum()
            values.append((2 * m * k + C1) * (2 * cov + C2) / ((m * m + k * k + C1) * (va + vb + C2)))
    return np.mean(values)


def pictures(n, shape, levels=256, seed=0):
    """Whole numbers with neighbours alike, some of them flat, (n, *shape)."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(n, *shape, generator=generator).cumsum(-1).cumsum(-2)
    x[::3] = 0.5
    return (x / x.amax((1, 2, 3), keepdim=True) * (levels - 1)).round()


@pytest.mark.parametrize("levels", [256, 1000, 5])
@pytest.mark.parametrize(("channels", "side", "window"), [(1, 13, 11), (3, 12, 11), (1, 11, 11), (1, 7, 5)])
def test_ssim_is_that_of_wang_et_al(levels, channels, side, window):
    L, shape = levels - 1, (channels, side, side + 2)
    x, y = pictures(5, shape, levels), pictures(5, shape, levels, seed=1)
    found = ssim(x.double() / L, y.double() / L, window)
    each = [
        np.mean([by_hand(a.numpy(), b.numpy(), window, 1.5 * window / 11, L) for a, b in zip(p, q)])
        for p, q in zip(x.double(), y.double())
    ]
    np.testing.assert_allclose(found.numpy(), each, atol=1e-6)
    torch.testing.assert_close(ssim(y / L, x / L, window), found, atol=2e-5, rtol=0)


def test_an_image_is_like_itself_and_constants_have_a_closed_form():
    x = pictures(4, (3, 17, 12)).double() / 255
    torch.testing.assert_close(ssim(x, x), torch.ones(4, dtype=torch.float64), atol=1e-12, rtol=0)
    assert psnr(x, x).isinf().all()
    a, b = 0.2, 0.7
    flat = [torch.full((1, 1, 11, 11), value, dtype=torch.float64) for value in (a, b)]
    assert ssim(*flat).item() == pytest.approx((2 * a * b + 1e-4) / (a * a + b * b + 1e-4), rel=1e-9)


@pytest.mark.parametrize("levels", [256, 4096, 2])
def test_psnr_of_a_known_error_in_levels(levels):
    generator = torch.Generator().manual_seed(3)
    shape = (1, 12, 13)
    x = torch.randint(0, levels - 1, (30, *shape), generator=generator)
    data = from_tensors(x, Levels(shape, levels), "steps", valid=0, test=0.3)
    L = levels - 1
    # one level too bright everywhere: the mean squared error is 1 in units of levels
    found = fidelity(Changed(data.space, lambda f: f + 1 / L), data)
    assert found.model.psnr.value == pytest.approx(10 * math.log10(L**2), abs=1e-4)
    assert found.model.psnr.error == pytest.approx(0, abs=1e-4) and found.images == 9


def test_what_comes_back_exactly_is_counted():
    x = pictures(40, (1, 12, 12))
    data = from_tensors(x, Levels((1, 12, 12)), "flats", valid=0, test=0.5)
    same = fidelity(Changed(data.space, lambda f: f), data)
    assert same.model.exact == 20 and same.model.psnr is None
    assert same.model.ssim.value == pytest.approx(1)
    assert fidelity_rows(same)[0][1].startswith("infinite, 20 images of test; 20 come back exactly")
    darker = lambda f: torch.where(f.std((1, 2, 3), keepdim=True) > 0.01, 0.9 * f, f)
    some = fidelity(Changed(data.space, darker), data)
    x = data.test.x.double() / 255
    changed = x.std((1, 2, 3)) > 0.01
    each = -10 * (0.1 * x[changed]).square().mean((1, 2, 3)).log10()
    assert some.model.exact == 20 - len(each) and 5 < len(each) < 20
    assert some.model.psnr.value == pytest.approx(float(each.mean()), abs=1e-4)


def test_colour_intervals_and_the_mean_image():
    shape = (3, 14, 12)
    x = pictures(90, shape)
    data = from_tensors(x, Levels(shape), "colours", valid=0, test=0.4)
    generator = torch.Generator().manual_seed(6)
    noise = 0.03 * torch.randn(36, *shape, generator=generator)
    found = fidelity(Changed(data.space, lambda f: f + noise), data)
    test = data.test.x.double() / 255
    each = -10 * (noise.double().square().flatten(1).mean(1)).log10()
    assert found.model.psnr.value == pytest.approx(float(each.mean()), abs=1e-4)
    assert found.model.psnr.error == pytest.approx(float(each.std()) / 6, rel=1e-3)
    assert found.model.psnr.low < found.model.psnr.value < found.model.psnr.high
    mean = (data.train.x.double() / 255).mean(0)
    each = -10 * (test - mean).square().flatten(1).mean(1).log10()
    assert found.reference.psnr.value == pytest.approx(float(each.mean()), rel=1e-9)
    assert found.reference.ssim.value < found.model.ssim.value < 1
    names = dict(fidelity_rows(read_as(Fidelity, json.loads(json.dumps(found.json())))))
    assert f"{found.model.psnr.value:.2f} (" in names["PSNR of reconstructions"]
    assert "36 images of test; the mean training image" in names["PSNR of reconstructions"]
    assert "windows of 11 x 11" in names["SSIM of reconstructions"]


@pytest.mark.parametrize(("side", "window"), [(3, 3), (4, 3), (8, 7), (11, 11), (12, 11)])
def test_small_images_have_small_windows(side, window):
    x = torch.rand(20, 1, side, 12, generator=torch.Generator().manual_seed(1)).round()
    data = from_tensors(x, Binary((1, side, 12)), valid=0, test=0.5)
    found = fidelity(Changed(data.space, lambda f: 0.9 * f), data, limit=7)
    assert (found.window, found.images) == (window, 7) and 0.9 < found.model.ssim.value < 1


def test_what_cannot_be_measured_is_said_in_one_sentence():
    real = from_tensors(torch.randn(20, 1, 12, 12), Real((1, 12, 12)), "fields")
    with pytest.raises(NotScored, match="need images of a known range, but fields holds Real"):
        fidelity(simulacra.PCA(real.space, latent=2), real)
    flat = from_tensors(torch.zeros(20, 1, 2, 12), Binary((1, 2, 12)), "strips")
    with pytest.raises(NotScored, match="images of strips have a side of 2"):
        fidelity(Changed(flat.space, lambda f: f), flat)
    data = from_tensors(pictures(20, (1, 12, 12)), Levels((1, 12, 12)))
    with pytest.raises(ValueError, match="does not encode and decode"):
        fidelity(simulacra.PixelCNN(data.space, layers=1, channels=2), data)
