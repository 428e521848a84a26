"""Bicubic resampling beside a closed form in scalars, and beside Pillow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from simulacra.core.numerics.bicubic import bicubic, kernel, weights_along


def cubic(t: float, a: float = -0.5) -> float:
    """The kernel of Keys 1981 with a free a."""
    t = abs(t)
    if t < 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def resampled(x: list[float], m: int) -> list[float]:
    """A row resampled to m numbers by sums over the window of each."""
    n, found = len(x), []
    ratio, wide = n / m, max(n / m, 1.0)
    for i in range(m):
        middle = (i + 0.5) * ratio
        first, last = max(0, int(middle - 2 * wide)), min(n, int(middle + 2 * wide) + 1)
        w = [cubic((j + 0.5 - middle) / wide) for j in range(first, last)]
        found.append(sum(a * b for a, b in zip(w, x[first:last])) / sum(w))
    return found


@pytest.mark.system("G20")
@pytest.mark.parametrize(("n", "m"), [(5, 20), (7, 3), (12, 3), (3, 7), (9, 9)])
def test_a_side_is_resampled_by_the_closed_form(float64, n, m):
    x = torch.tensor([(3.7 * i) % 2.3 - 1 for i in range(n)], dtype=torch.float64)
    ours = weights_along(n, m) @ x
    assert torch.allclose(
        ours, torch.tensor(resampled(x.tolist(), m), dtype=torch.float64), atol=1e-12, rtol=0
    )


@pytest.mark.system("G20")
@pytest.mark.parametrize("sides", [(20, 28), (3, 2), (15, 5), (5, 21)])
def test_an_image_is_resampled_as_pillow_does(float64, sides):
    x = np.random.default_rng(3).normal(size=(5, 7)).astype(np.float32)
    theirs = np.asarray(Image.fromarray(x).resize(sides[::-1], Image.Resampling.BICUBIC))
    ours = bicubic(torch.as_tensor(x).double(), sides)
    # Pillow stores single precision after each of its two passes
    assert np.abs(ours.numpy() - theirs).max() < 1e-6


@pytest.mark.system("G20")
def test_the_kernel_reproduces_quadratic_functions_within_an_image(float64):
    n, m = 11, 44
    t = lambda k: (torch.arange(k, dtype=torch.float64) + 0.5) / k
    inside = slice(8, -8)
    for power in range(3):
        assert torch.allclose(
            (weights_along(n, m) @ t(n) ** power)[inside], (t(m) ** power)[inside], atol=1e-12
        )
    # not cubic ones
    assert not torch.allclose((weights_along(n, m) @ t(n) ** 3)[inside], (t(m) ** 3)[inside], atol=1e-6)


@pytest.mark.system("G20")
def test_the_kernel_is_smooth_and_interpolates(float64):
    assert kernel(torch.arange(-3.0, 4.0)).tolist() == [0, 0, 0, 1, 0, 0, 0]
    for knot in (0.0, 1.0, 2.0):
        t = torch.tensor([knot - 1e-6, knot + 1e-6], requires_grad=True)
        (slope,) = torch.autograd.grad(kernel(t).sum(), t)
        assert abs(float(slope[0] - slope[1])) < 2e-5
    x = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(bicubic(x, (5, 7)), x)


@pytest.mark.system("G20")
def test_reading_an_image_upside_down_changes_nothing(float64):
    x = torch.rand(1, 1, 6, 9, generator=torch.Generator().manual_seed(1))
    for sides in ((24, 36), (2, 3)):
        assert torch.allclose(bicubic(x.flip(-1), sides), bicubic(x, sides).flip(-1), atol=1e-14)
