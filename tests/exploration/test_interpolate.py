"""Paths between codes: endpoints, norms, angles and the awkward cases."""

import math

import pytest
import torch

from simulacra.core.spaces.plain import Real
from simulacra.exploration.latent.interpolation import interpolations, lerp, path, slerp
from simulacra.models.autoencoders.ppca import PPCA


def codes(n, d, seed=0, dtype=torch.float64):
    return torch.randn(2, n, d, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.system("E21")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("way", [lerp, slerp])
def test_endpoints_are_exact(way, dtype):
    a, b = codes(7, 5, dtype=dtype)
    assert torch.equal(way(a, b, 0.0), a)
    assert torch.equal(way(a, b, 1.0), b)
    both = way(a, b, torch.tensor([0.0, 1.0]))
    assert torch.equal(both, torch.stack([a, b]))


@pytest.mark.system("E21")
@pytest.mark.parametrize("d", [2, 3, 50])
def test_slerp_keeps_the_norm_and_turns_evenly(d):
    a, b = codes(20, d, seed=d)
    b = b / b.norm(dim=1, keepdim=True) * a.norm(dim=1, keepdim=True)
    t = torch.linspace(0, 1, 13, dtype=torch.float64)
    z = slerp(a, b, t)
    torch.testing.assert_close(z.norm(dim=2), a.norm(dim=1).expand(13, 20), rtol=1e-13, atol=0)
    unit = a / a.norm(dim=1, keepdim=True)
    w = torch.acos((unit * b).sum(1) / b.norm(dim=1))
    angle = torch.acos(((z * unit).sum(2) / z.norm(dim=2)).clamp(-1, 1))
    torch.testing.assert_close(angle[1:], t[1:, None] * w, rtol=1e-7, atol=1e-7)


@pytest.mark.system("E21")
def test_slerp_is_shoemakes_formula_for_equal_norms():
    a, b = codes(10, 4)
    a, b = a / a.norm(dim=1, keepdim=True), b / b.norm(dim=1, keepdim=True)
    w = torch.acos((a * b).sum(1, keepdim=True))
    for t in (0.1, 0.5, 0.8):
        expected = (torch.sin((1 - t) * w) * a + torch.sin(t * w) * b) / torch.sin(w)
        torch.testing.assert_close(slerp(a, b, t), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.system("E21")
def test_unequal_norms_go_linearly_even_when_almost_opposite():
    a = torch.tensor([[3.0, 0.0, 0.0]], dtype=torch.float64)
    for shift in (0.0, 1e-15, 1e-9, 1e-3):
        b = torch.tensor([[-1.0, shift, 0.0]], dtype=torch.float64)
        t = torch.linspace(0, 1, 5, dtype=torch.float64)
        norms = slerp(a, b, t).norm(dim=2).squeeze(1)
        torch.testing.assert_close(norms, 3 - 2 * t, rtol=1e-6, atol=0)


@pytest.mark.system("E21")
def test_parallel_and_opposite_codes():
    a = torch.tensor([[1.0, 2.0, 2.0]], dtype=torch.float64)
    torch.testing.assert_close(slerp(a, 2 * a, 0.5), 1.5 * a, rtol=1e-15, atol=0)
    assert torch.equal(slerp(a, a, 0.3), a)
    half = slerp(a, -a, 0.5)
    assert abs(float((half * a).sum())) < 1e-14
    assert math.isclose(float(half.norm()), 3.0, rel_tol=1e-14)
    assert torch.equal(half, slerp(a, -a, 0.5))
    zero = torch.zeros_like(a)
    torch.testing.assert_close(slerp(zero, a, 0.25), 0.25 * a)


def test_bad_input_gets_one_sentence():
    one = torch.ones(1, 1)
    with pytest.raises(ValueError, match="how='lerp'"):
        slerp(one, -one, 0.5)
    torch.testing.assert_close(slerp(one, 3 * one, 0.5), 2 * one)
    with pytest.raises(ValueError, match="but both need one shape"):
        lerp(torch.ones(2, 3), torch.ones(3, 2), 0.5)
    with pytest.raises(ValueError, match="two ends"):
        path(one, one, steps=1)
    with pytest.raises(ValueError, match="lerp, slerp"):
        path(one, one, how="cubic")


@pytest.mark.system("I11", "E21")
def test_decoded_paths_start_and_end_at_reconstructions():
    model = PPCA(Real((6,)), latent=3).double()
    generator = torch.Generator().manual_seed(1)
    model.W.copy_(torch.randn(6, 3, generator=generator, dtype=torch.float64))
    model.location.copy_(torch.randn(6, generator=generator, dtype=torch.float64))
    x = torch.randn(8, 6, generator=generator, dtype=torch.float64)
    for how in ("lerp", "slerp"):
        drawn = interpolations(model, x[:4], x[4:], steps=6, how=how)
        assert drawn.shape == (4, 6, 6)
        torch.testing.assert_close(drawn[:, 0], model.reconstruct(x[:4]), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(drawn[:, -1], model.reconstruct(x[4:]), rtol=1e-12, atol=1e-12)
    # through a linear decoder a straight line stays straight
    straight = interpolations(model, x[:4], x[4:], steps=6, how="lerp")
    t = torch.linspace(0, 1, 6, dtype=torch.float64).view(1, 6, 1)
    expected = (1 - t) * straight[:, :1] + t * straight[:, -1:]
    torch.testing.assert_close(straight, expected, rtol=1e-10, atol=1e-12)
